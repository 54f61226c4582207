//! Names that a signed-in person gives: to themselves, and to their sessions, so that they know one
//! from another.

use keyhaven_protocol::display_name::parse_display_name;
use keyhaven_protocol::id::SessionId;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_store::sessions::{SessionRecord, SignedIn};
use keyhaven_store::users::UserEdit;
use keyhaven_store::{Error, Outcome, Reach};
use serde_json::json;

use super::Failure;
use super::factors::actor;
use crate::app::{App, Origin};

/// What a session is called; nothing takes the name away.
pub fn parse_session_name(text: &str) -> Result<String, &'static str> {
    if text.is_empty() { Ok(String::new()) } else { parse_display_name(text) }
}

/// Gives the signed-in person another name.
pub async fn change_own_name(
    app: &App,
    signed_in: &SignedIn,
    name: &str,
    origin: &Origin,
) -> Result<(), Failure> {
    let name = parse_display_name(name).map_err(|rule| Refusal::request(rule).on("name"))?;
    let user = signed_in.person.user.id;
    let edit = UserEdit { name: Some(&name), ..UserEdit::default() };
    let detail = json!({ "name": &name }).to_string();
    let act = app.act(actor(user), origin);
    match app.store.update_user(user, edit, &detail, act).await? {
        Outcome::Done => Ok(()),
        Outcome::Absent => Err(Refusal::grant("the user is gone").into()),
        other => Err(Error::broken(format!("a change of name ended as {other:?}")).into()),
    }
}

/// A live session of the signed-in person. What is somebody else's is not there.
pub async fn find_own_session(
    app: &App,
    signed_in: &SignedIn,
    id: SessionId,
) -> Result<SessionRecord, Failure> {
    let found = app.store.find_session_record(Reach::Instance, id, app.clock.now()).await?;
    let found = found.filter(|record| record.user == signed_in.person.user.id);
    found.ok_or_else(|| Refusal::request("the person has no such session").into())
}

/// Gives a session of the signed-in person a name.
pub async fn name_own_session(
    app: &App,
    signed_in: &SignedIn,
    id: SessionId,
    name: &str,
    origin: &Origin,
) -> Result<(), Failure> {
    let name = parse_session_name(name).map_err(|rule| Refusal::request(rule).on("name"))?;
    let user = find_own_session(app, signed_in, id).await?.user;
    match app.store.name_session(user, id, &name, app.act(actor(user), origin)).await? {
        Outcome::Done => Ok(()),
        Outcome::Absent => Err(Refusal::request("the person has no such session").into()),
        other => Err(Error::broken(format!("a session was named as {other:?}")).into()),
    }
}
