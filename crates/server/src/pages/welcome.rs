//! The first administrator. The one-time code that was printed at the start arrives behind the `#`
//! of the address; without JavaScript it is pasted into its field (A67).

use askama::Template;

use super::parts::{Field, Form};
use super::sample::Sample;

/// The welcome page.
#[derive(Debug, Template)]
#[template(path = "welcome.html")]
pub struct Welcome {
    /// Its form.
    pub form: Form,
    /// The one-time code.
    pub once: Field,
    /// The address.
    pub username: Field,
    /// The name.
    pub name: Field,
    /// The first organization.
    pub organization: Field,
    /// The password; never shown again.
    pub password: Field,
}

impl Sample for Welcome {
    const NAME: &'static str = "welcome";

    fn sample() -> Self {
        Self {
            form: Form::sample(),
            once: Field::default(),
            username: Field::default(),
            name: Field::default(),
            organization: Field::default(),
            password: Field::default(),
        }
    }
}
