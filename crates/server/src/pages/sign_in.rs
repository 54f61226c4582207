//! Signing in: address and password on one page, with every other way one tap away.

use askama::Template;

use super::parts::{App, Field, Form, Upstream};
use super::sample::Sample;

/// The sign-in page.
#[derive(Debug, Template)]
#[template(path = "sign_in.html")]
pub struct SignIn {
    /// Its form.
    pub form: Form,
    /// The app that sent the person here.
    pub app: Option<App>,
    /// The address, when it was typed before.
    pub username: Field,
    /// What the browser is asked for a passkey (Web Authentication §5.5), as JSON.
    pub passkey: Option<String>,
    /// Other services.
    pub upstreams: Vec<Upstream>,
    /// Whether strangers may make accounts.
    pub open: bool,
}

impl Sample for SignIn {
    const NAME: &'static str = "sign-in";

    fn sample() -> Self {
        Self {
            form: Form::sample(),
            app: Some(App::sample()),
            username: Field::default(),
            passkey: Some(PASSKEY_SAMPLE.to_owned()),
            upstreams: Upstream::samples(),
            open: true,
        }
    }

    fn others() -> Vec<(&'static str, Self)> {
        let refused = Self {
            form: Form::refused_sample(
                "The address or the password is not right. Check both and try again.",
            ),
            username: Field::of("ada@northwind.example"),
            app: None,
            ..Self::sample()
        };
        let plain = Self { passkey: None, upstreams: Vec::new(), open: false, ..Self::sample() };
        vec![("refused", refused), ("plain", plain)]
    }
}

/// What a browser is asked for, in samples.
pub const PASSKEY_SAMPLE: &str =
    r#"{"challenge":"c2FtcGxl","rpId":"localhost","userVerification":"required"}"#;
