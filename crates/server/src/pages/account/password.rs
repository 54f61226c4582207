//! Choosing another password, which takes the present one.

use askama::Template;

use crate::pages::parts::{Field, Form};
use crate::pages::sample::Sample;

/// The password page.
#[derive(Debug, Template)]
#[template(path = "account_password.html")]
pub struct Password {
    /// Its form.
    pub form: Form,
    /// The address, so that password managers know whose it is.
    pub email: String,
    /// The present password; never shown again.
    pub current: Field,
    /// The new one; never shown again.
    pub password: Field,
}

impl Password {
    pub(crate) const PLACE: &'static str = "account";
}

impl Sample for Password {
    const NAME: &'static str = "account-password";

    fn sample() -> Self {
        let email = "ada@northwind.example".to_owned();
        Self { form: Form::sample(), email, current: Field::default(), password: Field::default() }
    }

    fn others() -> Vec<(&'static str, Self)> {
        let current = Field::default().wrong("This is not your present password.");
        let form = Form::refused_sample("The password was not changed.");
        vec![("refused", Self { form, current, ..Self::sample() })]
    }
}
