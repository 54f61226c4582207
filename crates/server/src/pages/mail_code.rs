//! Signing in with a code that was mailed: first the address, then the code. Both answers are the
//! same whether or not the address has an account.

use askama::Template;

use super::parts::{Field, Form};
use super::sample::Sample;

/// The mail-code page.
#[derive(Debug, Template)]
#[template(path = "mail_code.html")]
pub struct MailCode {
    /// Its form.
    pub form: Form,
    /// Whether a code was asked for.
    pub sent: bool,
    /// The address.
    pub username: Field,
    /// The code.
    pub code: Field,
}

impl Sample for MailCode {
    const NAME: &'static str = "mail-code";

    fn sample() -> Self {
        let (username, code) = (Field::default(), Field::default());
        Self { form: Form::sample(), sent: false, username, code }
    }

    fn others() -> Vec<(&'static str, Self)> {
        let username = || Field::of("ada@northwind.example");
        let sent = Self { sent: true, username: username(), ..Self::sample() };
        let form = Form::refused_sample("This code is not right. Check it, or send another one.");
        let refused = Self { form, sent: true, username: username(), ..Self::sample() };
        vec![("sent", sent), ("refused", refused)]
    }
}
