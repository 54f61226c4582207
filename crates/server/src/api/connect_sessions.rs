//! `/v1/connect-sessions`: invitations to connect an account, for a link in another product.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use keyhaven_protocol::id::{ConnectionId, ConnectorId, Id, UserId};
use keyhaven_protocol::time::{Seconds, Timestamp};
use keyhaven_store::Reach;
use keyhaven_store::connect_sessions::ConnectSession as Kept;
use keyhaven_store::connections::{Filter, Held};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::administrator::Administrator;
use super::body::Members;
use super::connections::edit::{check_external_id, labels};
use super::connectors::find as find_connector;
use super::deed::Deed;
use super::once::{Ended, Once};
use super::problems::{CreateProblems, IdempotencyKey, NamedProblems};
use crate::app::{App, Shared};
use crate::http::error::{ApiError, Kind};
use crate::http::reply::NoContent;
use crate::operations::connect_sessions::mint;

const SHORTEST: i64 = 60;
const LONGEST: i64 = 3_600;
const USUAL: i64 = 1_800;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(create_connect_session))
        .routes(routes!(show_connect_session, withdraw_connect_session))
}

/// Whom to invite, and to what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "connector": "019a2b3c-1111-7f60-8123-456789abcdef", "external_id": "customer-42",
    "purpose": "Import the reports you choose", "return_url": "https://hub.example/apps"
}))]
struct CreateConnectSession {
    /// Under which connector.
    connector: String,
    /// The user it is for; absent for a team's or a program's connection.
    #[serde(default)]
    user: Option<String>,
    /// The connection to authorize again.
    #[serde(default)]
    connection: Option<String>,
    /// Your own name for the connection that is made. One that exists under that name is authorized
    /// again instead.
    #[serde(default)]
    external_id: Option<String>,
    /// Which outside account is expected, in words for the page.
    #[serde(default)]
    account: Option<String>,
    /// The labels of the connection that is made.
    #[serde(default)]
    labels: Vec<String>,
    /// Scopes beyond the connector's.
    #[serde(default)]
    scopes: Vec<String>,
    /// What it is for, in words for the page.
    #[serde(default)]
    purpose: Option<String>,
    /// Where the browser goes in the end, with `connection` or `error` added to its query: this
    /// server, or a configured origin. Absent for a page here.
    #[serde(default)]
    return_url: Option<String>,
    /// How long the link works, in seconds: 60 to 3600, 1800 if absent.
    #[serde(default)]
    lifetime: Option<i64>,
}

/// An invitation to connect an account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019a2b3c-9999-7f60-8123-456789abcdef", "status": "open",
    "organization": "019a2b3c-0000-7f60-8123-456789abcdef",
    "connector": "019a2b3c-1111-7f60-8123-456789abcdef",
    "url": "https://keys.example/connect/kh_flow_…", "expires_at": 1_764_001_800
}))]
struct ConnectSession {
    /// Its id.
    id: String,
    /// `open`, `done` or `over`.
    status: &'static str,
    /// The tenant that asks.
    organization: String,
    /// Under which connector.
    connector: String,
    /// The page to send the user to; shown once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(extensions(("x-sdk-secret" = json!(true))))]
    url: Option<String>,
    /// Until when it works, in seconds since 1970.
    expires_at: i64,
    /// The connection it has led to, or is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<String>,
}

impl ConnectSession {
    fn of(kept: &Kept, url: Option<String>, now: Timestamp) -> Self {
        let status = match (kept.made, kept.expires_at > now) {
            (Some(_), _) => "done",
            (None, true) => "open",
            (None, false) => "over",
        };
        Self {
            id: kept.id.to_string(),
            status,
            organization: kept.organization.to_string(),
            connector: kept.connector.to_string(),
            url,
            expires_at: kept.expires_at.0,
            connection: kept.made.or(kept.connection).map(|id| id.to_string()),
        }
    }
}

/// Invite somebody to connect an account
///
/// Send them to `url`: a page that says who asks, what for and for whom, and leads to the provider and
/// back. Whoever holds the link may use it, until one account is connected or its time is over.
#[utoipa::path(
    post, path = "/v1/connect-sessions", tag = "connections", params(IdempotencyKey),
    request_body = CreateConnectSession,
    responses((status = 201, description = "The invitation", body = ConnectSession), CreateProblems)
)]
async fn create_connect_session(
    State(app): State<Shared>,
    administrator: Administrator,
    request: Once<CreateConnectSession>,
) -> Result<Response, Ended> {
    let (body, mut once) = request.split();
    let connector = ConnectorId::parse(&body.connector);
    let connector = connector.ok_or_else(|| ApiError::member("/connector", "is not there"))?;
    let kept = find_connector(&app, administrator.reach, connector).await?;
    if !kept.connector.method.asks_a_person() {
        let detail = "This connector asks no user: it does not use OAuth.";
        return Err(ApiError::new(Kind::Conflict, detail).into());
    }
    let organization = kept.connector.organization;
    let renews = find_renewed(&app, Reach::Organization(organization), connector, &body).await?;
    let id = once.act.id();
    let token = mint(&app, id);
    let mut new = body.parse(&app, once.act.now)?;
    new.owner = renews.as_ref().map_or(new.owner, |held| held.connection.owner);
    let new = Kept {
        hash: token.digest(),
        id,
        organization,
        connector,
        connection: renews.map(|held| held.connection.id),
        starter: administrator.actor.clone(),
        ..new
    };
    let url = format!("{}/connect/{}", app.settings.issuer, token.reveal());
    let shown = ConnectSession::of(&new, Some(url), once.act.now);
    let (act, answer) = once.created(format!("/v1/connect-sessions/{id}"), &shown)?;
    let outcome = app.store.invite_to_connect(&new, act).await?;
    Ok(answer.after(outcome, "connector").await?)
}

/// The connection that is to be authorized again: the one that is named, or that has the name given.
async fn find_renewed(
    app: &App,
    reach: Reach,
    connector: ConnectorId,
    body: &CreateConnectSession,
) -> Result<Option<Held>, ApiError> {
    if let Some(text) = &body.connection {
        let id = ConnectionId::parse(text);
        let found = match id {
            Some(id) => app.store.find_held(reach, id).await?,
            None => None,
        };
        let fits = |held: &Held| held.is_first() && held.connection.connector == connector;
        let found = found.filter(fits);
        let missing = || ApiError::member("/connection", "is not one of this connector");
        return found.map(Some).ok_or_else(missing);
    }
    let Some(name) = body.external_id.as_deref() else { return Ok(None) };
    let filter = Filter { external_id: Some(name), ..Filter::default() };
    Ok(app.store.find_meant(reach, connector, filter, 1).await?.pop())
}

impl CreateConnectSession {
    fn parse(self, app: &App, now: Timestamp) -> Result<Kept, ApiError> {
        let mut members = Members::default();
        let owner = self.user.as_deref().and_then(|text| {
            members.read("/user", UserId::parse(text).ok_or("is not a user's id"))
        });
        let labels = members.read("/labels", labels(&self.labels)).unwrap_or_default();
        if let Some(name) = &self.external_id {
            members.read("/external_id", check_external_id(name));
        }
        for (at, text) in [("/purpose", &self.purpose), ("/account", &self.account)] {
            let wrong = |text: &String| text.len() > 300 || text.contains(char::is_control);
            if text.as_ref().is_some_and(wrong) {
                members.wrong(at, "is at most 300 characters on one line");
            }
        }
        let word = |text: &String| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        if self.scopes.len() > 200 || !self.scopes.iter().all(word) {
            members.wrong("/scopes", "is at most 200 words of visible ASCII");
        }
        let base = self.return_url.as_deref().map(|asked| {
            let allowed = app.settings.return_origins.allow_url(asked);
            members.read("/return_url", allowed.ok_or("is not of a configured origin"))
        });
        let lifetime = self.lifetime.unwrap_or(USUAL);
        if !(SHORTEST..=LONGEST).contains(&lifetime) {
            members.wrong("/lifetime", "is 60 to 3600");
        }
        members.finish()?;
        Ok(Kept {
            hash: keyhaven_protocol::secret::Digest([0; 32]),
            id: Id([0; 16]),
            organization: keyhaven_protocol::id::OrganizationId(Id([0; 16])),
            connector: ConnectorId(Id([0; 16])),
            connection: None,
            owner,
            account_hint: self.account,
            starter: String::new(),
            purpose: self.purpose.unwrap_or_default(),
            external_id: self.external_id,
            labels,
            scopes: self.scopes.join(" "),
            base: base.flatten().unwrap_or_default(),
            created_at: now,
            expires_at: now.plus(Seconds(lifetime)),
            made: None,
        })
    }
}

/// Show an invitation
///
/// How far it got: `done` with its connection, or not.
#[utoipa::path(
    get, path = "/v1/connect-sessions/{session}", tag = "connections",
    params(("session" = String, Path, description = "Id")),
    responses((status = 200, description = "The invitation", body = ConnectSession), NamedProblems)
)]
async fn show_connect_session(
    State(app): State<Shared>,
    administrator: Administrator,
    SessionPath(id): SessionPath,
) -> Result<Json<ConnectSession>, ApiError> {
    let found = app.store.find_connect_session_by_id(administrator.reach, id).await?;
    let found = found.ok_or_else(|| ApiError::not_found("connect session"))?;
    Ok(Json(ConnectSession::of(&found, None, app.clock.now())))
}

/// Withdraw an invitation
#[utoipa::path(
    delete, path = "/v1/connect-sessions/{session}", tag = "connections",
    params(("session" = String, Path, description = "Id")),
    responses((status = 204, description = "Its link works no more"), NamedProblems)
)]
async fn withdraw_connect_session(
    State(app): State<Shared>,
    administrator: Administrator,
    SessionPath(id): SessionPath,
    Deed(act): Deed,
) -> Result<NoContent, ApiError> {
    match app.store.withdraw_connect_session(administrator.reach, id, act).await? {
        keyhaven_store::Outcome::Done => Ok(NoContent),
        other => Err(ApiError::of_outcome(other, "connect session")),
    }
}

/// The session a path names.
struct SessionPath(Id);

impl axum::extract::FromRequestParts<Shared> for SessionPath {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        app: &Shared,
    ) -> Result<Self, ApiError> {
        super::connections::named(parts, app, "session", Id::parse).await.map(Self)
    }
}
