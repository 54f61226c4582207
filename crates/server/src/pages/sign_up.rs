//! Making an account, where strangers may.

use askama::Template;

use super::parts::{Field, Form, Upstream};
use super::sample::Sample;

/// What a good password is, said wherever one is chosen.
pub const PASSWORD_HINT: &str = "8 characters or more; several words are best. No other rules.";

/// The sign-up page.
#[derive(Debug, Template)]
#[template(path = "sign_up.html")]
pub struct SignUp {
    /// Its form.
    pub form: Form,
    /// The address.
    pub username: Field,
    /// The name.
    pub name: Field,
    /// The password; never shown again.
    pub password: Field,
    /// What the browser is asked for a new passkey, as JSON.
    pub passkey: Option<String>,
    /// Other services.
    pub upstreams: Vec<Upstream>,
}

impl Sample for SignUp {
    const NAME: &'static str = "sign-up";

    fn sample() -> Self {
        Self {
            form: Form::sample(),
            username: Field::default(),
            name: Field::default(),
            password: Field::default(),
            passkey: None,
            upstreams: Upstream::samples(),
        }
    }

    fn others() -> Vec<(&'static str, Self)> {
        let wrong = Self {
            form: Form::refused_sample("One thing has to change before the account can be made."),
            username: Field::of("ada@northwind.example"),
            name: Field::of("Ada Byron"),
            password: Field::default().wrong("This password is on a list of stolen passwords."),
            ..Self::sample()
        };
        vec![("wrong", wrong)]
    }
}
