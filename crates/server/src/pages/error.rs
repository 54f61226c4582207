//! The error page: what kind of thing went wrong, what to do next, and where an administrator finds
//! out why. It never says which rule refused.

use askama::Template;

use super::sample::Sample;

/// The error page.
#[derive(Debug, Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// What kind of thing.
    pub title: &'static str,
    /// What it means.
    pub text: &'static str,
    /// What to do next.
    pub next: &'static str,
    /// What to tell an administrator.
    pub reference: Option<Reference>,
}

/// What to tell an administrator.
#[derive(Debug)]
pub struct Reference {
    /// What it is called.
    pub label: &'static str,
    /// The code or id.
    pub value: String,
    /// What it is good for.
    pub use_it: &'static str,
}

fn code(value: String) -> Option<Reference> {
    let use_it = "An administrator can look up the exact reason with this code for a day.";
    Some(Reference { label: "Code", value, use_it })
}

impl ErrorPage {
    /// A rule said no.
    #[must_use]
    pub fn refused(reference: String) -> Self {
        Self {
            title: "This request cannot go on",
            text: "Something in it is missing, wrong or out of date. Nothing was changed.",
            next: "Go back to where you came from and start again from there.",
            reference: code(reference),
        }
    }

    /// What it needed has ended.
    #[must_use]
    pub fn expired(reference: String) -> Self {
        Self {
            title: "This page has expired",
            text: "The link or form was used already, or it waited too long.",
            next: "Start again; nothing was lost.",
            reference: code(reference),
        }
    }

    /// Not for this person, or not from this place.
    #[must_use]
    pub fn forbidden(reference: String) -> Self {
        Self {
            title: "You cannot do this here",
            text: "Your account does not allow it, or the request did not come from our own page.",
            next: "If you expected it to work, ask an administrator.",
            reference: code(reference),
        }
    }

    /// Too often.
    #[must_use]
    pub fn too_many(reference: String) -> Self {
        Self {
            title: "Too many tries",
            text: "To keep accounts safe we wait a little after several failures.",
            next: "Wait a minute, then try again.",
            reference: code(reference),
        }
    }

    /// Ours, and it will pass.
    #[must_use]
    pub fn unavailable(request: &str) -> Self {
        let use_it = "This id helps an administrator to find out what happened.";
        Self {
            title: "Not possible right now",
            text: "The server cannot answer at this moment. Nothing was changed.",
            next: "Try again in a minute.",
            reference: Some(Reference { label: "Request", value: request.to_owned(), use_it }),
        }
    }

    /// No such page.
    #[must_use]
    pub fn not_found() -> Self {
        Self {
            title: "There is no such page",
            text: "The address is wrong, or the page is gone.",
            next: "Check the address, or go to the start.",
            reference: None,
        }
    }
}

impl Sample for ErrorPage {
    const NAME: &'static str = "error";

    fn sample() -> Self {
        Self::refused("KH-4F2A-9C1D".to_owned())
    }

    fn others() -> Vec<(&'static str, Self)> {
        vec![
            ("expired", Self::expired("KH-4F2A-9C1D".to_owned())),
            ("forbidden", Self::forbidden("KH-4F2A-9C1D".to_owned())),
            ("too-many", Self::too_many("KH-4F2A-9C1D".to_owned())),
            ("unavailable", Self::unavailable("019a2b3c-4d5e-7f60")),
            ("not-found", Self::not_found()),
        ]
    }
}
