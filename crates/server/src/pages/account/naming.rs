//! One's own name, and what one calls a session.

use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use axum::response::IntoResponse as _;
use keyhaven_protocol::id::SessionId;
use keyhaven_protocol::refusal::Refusal;

use super::deed::{done, refused, sender};
use crate::app::Shared;
use crate::http::browser::SignedInUser;
use crate::http::page::{self, Answer, Early};
use crate::http::same_origin::Posted;
use crate::operations::Failure;
use crate::operations::naming::{change_own_name, find_own_session, name_own_session};
use crate::pages::parts::{Field, Form};
use crate::pages::sample::Sample;
use crate::pages::under_way::query;
use crate::pages::words::program;

/// `GET /account/name`
pub async fn show_own_name(user: SignedInUser) -> Answer {
    let name = Field::of(&user.signed_in.person.user.name);
    Ok(page::render(&Naming { form: Form::of(&user), name, session: None }).into_response())
}

/// `POST /account/name`
pub async fn give_own_name(State(app): State<Shared>, posted: Posted) -> Answer {
    let user = sender(&app, &posted).await?;
    let typed = posted.form.get("name").unwrap_or_default();
    match change_own_name(&app, &user.signed_in, typed, &user.browser.origin).await {
        Ok(()) => Ok(done("name")),
        Err(failure) => again(&app, &user, failure, typed, None),
    }
}

/// `GET /account/sessions/name?session=…`
pub async fn show_session_name(State(app): State<Shared>, user: SignedInUser, uri: Uri) -> Answer {
    let named = query(&uri).get("session").map(str::to_owned);
    let (session, known) = find(&app, &user, named.as_deref()).await?;
    let view = Naming { form: Form::of(&user), name: Field::of(&known), session: Some(session) };
    Ok(page::render(&view).into_response())
}

/// `POST /account/sessions/name`
pub async fn give_session_name(State(app): State<Shared>, posted: Posted) -> Answer {
    let user = sender(&app, &posted).await?;
    let (session, _) = find(&app, &user, posted.form.get("session")).await?;
    let typed = posted.form.get("name").unwrap_or_default();
    let id = session.id;
    match name_own_session(&app, &user.signed_in, id, typed, &user.browser.origin).await {
        Ok(()) => Ok(done("session-named")),
        Err(failure) => again(&app, &user, failure, typed, Some(session)),
    }
}

/// The session that is named, and what it is called so far.
async fn find(
    app: &Shared,
    user: &SignedInUser,
    named: Option<&str>,
) -> Result<(NamedSession, String), Early> {
    let missing = || refused(app, user, Refusal::missing("session").into());
    let id = named.and_then(SessionId::parse).ok_or_else(missing)?;
    let found = find_own_session(app, &user.signed_in, id).await;
    let found = found.map_err(|failure| refused(app, user, failure))?;
    let what = program(&found.agent);
    Ok((NamedSession { id, what, address: found.address }, found.name))
}

fn again(
    app: &Shared,
    user: &SignedInUser,
    failure: Failure,
    typed: &str,
    session: Option<NamedSession>,
) -> Answer {
    let told = page::told(app, failure, &user.browser.origin)?;
    let form = Form::of(user).with(told.alert("The name was not changed."));
    let name = Field::of(typed).wrong(told.advice());
    Ok(page::render(&Naming { form, name, session }).after(&told).into_response())
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "account_name.html")]
pub struct Naming {
    /// Its form.
    pub form: Form,
    /// The name.
    pub name: Field,
    /// The session it is for; one's own name without.
    pub session: Option<NamedSession>,
}

/// A session that gets a name.
#[derive(Debug)]
pub struct NamedSession {
    /// Its id.
    pub id: SessionId,
    /// The browser or program.
    pub what: String,
    /// Where it began.
    pub address: String,
}

impl Naming {
    pub(crate) const PLACE: &'static str = "account";
}

impl Sample for Naming {
    const NAME: &'static str = "account-name";

    fn sample() -> Self {
        Self { form: Form::sample(), name: Field::of("Ada Byron"), session: None }
    }

    fn others() -> Vec<(&'static str, Self)> {
        let session = NamedSession {
            id: SessionId(keyhaven_protocol::id::Id([7; 16])),
            what: "Firefox on Linux".to_owned(),
            address: "198.51.100.7".to_owned(),
        };
        let name = Field::of("Ada\u{202e}").wrong("Text has no control characters.".to_owned());
        let form = Form::refused_sample("The name was not changed.");
        let refused = Self { form, name, session: None };
        let session = Self { name: Field::default(), session: Some(session), ..Self::sample() };
        vec![("session", session), ("refused", refused)]
    }
}
