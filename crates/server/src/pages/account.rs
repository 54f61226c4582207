//! The account: who one is, how one signs in, where one is signed in. What changes a way to sign in
//! has a page of its own under `account/`.

use askama::Template;

use super::parts::Form;
use super::sample::Sample;
use super::sign_in::PASSKEY_SAMPLE;

mod authenticator;
mod keys;
mod password;
mod recovery_codes;

pub use authenticator::Authenticator;
pub use keys::{HeldKey, Keys, delete_own_key, show_keys};
pub use password::Password;
pub use recovery_codes::RecoveryCodes;

/// The account page.
#[derive(Debug, Template)]
#[template(path = "account.html")]
pub struct Account {
    /// Its forms.
    pub form: Form,
    /// What was done just now.
    pub done: Option<&'static str>,
    /// The person's name.
    pub name: String,
    /// The person's address.
    pub email: String,
    /// When the password was chosen, if there is one.
    pub password: Option<String>,
    /// Passkeys.
    pub passkeys: Vec<Passkey>,
    /// What the browser is asked to make a passkey, as JSON.
    pub new_passkey: Option<String>,
    /// Since when an authenticator app is used.
    pub authenticator: Option<String>,
    /// Recovery codes left, once there were some.
    pub recovery_codes: Option<usize>,
    /// Where one is signed in.
    pub sessions: Vec<Session>,
}

/// A passkey.
#[derive(Debug)]
pub struct Passkey {
    /// Its id in forms.
    pub id: String,
    /// What the person calls it.
    pub name: String,
    /// When it was made and last used.
    pub used: String,
}

/// A session.
#[derive(Debug)]
pub struct Session {
    /// Its id in forms.
    pub id: String,
    /// The browser or program.
    pub name: String,
    /// Where from and when last.
    pub seen: String,
    /// Whether it is this one.
    pub is_this: bool,
}

impl Account {
    pub(crate) const PLACE: &'static str = "account";
}

impl Sample for Account {
    const NAME: &'static str = "account";

    fn sample() -> Self {
        let text = str::to_owned;
        let passkey = |id: &str, name: &str, used: &str| Passkey {
            id: text(id),
            name: text(name),
            used: text(used),
        };
        let session = |id: &str, name: &str, seen: &str, is_this| Session {
            id: text(id),
            name: text(name),
            seen: text(seen),
            is_this,
        };
        Self {
            form: Form::sample(),
            done: None,
            name: text("Ada Byron"),
            email: text("ada@northwind.example"),
            password: Some(text("Changed on 3 November 2026")),
            passkeys: vec![
                passkey("a", "Ada’s phone", "Added on 3 November 2026, used today"),
                passkey("b", "Security key", "Added on 12 October 2026, never used"),
            ],
            new_passkey: Some(text(PASSKEY_SAMPLE)),
            authenticator: Some(text("Since 3 November 2026")),
            recovery_codes: Some(8),
            sessions: vec![
                session("a", "Firefox on Linux", "198.51.100.7 · now", true),
                session("b", "Safari on iPhone", "203.0.113.20 · yesterday", false),
                session("c", "keyhaven command line", "198.51.100.7 · 3 November 2026", false),
            ],
        }
    }

    fn others() -> Vec<(&'static str, Self)> {
        let new = Self {
            done: Some("Your account is ready."),
            password: None,
            passkeys: Vec::new(),
            authenticator: None,
            recovery_codes: None,
            sessions: Self::sample().sessions.into_iter().take(1).collect(),
            ..Self::sample()
        };
        vec![("new", new)]
    }
}
