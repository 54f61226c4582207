//! Ending sessions from the account page.

use axum::extract::State;
use keyhaven_protocol::id::SessionId;
use keyhaven_protocol::refusal::Refusal;

use super::deed::{done, refused, sender};
use crate::app::Shared;
use crate::http::page::Answer;
use crate::http::same_origin::Posted;
use crate::operations::sessions::{end_other_sessions, end_own_session};

/// `POST /account/sessions/end`. One that has ended meanwhile is what was wanted.
pub async fn end_session(State(app): State<Shared>, posted: Posted) -> Answer {
    let user = sender(&app, &posted).await?;
    let named = posted.form.get("session").and_then(SessionId::parse);
    let missing = || refused(&app, &user, Refusal::missing("session").into());
    let (named, owner) = (named.ok_or_else(missing)?, user.signed_in.person.user.id);
    let ended = end_own_session(&app, owner, named, &user.browser.origin).await;
    ended.map_err(|failure| refused(&app, &user, failure))?;
    Ok(done("ended"))
}

/// `POST /account/sessions/end-others`
pub async fn end_other_own_sessions(State(app): State<Shared>, posted: Posted) -> Answer {
    let user = sender(&app, &posted).await?;
    let ended = end_other_sessions(&app, &user.signed_in, &user.browser.origin).await;
    ended.map_err(|failure| refused(&app, &user, failure))?;
    Ok(done("others-ended"))
}
