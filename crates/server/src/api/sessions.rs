//! `/v1/sessions`: who is signed in, what a session is called, and how to end it. An administrator of
//! one organization reaches the sessions that act in it.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::State;
use keyhaven_protocol::id::{SessionId, UserId};
use keyhaven_store::Outcome;
use keyhaven_store::sessions::{SessionRecord, Why};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::administrator::Administrator;
use super::body::{Members, Strict};
use super::deed::Deed;
use super::grants::{Receipt, narrowed};
use super::page::{Asked, Listing, PageParams};
use super::problems::{ChangeProblems, ListProblems, NamedProblems};
use super::tenant::Named;
use crate::app::Shared;
use crate::http::error::ApiError;
use crate::operations::naming::parse_session_name;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_sessions))
        .routes(routes!(show_session, update_session, end_session))
        .routes(routes!(end_user_sessions))
}

/// A signed-in browser or program.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019a2b3c-4d5e-7f60-8123-456789abcdef", "user": "019a2b3c-0000-7f60-8123-456789abcdef",
    "email": "ada@example.com", "agent": "Mozilla/5.0 …", "address": "192.0.2.7",
    "methods": "password totp", "authenticated_at": 1_764_000_000, "created_at": 1_764_000_000,
    "seen_at": 1_764_000_600, "expires_at": 1_765_296_000
}))]
pub struct Session {
    /// Its id, also that of its grant.
    pub id: String,
    /// Who is signed in.
    pub user: String,
    /// That person's address.
    pub email: String,
    /// The organization it acts in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// The project it acts in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The name its owner gave it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What the browser or program calls itself.
    pub agent: String,
    /// Where it began.
    pub address: String,
    /// How the person proved who they are, space-separated.
    pub methods: String,
    /// When they last did, in seconds since 1970.
    pub authenticated_at: i64,
    /// When it began.
    pub created_at: i64,
    /// When it was last used, about a minute late at most.
    pub seen_at: i64,
    /// When it ends, if it is not used again.
    pub expires_at: i64,
    /// The session it was handed out from; it ends with that one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
}

/// What to change of a session.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Office laptop"}))]
pub struct UpdateSession {
    /// What it is called: 1 to 200 characters, or nothing to take the name away.
    name: String,
}

impl From<SessionRecord> for Session {
    fn from(record: SessionRecord) -> Self {
        Self {
            id: record.id.to_string(),
            user: record.user.to_string(),
            email: record.email,
            organization: record.organization.map(|id| id.to_string()),
            project: record.project.map(|id| id.to_string()),
            name: record.name,
            agent: record.agent,
            address: record.address,
            methods: record.methods.to_string(),
            authenticated_at: record.authenticated_at.0,
            created_at: record.created_at.0,
            seen_at: record.seen_at.0,
            expires_at: record.idle_ends_at.min(record.ends_at).0,
            parent: record.parent.map(|id| id.to_string()),
        }
    }
}

/// How lists of sessions can be narrowed.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what the handler reads")]
struct SessionFilters {
    /// Only sessions that act in this organization: id or slug.
    organization: Option<String>,
    /// Only this user's.
    user: Option<String>,
}

/// List sessions
///
/// Live ones, newest first.
#[utoipa::path(
    get, path = "/v1/sessions", tag = "sessions", params(PageParams, SessionFilters),
    responses((status = 200, description = "A page of sessions", body = Listing<Session>), ListProblems)
)]
async fn list_sessions(
    State(app): State<Shared>,
    administrator: Administrator,
    asked: Asked,
) -> Result<Json<Listing<Session>>, ApiError> {
    let (page, scope) = asked.page(&app, "sessions", &["organization", "user"])?;
    let reach = narrowed(&app, administrator.reach, &asked).await?;
    let user = match asked.text("user") {
        None => None,
        Some(text) => {
            Some(UserId::parse(text).ok_or_else(|| ApiError::parameter("user", "is not an id"))?)
        }
    };
    let listed = app.store.list_sessions(reach, user, page, app.clock.now()).await?;
    Ok(Json(Listing::of(&app, &scope, listed, Session::from)?))
}

/// Show a session
#[utoipa::path(
    get, path = "/v1/sessions/{session}", tag = "sessions",
    params(("session" = String, Path, description = "Id")),
    responses((status = 200, description = "The session", body = Session), NamedProblems)
)]
async fn show_session(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(session): Named<SessionId>,
) -> Result<Json<Session>, ApiError> {
    let (reach, now) = (administrator.reach, app.clock.now());
    let found = app.store.find_session_record(reach, session, now).await?;
    found.map(|record| Json(record.into())).ok_or_else(|| ApiError::not_found("session"))
}

/// Change a session
///
/// Its name, by which its owner tells it from the others.
#[utoipa::path(
    patch, path = "/v1/sessions/{session}", tag = "sessions",
    params(("session" = String, Path, description = "Id")), request_body = UpdateSession,
    responses((status = 200, description = "As it is now", body = Session), ChangeProblems)
)]
async fn update_session(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(session): Named<SessionId>,
    Deed(act): Deed,
    Strict(body): Strict<UpdateSession>,
) -> Result<Json<Session>, ApiError> {
    let found = app.store.find_session_record(administrator.reach, session, act.now).await?;
    let found = found.ok_or_else(|| ApiError::not_found("session"))?;
    let mut members = Members::default();
    let name = members.read("/name", parse_session_name(&body.name));
    members.finish()?;
    match app.store.name_session(found.user, session, &name.unwrap_or_default(), act).await? {
        Outcome::Done => show_session(State(app), administrator, Named(session)).await,
        other => Err(ApiError::of_outcome(other, "session")),
    }
}

/// End a session
///
/// And with it what was issued under it. One that has ended is not there any more.
#[utoipa::path(
    delete, path = "/v1/sessions/{session}", tag = "sessions",
    params(("session" = String, Path, description = "Id")),
    responses((status = 200, description = "The receipt", body = Receipt), NamedProblems)
)]
async fn end_session(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(session): Named<SessionId>,
    Deed(act): Deed,
) -> Result<Json<Receipt>, ApiError> {
    let found = app.store.find_session_record(administrator.reach, session, act.now).await?;
    let found = found.ok_or_else(|| ApiError::not_found("session"))?;
    let why = Why::EndedByAdministrator;
    let (_, receipt) = app.store.end_session(found.user, session, why, act).await?;
    Ok(Json(receipt.into()))
}

/// End a user's sessions
///
/// All of them. For administrators of the instance.
#[utoipa::path(
    delete, path = "/v1/users/{user}/sessions", tag = "sessions",
    params(("user" = String, Path, description = "Id")),
    responses((status = 200, description = "The receipt", body = Receipt), NamedProblems)
)]
async fn end_user_sessions(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(user): Named<UserId>,
    Deed(act): Deed,
) -> Result<Json<Receipt>, ApiError> {
    let visible = app.store.find_user(administrator.reach, user).await?;
    visible.ok_or_else(|| ApiError::not_found("user"))?;
    administrator.of_instance()?;
    let receipt = app.store.end_sessions(user, None, Why::EndedByAdministrator, act).await?;
    Ok(Json(receipt.into()))
}
