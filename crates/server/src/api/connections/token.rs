//! `POST /v1/connections/{connection}/token`: a token that works, or precisely why there is none.
//! Refresh tokens never leave.

use std::sync::Arc;

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use keyhaven_protocol::id::UserId;
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::Seconds;
use keyhaven_store::connections::Filter;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::body::{Strict, parse_borrowed, read_bytes};
use super::super::connection_caller::{ConnectionCaller, Power};
use super::super::problems::TokenProblems;
use super::super::settle;
use super::{ConnectionPath, ConnectorPath};
use crate::app::{App, Origin, Shared};
use crate::http::error::{ApiError, Kind};
use crate::http::reply;
use crate::operations::find_meant::{Meant, find_meant};
use crate::operations::fresh_token::{
    FreshToken, NoFreshToken, TokenWish, fresh_token, reconnect_url, remembered_token,
};

const LONGEST_TTL: i64 = 365 * 86_400;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(get_connector_token))
}

/// What is asked before every request to somebody else's API; it settles its refusals itself.
pub(in crate::api) fn hot_routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(get_connection_token))
}

/// What token is wanted. All members may be absent.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"min_ttl": 120, "purpose": "nightly sync"}))]
struct TokenRequest {
    /// How many seconds it should last at least; more than the provider gives means the freshest.
    min_ttl: Option<i64>,
    /// Scopes that are needed; those it lacks are named in the answer.
    scopes: Vec<String>,
    /// The `fingerprint` of a token that the provider's API refused with 401.
    rejected: Option<String>,
    /// What it is for, for the audit.
    purpose: Option<String>,
    /// Which of the connection's tokens, where its provider gives several; the first if absent.
    slot: Option<String>,
}

/// Whose token is wanted, and what token. Who is not an administrator or a program asks for their own.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"user": "019a2b3c-7777-7f60-8123-456789abcdef", "min_ttl": 120}))]
struct ConnectorTokenRequest {
    /// Of this user's connection.
    user: Option<String>,
    /// Of the connection to this outside account.
    account: Option<String>,
    /// Of the connection with this name of yours.
    external_id: Option<String>,
    /// Of a connection with this label.
    label: Option<String>,
    /// As for a connection by its id.
    min_ttl: Option<i64>,
    /// As for a connection by its id.
    scopes: Vec<String>,
    /// As for a connection by its id.
    rejected: Option<String>,
    /// As for a connection by its id.
    purpose: Option<String>,
}

/// A token of the provider's.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "access_token": "ya29.a0…", "scheme": "Bearer", "expires_at": 1_764_003_600,
    "scopes": ["https://www.googleapis.com/auth/drive.readonly"], "missing_scopes": [],
    "account": "ada@example.com", "fingerprint": "8f14e45fceea167a5a36dedd"
}))]
struct ConnectionToken<'a> {
    /// The token.
    #[schema(extensions(("x-sdk-secret" = json!(true))))]
    access_token: &'a str,
    /// What stands before it in `Authorization`. With a colon in it, what stands before the colon is
    /// the header that carries the token instead, and what follows stands before the token there.
    scheme: &'a str,
    /// Its end by our clock, in seconds since 1970; null when it has none.
    expires_at: Option<i64>,
    /// What was granted.
    scopes: Vec<&'a str>,
    /// What this request needs and was not granted.
    missing_scopes: &'a [String],
    /// Where the API is, when that is the account's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    api_base: Option<&'a str>,
    /// The outside account.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a str>,
    /// By what to name this token when its API refuses it.
    fingerprint: &'a str,
}

/// Get a connection's token
///
/// Refreshed when it is near its end. 409 says why its user is needed and where to send them; 424
/// that the connector's own credentials are wrong; 503 when to ask again. Each call is in the
/// audit.
#[utoipa::path(
    post, path = "/v1/connections/{connection}/token", tag = "connections",
    params(("connection" = String, Path, description = "Id")),
    request_body = TokenRequest,
    responses((status = 200, description = "A token that works", body = ConnectionToken), TokenProblems)
)]
async fn get_connection_token(State(app): State<Shared>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let origin = Origin::of(&mut parts, &app);
    match of_connection(&app, &mut parts, body, &origin).await {
        Ok(response) => response,
        Err(error) => settle(&app, &error, &origin, parts.uri.path()),
    }
}

async fn of_connection(
    app: &Shared,
    parts: &mut Parts,
    body: Body,
    origin: &Origin,
) -> Result<Response, ApiError> {
    let caller = ConnectionCaller::from_request_parts(parts, app).await?;
    let ConnectionPath(connection) = ConnectionPath::from_request_parts(parts, app).await?;
    let body: TokenRequest = match read_bytes(body).await? {
        none if none.is_empty() => TokenRequest::default(),
        bytes => parse_borrowed(&parts.headers, &bytes)?,
    };
    let wish = wish(&body, &caller, origin)?;
    if let Some(held) = caller.recall(app, connection).filter(|_| body.slot.is_none())
        && let Some(fresh) = remembered_token(app, held, &wish).await
    {
        return Ok(reply::ok(&answer(&fresh.map_err(|why| refused(app, why))?)));
    }
    // Whoever may not use it hears what everybody hears of nothing.
    let held = caller.look_up(app, connection, body.slot.as_deref()).await?;
    let fresh = Box::pin(fresh_token(app, held.ok_or_else(not_connected)?, &wish)).await;
    let fresh = fresh.map_err(|why| refused(app, why))?;
    Ok(reply::ok(&answer(&fresh)))
}

/// Get the token of whoever is meant
///
/// As for a connection by its id, for callers that know the user, the outside account, their own name
/// for the connection or a label of it. 409 if several fit: say more.
#[utoipa::path(
    post, path = "/v1/connectors/{connector}/token", tag = "connections",
    params(("connector" = String, Path, description = "Id")),
    request_body = ConnectorTokenRequest,
    responses((status = 200, description = "A token that works", body = ConnectionToken), TokenProblems)
)]
async fn get_connector_token(
    State(app): State<Shared>,
    caller: ConnectionCaller,
    ConnectorPath(connector): ConnectorPath,
    origin: Origin,
    Strict(body): Strict<ConnectorTokenRequest>,
) -> Result<Response, ApiError> {
    let owner = match (body.user.as_deref().map(UserId::parse), caller.power) {
        (Some(None), _) => return Err(ApiError::member("/user", "is not a user's id")),
        (Some(Some(user)), Power::Person(own)) if user != own => return Err(not_connected()),
        (Some(user), _) => user,
        (None, _) => None,
    };
    let asked = TokenRequest {
        min_ttl: body.min_ttl,
        scopes: body.scopes,
        rejected: body.rejected,
        purpose: body.purpose,
        slot: None,
    };
    let wish = wish(&asked, &caller, &origin)?;
    let filter = Filter {
        owner,
        account: body.account.as_deref(),
        external_id: body.external_id.as_deref(),
        label: body.label.as_deref(),
        ..Filter::default()
    };
    let person = match caller.power {
        Power::Person(user) => Some(user),
        Power::Administrator | Power::Program => None,
    };
    let meant = find_meant(&app, caller.reach, connector, filter, person).await?;
    let held = match meant {
        Meant::One(held) => Arc::new(*held),
        Meant::Nothing => return Err(not_connected()),
        Meant::Several => return Err(several()),
    };
    let fresh = fresh_token(&app, held, &wish).await.map_err(|why| refused(&app, why))?;
    Ok(reply::ok(&answer(&fresh)))
}

fn several() -> ApiError {
    let detail = "Several connections fit. Name the account, or your own name for the connection.";
    ApiError::new(Kind::Conflict, detail)
}

fn wish<'a>(
    body: &'a TokenRequest,
    caller: &'a ConnectionCaller,
    origin: &'a Origin,
) -> Result<TokenWish<'a>, ApiError> {
    let min_ttl = body.min_ttl.unwrap_or(0);
    if !(0..=LONGEST_TTL).contains(&min_ttl) {
        return Err(ApiError::member("/min_ttl", "is 0 to 31536000"));
    }
    if body.scopes.len() > 200 {
        return Err(ApiError::member("/scopes", "has at most 200 items"));
    }
    let purpose = body.purpose.as_deref();
    if purpose.is_some_and(|text| text.len() > 200 || text.contains(char::is_control)) {
        return Err(ApiError::member("/purpose", "is at most 200 characters on one line"));
    }
    Ok(TokenWish {
        min_ttl: Seconds(min_ttl),
        rejected: body.rejected.as_deref(),
        scopes: &body.scopes,
        caller: &caller.actor,
        client: None,
        purpose,
        request: &origin.request,
    })
}

fn answer(fresh: &FreshToken) -> ConnectionToken<'_> {
    let connection = &fresh.held.connection;
    ConnectionToken {
        access_token: Secret::reveal(&fresh.access_token),
        scheme: &connection.scheme,
        expires_at: connection.access_ends_at.map(|at| at.0),
        scopes: connection.scopes.split_whitespace().collect(),
        missing_scopes: &fresh.missing_scopes,
        api_base: connection.api_base.as_deref(),
        account: connection.account.as_deref(),
        fingerprint: fresh.held.fingerprint.as_deref().unwrap_or_default(),
    }
}

pub(super) fn not_connected() -> ApiError {
    ApiError::new(Kind::NotConnected, Kind::NotConnected.title())
}

pub(super) fn refused(app: &App, why: NoFreshToken) -> ApiError {
    match why {
        NoFreshToken::NotConnected => not_connected(),
        NoFreshToken::NeedsReauth(reason, held) => {
            let organization = Some(held.connection.organization);
            let url = reconnect_url(app, &held.connection);
            let detail = "Its user must authorize it again: send them to reconnect_url.";
            let mut error = ApiError::new(Kind::NeedsReauth, detail).within(organization);
            error.reason = Some(reason.as_str());
            error.mended_at(url)
        }
        NoFreshToken::Misconfigured => {
            let detail = "The provider refuses the connector's own credentials. Its users have \
                          nothing to do; its administrator has.";
            ApiError::new(Kind::ConnectorMisconfigured, detail)
        }
        NoFreshToken::InProgress => waiting(Kind::RefreshInProgress, 1),
        NoFreshToken::Unavailable(seconds) => waiting(Kind::ProviderUnavailable, seconds),
        NoFreshToken::Storage(error) => error.into(),
    }
}

fn waiting(kind: Kind, seconds: i64) -> ApiError {
    let mut error = ApiError::new(kind, kind.title());
    error.wait = Some(seconds);
    error
}
