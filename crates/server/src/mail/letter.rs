//! The letters we write: what is kept in the queue, and what it says when it is sent. Secrets are
//! not in the queue: a code is made at the moment of sending, so its life begins there (F20).

use keyhaven_protocol::mail_code;
use keyhaven_protocol::secret::Secret;
use serde::{Deserialize, Serialize};

use super::Page;

/// A letter as it waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// The address it goes to.
    pub to: String,
    /// What it is about.
    pub matter: Matter,
}

/// What a letter is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Matter {
    /// A code for the sign-in `bound`, if the address has an account.
    MailCode {
        /// The sign-in under way.
        bound: String,
    },
    /// An invitation. Its link lives for days, and whoever invites has it too.
    Invitation {
        /// The name of the organization it leads into.
        organization: Option<String>,
        /// The link.
        link: String,
    },
    /// A link to choose a new password, if the address has an account.
    Recovery,
    /// A link that makes an account for whoever reads this address, if it has none.
    SignUp {
        /// The name they gave.
        name: String,
        /// The password they chose, hashed; `None` for those who sign in with a passkey alone.
        phc: Option<String>,
    },
    /// A link with which a person proves that this is their address from now on.
    Address {
        /// Who.
        user: String,
    },
    /// A connection to an outside account has to be authorized again.
    Reauthorize {
        /// The organization that asks.
        asker: String,
        /// Its connector's name.
        connector: String,
        /// The provider's name.
        provider: String,
        /// The outside account, as far as known.
        account: Option<String>,
        /// Where its user does that; it opens nothing by itself.
        link: String,
    },
    /// Something changed that its owner must hear of (V6.3.7).
    Notice {
        /// What.
        notice: Notice,
    },
}

/// What a person must hear of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Notice {
    /// Somebody chose a new password.
    PasswordChanged,
    /// The account has a new address; told to the old one.
    EmailChanged,
    /// An authenticator app was added.
    TotpAdded,
    /// The authenticator app was removed.
    TotpRemoved,
    /// A passkey was added.
    PasskeyAdded {
        /// Its name.
        name: String,
    },
    /// A passkey was removed.
    PasskeyRemoved {
        /// Its name.
        name: String,
    },
    /// New recovery codes were made.
    RecoveryCodesMade,
    /// A recovery code was used to sign in.
    RecoveryCodeUsed,
    /// Another provider can sign the person in.
    UpstreamLinked {
        /// Its name.
        name: String,
    },
    /// Another provider cannot any more.
    UpstreamUnlinked,
    /// An administrator took factors away.
    FactorsReset,
    /// An app's refresh token was used by two (RFC 9700 §4.14.2).
    TokenUsedTwice {
        /// The app.
        app: String,
    },
}

impl Notice {
    fn page(&self, issuer: &str) -> Page {
        let (subject, sentence) = match self {
            Self::PasswordChanged => (
                "Your password was changed",
                "The password of your account was changed. Apps that worked while you were away \
                 have to be connected again."
                    .into(),
            ),
            Self::EmailChanged => (
                "Your address was changed",
                "Your account has another e-mail address now. This is the last message to this one."
                    .into(),
            ),
            Self::TotpAdded => (
                "An authenticator app was added",
                "An authenticator app can confirm your sign-ins from now on.".into(),
            ),
            Self::TotpRemoved => (
                "Your authenticator app was removed",
                "Your account has no authenticator app any more.".into(),
            ),
            Self::PasskeyAdded { name } => (
                "A passkey was added",
                format!("The passkey “{name}” can sign in to your account from now on."),
            ),
            Self::PasskeyRemoved { name } => (
                "A passkey was removed",
                format!("The passkey “{name}” cannot sign in to your account any more."),
            ),
            Self::RecoveryCodesMade => (
                "New recovery codes were made",
                "Your account has new recovery codes. The old ones do not work any more.".into(),
            ),
            Self::RecoveryCodeUsed => (
                "A recovery code was used",
                "Somebody signed in to your account with one of its recovery codes.".into(),
            ),
            Self::UpstreamLinked { name } => (
                "Another way to sign in was added",
                format!("{name} can sign you in from now on."),
            ),
            Self::UpstreamUnlinked => (
                "A way to sign in was removed",
                "A linked service cannot sign you in any more.".into(),
            ),
            Self::FactorsReset => (
                "A way to sign in was removed",
                "An administrator removed a way to sign in from your account.".into(),
            ),
            Self::TokenUsedTwice { app } => return used_twice(app, issuer),
        };
        Page::about(subject, issuer).say(sentence).say(
            "If that was you, there is nothing to do. If not, set a new password at once and look \
             through the sessions in your account.",
        )
    }
}

/// Whether the app made a mistake or somebody has a copy of what it keeps, nobody here can know.
fn used_twice(app: &str, issuer: &str) -> Page {
    Page::about("An app was disconnected", issuer)
        .say(format!(
            "What {app} keeps to work with your account was used twice. That happens when somebody \
             has a copy of it, so its access was ended at once."
        ))
        .say(
            "Connect the app again if you use it. If you do not know it, look through the apps and \
             sessions in your account.",
        )
}

/// A notice as a page.
#[must_use]
pub fn notice(notice: &Notice, issuer: &str) -> Page {
    notice.page(issuer)
}

/// A recovery link as a page.
#[must_use]
pub fn recovery(link: Secret, issuer: &str) -> Page {
    Page::about("Choose a new password", issuer)
        .say("Somebody, probably you, asked for a new password for your account.")
        .link("Choose a new password", link)
        .say("The link counts for half an hour, once. Every browser that is signed in now has to sign in again.")
        .say("If you did not ask, do nothing: your password stays as it is.")
}

/// A link that makes an account, as a page.
#[must_use]
pub fn sign_up(link: Secret, issuer: &str) -> Page {
    Page::about("Confirm your address", issuer)
        .say("Somebody, probably you, made an account with this address.")
        .link("Confirm and sign in", link)
        .say("The link counts for half an hour, once. If that was not you, do nothing: there is no account without it.")
}

/// What somebody hears who signs up with an address that has an account.
#[must_use]
pub fn known_already(issuer: &str) -> Page {
    Page::about("You have an account already", issuer)
        .say("Somebody, probably you, tried to make an account with this address. There is one already.")
        .say("Sign in with it; if the password is lost, ask for a new one on the sign-in page.")
        .say("If that was not you, there is nothing to do.")
}

/// A link that proves an address, as a page.
#[must_use]
pub fn address(link: Secret, issuer: &str) -> Page {
    Page::about("Confirm your new address", issuer)
        .say("Somebody, probably you, wants to use this address for their account.")
        .link("Use this address", link)
        .say("Open the link in the browser where you are signed in. It counts for half an hour, once.")
        .say("If that was not you, do nothing.")
}

/// A mail code as a page.
#[must_use]
pub fn code(code: &Secret, issuer: &str) -> Page {
    Page::about("Your sign-in code", issuer)
        .say("Type this code on the page where you are signing in:")
        .code(mail_code::grouped(code))
        .say("It counts for ten minutes, once. Nobody from us will ever ask you for it.")
        .say("If you are not signing in, do nothing: without the code nobody gets in.")
}

/// An invitation, as a page.
#[must_use]
pub fn invitation(organization: Option<&str>, link: Secret, issuer: &str) -> Page {
    let whereto = organization.map_or_else(String::new, |name| format!(" to {name}"));
    Page::about(format!("You are invited{whereto}"), issuer)
        .say(format!("You are invited{whereto}. Follow this link to accept:"))
        .link("Accept the invitation", link)
        .say("It works once. If you do not know who invites you, do nothing.")
}

/// The request to authorize a connection again, as a page.
#[must_use]
pub fn reauthorize(
    (asker, connector): (&str, &str),
    provider: &str,
    account: Option<&str>,
    link: Secret,
    issuer: &str,
) -> Page {
    let which = account.map_or_else(String::new, |account| format!(" ({account})"));
    Page::about(format!("Connect {provider} again"), issuer)
        .say(format!("{asker} asks you to connect your {provider} account{which} again, for {connector}."))
        .link("Connect it again", link)
        .say("Choose the same account. Until then, what uses the connection stops working before long.")
        .say("If you do not need it any more, do nothing.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_reads_back_from_the_queue() {
        let notice = Notice::PasskeyAdded { name: "A phone".into() };
        let letter = Letter { to: "ada@a.test".into(), matter: Matter::Notice { notice } };
        let text = serde_json::to_string(&letter).unwrap();
        assert_eq!(serde_json::from_str::<Letter>(&text).unwrap(), letter);
    }

    #[test]
    fn every_letter_says_what_to_do() {
        let page = notice(&Notice::RecoveryCodeUsed, "https://auth.test");
        assert!(page.text().contains("set a new password"));
        assert!(code(&Secret::from("12345678"), "https://auth.test").text().contains("1234 5678"));
    }
}
