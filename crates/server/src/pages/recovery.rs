//! A forgotten password: asking for the link, and choosing a new one. Recovery never removes a
//! second factor.

use askama::Template;

use super::parts::{Field, Form};
use super::sample::Sample;

/// Asking for the link.
#[derive(Debug, Template)]
#[template(path = "recover.html")]
pub struct Recover {
    /// Its form.
    pub form: Form,
    /// The address.
    pub username: Field,
}

impl Sample for Recover {
    const NAME: &'static str = "recover";

    fn sample() -> Self {
        Self { form: Form::sample(), username: Field::default() }
    }
}

/// Choosing a new password.
#[derive(Debug, Template)]
#[template(path = "reset.html")]
pub struct Reset {
    /// Its form.
    pub form: Form,
    /// The one-time code of the message.
    pub once: Field,
    /// The new password; never shown again.
    pub password: Field,
}

impl Sample for Reset {
    const NAME: &'static str = "reset";

    fn sample() -> Self {
        Self { form: Form::sample(), once: Field::default(), password: Field::default() }
    }

    fn others() -> Vec<(&'static str, Self)> {
        let form = Form::refused_sample(
            "This link was used already, or it is older than 30 minutes. Ask for a new one.",
        );
        vec![("refused", Self { form, ..Self::sample() })]
    }
}
