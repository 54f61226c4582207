//! A page that says one thing and where to go from there: a message was sent, a password was set.

use std::borrow::Cow;

use askama::Template;

use super::sample::Sample;

/// The notice.
#[derive(Debug, Template)]
#[template(path = "notice.html")]
pub struct Notice {
    /// What happened.
    pub title: &'static str,
    /// What it means.
    pub text: &'static str,
    /// What else is good to know.
    pub detail: &'static str,
    /// Where to go.
    pub href: Cow<'static, str>,
    /// What that is called.
    pub label: &'static str,
    /// Whether going there is the next step.
    pub is_step: bool,
}

impl Notice {
    /// A message may have been sent: the same for every address (A58).
    #[must_use]
    pub fn recovery_sent() -> Self {
        Self {
            title: "Check your mail",
            text: "If the address you gave has an account, a link is on its way.",
            detail: "It works once, for 30 minutes. If nothing comes, look into the spam folder.",
            href: "/login".into(),
            label: "Back to sign in",
            is_step: false,
        }
    }

    /// A message was sent, which says what to do next: the same for every address (A58).
    #[must_use]
    pub fn sign_up_sent() -> Self {
        Self {
            title: "Check your mail",
            text: "We sent a message to your address. Its link makes your account.",
            ..Self::recovery_sent()
        }
    }

    /// An account was connected by an invitation.
    #[must_use]
    pub fn connected() -> Self {
        Self {
            title: "Your account is connected",
            text: "You can close this page and go back to where you came from.",
            detail: "You can take it back at any time, there or in the settings of your account.",
            href: "/".into(),
            label: "Go to Keyhaven",
            is_step: false,
        }
    }

    /// An invitation led to no connection.
    #[must_use]
    pub fn not_connected() -> Self {
        Self {
            title: "Your account is not connected",
            text: "Nothing was stored. Use the link again, or ask for a new one.",
            detail: "",
            ..Self::connected()
        }
    }

    /// An installation began at a service; `from` is where its user begins it with us.
    #[must_use]
    pub fn begun_elsewhere(from: String) -> Self {
        Self {
            title: "One more step",
            text: "This installation began at the other service. So that it is you who connects your \
                   account and nobody else, it has to begin here.",
            detail: "Nothing was connected and nothing was stored.",
            href: from.into(),
            label: "Connect from here",
            is_step: true,
        }
    }

    /// A new password is set.
    #[must_use]
    pub fn password_set() -> Self {
        Self {
            title: "Your password is set",
            text: "Everyone who was signed in to this account has been signed out.",
            detail: "",
            href: "/login".into(),
            label: "Sign in",
            is_step: true,
        }
    }
}

impl Sample for Notice {
    const NAME: &'static str = "notice";

    fn sample() -> Self {
        Self::recovery_sent()
    }

    fn others() -> Vec<(&'static str, Self)> {
        vec![
            ("password-set", Self::password_set()),
            ("connected", Self::connected()),
            ("begun-elsewhere", Self::begun_elsewhere("/".to_owned())),
        ]
    }
}
