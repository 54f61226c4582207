//! The second step of signing in: a code from an app, a recovery code, or a passkey.

use askama::Template;

use super::parts::{Field, Form};
use super::sample::Sample;
use super::sign_in::PASSKEY_SAMPLE;

/// How the person answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// RFC 6238.
    Totp,
    /// One of the codes kept on paper.
    RecoveryCode,
    /// A passkey or security key.
    Passkey,
}

/// The second-factor page.
#[derive(Debug, Template)]
#[template(path = "second_factor.html")]
pub struct SecondFactor {
    /// Its form.
    pub form: Form,
    /// Whose account.
    pub account: String,
    /// The way that is open.
    pub way: Way,
    /// Whether there is an authenticator app.
    pub has_totp: bool,
    /// Whether there are recovery codes.
    pub has_recovery_codes: bool,
    /// What the browser is asked for a passkey, as JSON.
    pub passkey: Option<String>,
    /// The code.
    pub code: Field,
}

impl Sample for SecondFactor {
    const NAME: &'static str = "second-factor";

    fn sample() -> Self {
        Self {
            form: Form::sample(),
            account: "ada@northwind.example".to_owned(),
            way: Way::Totp,
            has_totp: true,
            has_recovery_codes: true,
            passkey: Some(PASSKEY_SAMPLE.to_owned()),
            code: Field::default(),
        }
    }

    fn others() -> Vec<(&'static str, Self)> {
        let refused = Self {
            form: Form::refused_sample("This code is not right, or it was used already."),
            passkey: None,
            ..Self::sample()
        };
        let recovery = Self { way: Way::RecoveryCode, passkey: None, ..Self::sample() };
        let passkey = Self { way: Way::Passkey, ..Self::sample() };
        vec![("refused", refused), ("recovery-code", recovery), ("passkey", passkey)]
    }
}
