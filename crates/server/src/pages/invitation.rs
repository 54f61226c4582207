//! Accepting an invitation.

use askama::Template;

use super::parts::{Field, Form};
use super::sample::Sample;

/// The invitation page.
#[derive(Debug, Template)]
#[template(path = "invitation.html")]
pub struct Invitation {
    /// Its form.
    pub form: Form,
    /// The one-time code of the message.
    pub once: Field,
    /// The name.
    pub name: Field,
    /// The password; never shown again.
    pub password: Field,
}

impl Sample for Invitation {
    const NAME: &'static str = "invitation";

    fn sample() -> Self {
        let (once, name, password) = (Field::default(), Field::default(), Field::default());
        Self { form: Form::sample(), once, name, password }
    }
}
