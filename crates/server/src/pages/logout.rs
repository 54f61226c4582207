//! Signing out: a page that asks first, for a link alone must not do it (A66), and one that says it
//! is done.

use askama::Template;

use super::parts::Form;
use super::sample::Sample;

/// Asking.
#[derive(Debug, Template)]
#[template(path = "logout.html")]
pub struct Logout {
    /// Its form.
    pub form: Form,
    /// Who is signed in.
    pub account: String,
    /// The stored request of an app that wants it, if one does.
    pub handle: Option<String>,
}

impl Sample for Logout {
    const NAME: &'static str = "logout";

    fn sample() -> Self {
        let account = "ada@northwind.example".to_owned();
        Self { form: Form::sample(), account, handle: None }
    }
}

/// Done.
#[derive(Debug, Template)]
#[template(path = "logged_out.html")]
pub struct LoggedOut {
    /// Whether all sessions ended.
    pub everywhere: bool,
}

impl Sample for LoggedOut {
    const NAME: &'static str = "logged-out";

    fn sample() -> Self {
        Self { everywhere: false }
    }

    fn others() -> Vec<(&'static str, Self)> {
        vec![("everywhere", Self { everywhere: true })]
    }
}
