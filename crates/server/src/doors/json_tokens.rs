//! The JSON token family (operations 5 and 6): `createAuthToken` and `revokeAuthToken` as JSON on
//! `/oauth2/token` and `/oauth2/revoke`. Every answer carries a refresh token, which rotates.
//!
//! Its parsers know 200, 204, 400 `{error}` and 422 with one text per field, so a failed client
//! authentication is 400 here. Two vocabularies of `token_type` exclude each other; the version
//! header tells them apart where it is sent, a setting where it is not.

use axum::http::HeaderMap;
use axum::response::Response;
use keyhaven_protocol::client::TokenFormat;
use keyhaven_protocol::client_auth::{Manners, Presented};
use keyhaven_protocol::grants::{Rule, Terms};
use keyhaven_protocol::params::Params;
use keyhaven_protocol::refusal::Refusal;
use serde::Serialize;
use serde_json::Value;

use crate::app::{App, Origin};
use crate::config::{JsonExpiresIn, JsonTokenType};
use crate::http::{body, refusal, reply};
use crate::oauth::token;
use crate::operations::Failure;
use crate::operations::issue_token::{IssuedToken, TokenRequest, issue_token};
use crate::operations::revoke_token::revoke_token;

/// The longest token the contract allows, in characters.
const MAX_TOKEN: usize = 4_096;

/// Version header values that mean the older vocabulary.
const OLDER: [&str; 2] = ["v2024.00.00", "latest"];

#[derive(Serialize)]
struct AuthToken<'a> {
    token_type: &'static str,
    access_token: &'a str,
    refresh_token: &'a str,
    expires_in: i64,
    scope: &'a str,
}

/// `createAuthToken`: create and refresh.
pub async fn create_auth_token(
    app: &App,
    headers: &HeaderMap,
    body: &Value,
    origin: &Origin,
) -> Response {
    match create(app, headers, body, origin).await {
        Ok(issued) => token::marked(&issued, reply::ok(&answer(app, headers, &issued))),
        Err(failure) => refusal::json_family(app, failure, &["scope", "refresh_token"], origin),
    }
}

async fn create(
    app: &App,
    headers: &HeaderMap,
    body: &Value,
    origin: &Origin,
) -> Result<IssuedToken, Failure> {
    let params = body::params_of(body)?;
    match params.get("grant_type") {
        Some("client_credentials") if params.get("scope").is_none() => {
            return Err(Refusal::missing("scope").into());
        }
        Some("refresh_token") => bounded(&params, "refresh_token")?,
        _ => {}
    }
    let manners = Manners::Json;
    let presented = Presented::gather(body::basic(headers, manners)?, &params, manners)?;
    let terms = Terms::EveryAnswer(Rule::Rotate);
    let once = token::name(headers)?;
    let params = &params;
    let request = TokenRequest { presented, manners, params, terms, dpop: None, once, origin };
    issue_token(app, &request).await
}

/// `revokeAuthToken`.
pub async fn revoke_auth_token(
    app: &App,
    headers: &HeaderMap,
    body: &Value,
    origin: &Origin,
) -> Response {
    match revoke(app, headers, body, origin).await {
        Ok(()) => reply::no_content(),
        Err(failure) => refusal::json_family(app, failure, &["token", "token_type_hint"], origin),
    }
}

async fn revoke(
    app: &App,
    headers: &HeaderMap,
    body: &Value,
    origin: &Origin,
) -> Result<(), Failure> {
    let params = body::params_of(body)?;
    let token = params.get("token").ok_or_else(|| Refusal::missing("token"))?;
    bounded(&params, "token")?;
    if let Some(hint) = params.get("token_type_hint")
        && !matches!(hint, "access_token" | "refresh_token")
    {
        let refusal = Refusal::request("token_type_hint is neither access_token nor refresh_token");
        return Err(refusal.on("token_type_hint").into());
    }
    let manners = Manners::Json;
    let presented = Presented::gather(body::basic(headers, manners)?, &params, manners)?;
    revoke_token(app, &presented, manners, token, origin).await
}

fn bounded(params: &Params, field: &'static str) -> Result<(), Refusal> {
    match params.get(field) {
        Some(text) if text.chars().count() > MAX_TOKEN => {
            Err(Refusal::request(format!("{field} is longer than {MAX_TOKEN} characters"))
                .on(field))
        }
        _ => Ok(()),
    }
}

/// The contract requires every member; a client that may not refresh gets an empty refresh token.
fn answer<'a>(app: &App, headers: &HeaderMap, issued: &'a IssuedToken) -> AuthToken<'a> {
    AuthToken {
        token_type: token_type(app, headers, issued.format),
        access_token: issued.access_token.reveal(),
        refresh_token: issued
            .refresh_token
            .as_ref()
            .map_or("", keyhaven_protocol::secret::Secret::reveal),
        expires_in: match app.settings.json_expires_in {
            JsonExpiresIn::Timestamp => issued.expires_at.0,
            JsonExpiresIn::Seconds => issued.ttl.0,
        },
        scope: issued.scopes.as_str(),
    }
}

fn token_type(app: &App, headers: &HeaderMap, format: TokenFormat) -> &'static str {
    let newer = match headers.get("x-moov-version") {
        Some(version) => !OLDER.iter().any(|older| version.as_bytes() == older.as_bytes()),
        None => app.settings.json_token_type == JsonTokenType::Bearer,
    };
    match format {
        _ if newer => "Bearer",
        TokenFormat::Jwt => "jwt",
        TokenFormat::Opaque => "opaque",
    }
}
