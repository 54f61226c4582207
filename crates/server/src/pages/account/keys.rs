//! The person's own keys: which app holds which, what each has used, and taking one back.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use keyhaven_protocol::id::KeyId;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::time::Timestamp;

use crate::app::Shared;
use crate::http::browser::SignedInUser;
use crate::http::page;
use crate::http::same_origin::{Posted, form_token};
use crate::operations::own_keys::{OwnKey, list_own_keys, take_back_key};
use crate::operations::sessions::recognise_session;
use crate::pages::parts::Form;
use crate::pages::sample::{LONGEST, Sample};
use crate::pages::words::{day, recent_day};

/// The page of keys.
#[derive(Debug, Template)]
#[template(path = "account_keys.html")]
pub struct Keys {
    /// Its forms.
    pub form: Form,
    /// The keys, newest first.
    pub keys: Vec<HeldKey>,
}

/// A key as its owner sees it.
#[derive(Debug)]
pub struct HeldKey {
    /// Its id in forms.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The app that holds it, and how its text begins and ends.
    pub holder: String,
    /// What it has used and may use.
    pub used: String,
    /// When it was made, last used and ends.
    pub when: String,
}

impl Keys {
    pub(crate) const PLACE: &'static str = "keys";
}

/// `GET /account/keys`.
pub async fn show_keys(
    State(app): State<Shared>,
    SignedInUser { signed_in, browser }: SignedInUser,
) -> Response {
    let Some(sid) = browser.sid.as_ref() else { return page::see_other("/login") };
    match list_own_keys(&app, signed_in.session.user).await {
        Ok(keys) => {
            let now = app.clock.now();
            let keys = keys.iter().map(|key| HeldKey::of(key, now)).collect();
            page::render(&Keys { form: Form::fresh(form_token(sid)), keys }).into_response()
        }
        Err(failure) => page::refused(&app, failure, &browser.origin),
    }
}

/// `POST /account/keys/delete`: the key and all below it count no more.
pub async fn delete_own_key(
    State(app): State<Shared>,
    Posted { browser, form }: Posted,
) -> Response {
    let done = async {
        let sid = browser.sid.as_ref();
        let sid = sid.ok_or_else(|| Refusal::token("nobody is signed in at this browser"))?;
        let signed_in = recognise_session(&app, sid.reveal()).await?;
        let key = form.get("key").and_then(KeyId::parse);
        let key = key.ok_or_else(|| Refusal::request("key is not an id").on("key"))?;
        take_back_key(&app, signed_in.session.user, key, &browser.origin).await
    };
    match done.await {
        Ok(()) => page::see_other("/account/keys"),
        Err(failure) => page::refused(&app, failure, &browser.origin),
    }
}

impl HeldKey {
    fn of(own: &OwnKey, now: Timestamp) -> Self {
        let key = &own.record;
        let text = format!("{}…{}", key.prefix, key.last_four);
        let holder = match &key.app_origin {
            Some(app) => format!("Held by {} · {text}", app.split("://").last().unwrap_or(app)),
            None => text,
        };
        let used = key.last_used_at;
        let used = used.map_or("never used".into(), |at| format!("used {}", recent_day(at, now)));
        let ends = match key.terms.expires_at {
            Some(at) => format!(", ends on {}", day(at)),
            None => String::new(),
        };
        let stopped = if key.terms.disabled_at.is_some() { ", disabled" } else { "" };
        Self {
            id: key.terms.id.to_string(),
            name: key.label.clone(),
            holder,
            used: own.used.clone(),
            when: format!("Made on {}, {used}{ends}{stopped}", day(key.created_at)),
        }
    }
}

impl Sample for Keys {
    const NAME: &'static str = "account-keys";

    fn sample() -> Self {
        let key = |id: &str, name: &str, holder: &str, used: &str, when: &str| HeldKey {
            id: id.to_owned(),
            name: name.to_owned(),
            holder: holder.to_owned(),
            used: used.to_owned(),
            when: when.to_owned(),
        };
        Self {
            form: Form::sample(),
            keys: vec![
                key(
                    "a",
                    "Northwind Notebook",
                    "Held by notebook.northwind.example · kh_key_0Ab9…x7Qa",
                    "4.25 of 10.00 USD this month",
                    "Made on 3 November 2026, used today",
                ),
                key(
                    "b",
                    "Laptop",
                    "kh_key_0Zz4…9pQw",
                    "No limit of its own",
                    "Made on 12 October 2026, never used, ends on 12 October 2027",
                ),
            ],
        }
    }

    fn others() -> Vec<(&'static str, Self)> {
        let mut long = Self::sample();
        long.keys[0].name = LONGEST.to_owned();
        long.keys[0].holder = format!("Held by {}.example · kh_key_0Ab9…x7Qa", &LONGEST[..63]);
        vec![("none", Self { keys: Vec::new(), ..Self::sample() }), ("long", long)]
    }
}
