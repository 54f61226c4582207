//! What several views have in common: forms and their messages, people, who asks for what.

use keyhaven_store::Error;

use crate::app::App as Node;
use crate::http::browser::SignedInUser;
use crate::http::same_origin::form_token;
use crate::operations::upstream_sign_in::find_home_upstream;

/// What every form carries.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// The form token, bound to the browser's session or to its sign-ins under way.
    pub token: String,
    /// The handle of the sign-in under way that the form belongs to.
    pub sign_in: Option<String>,
    /// What went wrong the last time, above the form. It takes the focus.
    pub alert: Option<Alert>,
}

/// What went wrong.
#[derive(Clone, Debug)]
pub struct Alert {
    /// One plain sentence, and what to do next.
    pub text: String,
    /// The code under which an administrator finds the rule.
    pub code: Option<String>,
}

impl Alert {
    /// A sentence without a code.
    #[must_use]
    pub fn of(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: None }
    }
}

impl Form {
    /// A form for the person who is signed in.
    #[must_use]
    pub fn of(user: &SignedInUser) -> Self {
        user.browser.sid.as_ref().map_or_else(Self::default, |sid| Self::fresh(form_token(sid)))
    }

    /// A form that nobody has sent yet.
    #[must_use]
    pub fn fresh(token: impl Into<String>) -> Self {
        Self { token: token.into(), sign_in: None, alert: None }
    }

    /// The form as a step of a sign-in.
    #[must_use]
    pub fn of_sign_in(mut self, handle: impl Into<String>) -> Self {
        self.sign_in = Some(handle.into());
        self
    }

    /// The address of another step of the same sign-in.
    #[must_use]
    pub fn step(&self, path: &str) -> String {
        match &self.sign_in {
            Some(handle) => format!("{path}?sign_in={handle}"),
            None => path.to_owned(),
        }
    }

    /// The form again, with what went wrong.
    #[must_use]
    pub fn with(mut self, alert: Alert) -> Self {
        self.alert = Some(alert);
        self
    }

    /// A form of a sample.
    #[must_use]
    pub fn sample() -> Self {
        Self::fresh("form-token-of-a-sample")
    }

    /// A form of a sample that was refused.
    #[must_use]
    pub fn refused_sample(text: &str) -> Self {
        let code = Some("KH-4F2A-9C1D".to_owned());
        Self::sample().with(Alert { text: text.to_owned(), code })
    }
}

/// A text field as it was sent.
#[derive(Clone, Debug, Default)]
pub struct Field {
    /// What it holds.
    pub value: String,
    /// What is wrong with it.
    pub error: Option<String>,
}

impl Field {
    /// A field with something in it.
    #[must_use]
    pub fn of(value: impl Into<String>) -> Self {
        Self { value: value.into(), error: None }
    }

    /// The field, with what is wrong with it.
    #[must_use]
    pub fn wrong(mut self, error: impl Into<String>) -> Self {
        self.error = Some(error.into());
        self
    }
}

/// Another service one can sign in with.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Its name in addresses.
    pub slug: String,
    /// Its name for people.
    pub name: String,
}

impl Upstream {
    /// Those that are configured and on.
    pub async fn all(app: &Node) -> Result<Vec<Self>, Error> {
        let known = app.store.list_upstream_buttons().await?.into_iter();
        Ok(known.map(|(id, name)| Self { slug: id.to_string(), name }).collect())
    }

    /// The one that the organization of an address signs in with, where that has claimed the domain.
    /// It says nothing of whether the address has an account (A58).
    pub async fn of_home(app: &Node, address: &str) -> Result<Option<Self>, Error> {
        let found = find_home_upstream(app, address).await?;
        Ok(found.map(|found| Self { slug: found.id.to_string(), name: found.name }))
    }

    /// Those of samples.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        [("google", "Google"), ("github", "GitHub")]
            .map(|(slug, name)| Self { slug: slug.to_owned(), name: name.to_owned() })
            .to_vec()
    }
}

/// An app that asks for something, and how sure we are who it is.
#[derive(Clone, Debug)]
pub struct App {
    /// What it calls itself.
    pub name: String,
    /// The host its answers go to.
    pub host: String,
    /// Whether an administrator here registered it.
    pub verified: bool,
}

impl App {
    /// The letter that stands for it.
    #[must_use]
    pub fn letter(&self) -> String {
        letter(&self.name)
    }

    /// An app of a sample.
    #[must_use]
    pub fn sample() -> Self {
        Self {
            name: "Northwind Notebook".to_owned(),
            host: "notebook.northwind.example".to_owned(),
            verified: true,
        }
    }

    /// An app nobody here vouches for.
    #[must_use]
    pub fn unknown_sample() -> Self {
        Self { verified: false, ..Self::sample() }
    }
}

/// The first letter of a name, as its picture.
#[must_use]
pub fn letter(name: &str) -> String {
    let first = name.chars().find(|char| char.is_alphanumeric());
    first.map_or_else(|| "·".to_owned(), |char| char.to_uppercase().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_letter_of_a_name_is_its_first_letter_or_digit() {
        assert_eq!(letter("  <northwind>"), "N");
        assert_eq!(letter("élan"), "É");
        assert_eq!(letter("…"), "·");
    }
}
