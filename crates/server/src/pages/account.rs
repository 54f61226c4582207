//! The account: who one is, how one signs in, where one is signed in. What changes a way to sign in
//! is under `account/`, and asks for the person again when they proved who they are too long ago.

use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use keyhaven_store::sessions::SessionRecord;
use keyhaven_store::{Page, Reach};

use super::parts::{Form, Upstream};
use super::sample::{LONGEST, Sample};
use super::under_way::query;
use super::words::{day, program, recent_day};
use crate::app::{App, Shared};
use crate::http::browser::SignedInUser;
use crate::http::page;
use crate::operations::Failure;

mod apps;
pub mod authenticator;
pub mod deed;
pub mod email;
mod keys;
pub mod naming;
pub mod passkeys;
pub mod password;
pub mod recovery_codes;
pub mod sessions;
pub mod upstreams;

use upstreams::{Linked, find_links};

pub use apps::{Apps, show_apps, withdraw_app};
pub use keys::{HeldKey, Keys, delete_own_key, show_keys};

/// Sessions shown at most; whoever has more ends the others at once.
const MOST_SESSIONS: u32 = 100;

/// `GET /account`
pub async fn show_account(State(app): State<Shared>, user: SignedInUser, uri: Uri) -> Response {
    match Account::of(&app, &user).await {
        Ok(mut view) => {
            view.done = query(&uri).get("done").and_then(deed::said);
            page::render(&view).into_response()
        }
        Err(failure) => page::refused(&app, failure, &user.browser.origin),
    }
}

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
    /// Since when an authenticator app is used.
    pub authenticator: Option<String>,
    /// Recovery codes left, once there were some.
    pub recovery_codes: Option<i64>,
    /// Accounts elsewhere that sign the person in.
    pub linked: Vec<Linked>,
    /// Other services that can be linked.
    pub linkable: Vec<Upstream>,
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

    async fn of(app: &App, user: &SignedInUser) -> Result<Self, Failure> {
        let (store, now) = (&app.store, app.clock.now());
        let account = &user.signed_in.person.user;
        let first = Page { after: None, limit: MOST_SESSIONS };
        let (sessions, passkeys, totp, codes) = tokio::try_join!(
            store.list_sessions(Reach::Instance, Some(account.id), first, now),
            store.list_passkeys(account.id),
            store.find_totp(account.id),
            store.count_recovery_codes(account.id),
        )?;
        let password = store.find_password_of(account.id).await?.and_then(|found| found.password);
        let (linked, linkable) = find_links(app, account.id, now).await?;
        let this = user.signed_in.session.id;
        let passkeys = passkeys.into_iter().map(|known| Passkey {
            id: known.id.to_string(),
            name: known.name,
            used: match known.used_at {
                None => format!("Added on {}, never used", day(known.created_at)),
                Some(at) => {
                    format!("Added on {}, used {}", day(known.created_at), recent_day(at, now))
                }
            },
        });
        let session = |record: SessionRecord| Session {
            name: if record.name.is_empty() { program(&record.agent) } else { record.name },
            seen: format!("{} · {}", record.address, recent_day(record.seen_at, now)),
            is_this: record.id == this,
            id: record.id.to_string(),
        };
        Ok(Self {
            form: Form::of(user),
            done: None,
            name: account.name.clone(),
            email: account.email.clone(),
            password: password.map(|_| "In use".to_owned()),
            passkeys: passkeys.collect(),
            authenticator: totp
                .and_then(|totp| totp.confirmed_at)
                .map(|at| format!("Since {}", day(at))),
            recovery_codes: codes.made_at.map(|_| codes.left),
            linked,
            linkable,
            sessions: sessions.items.into_iter().map(session).collect(),
        })
    }
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
            authenticator: Some(text("Since 3 November 2026")),
            recovery_codes: Some(8),
            linked: vec![Linked {
                id: text("a"),
                name: text("GitHub"),
                used: text("ada@home.example · Linked on 3 November 2026, used yesterday"),
            }],
            linkable: Upstream::samples().into_iter().take(1).collect(),
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
            linked: Vec::new(),
            linkable: Vec::new(),
            sessions: Self::sample().sessions.into_iter().take(1).collect(),
            ..Self::sample()
        };
        let mut long = Self { name: LONGEST.to_owned(), ..Self::sample() };
        long.email = format!("{}@{}.example", &LONGEST[..64], &LONGEST[..63]);
        long.passkeys[0].name = LONGEST.to_owned();
        vec![("new", new), ("long", long)]
    }
}
