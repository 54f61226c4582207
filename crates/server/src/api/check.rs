//! `POST /v1/check`: whose is this credential and does it stand? The same question that our own
//! endpoints ask (`operations/check.rs`), for the APIs behind us.
//!
//! There is no caller authentication: holding the credential is the proof, and whoever holds it
//! could use it anyway. On the hot path nothing but the answer is allocated.

use std::borrow::Cow;

use axum::extract::{Request, State};
use axum::response::Response;
use keyhaven_protocol::id::{GrantId, GroupId, Id, OrganizationId, ProjectId, UserId};
use keyhaven_protocol::scope::Scopes;
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{parse_borrowed, read_bytes};
use super::problems::CheckProblems;
use crate::app::{App, Origin, Shared};
use crate::http::error::ApiError;
use crate::http::reply;
use crate::operations::check::{Need, Principal, check};

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(check_credential))
}

/// A credential, and what it is needed for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "credential": "kh_access_0AbCdEfGhIjKlMnOpQrStU…",
    "need": {"scopes": "accounts.read", "audience": "https://api.example.com"}
}))]
pub struct CheckRequest<'a> {
    /// Any credential we issue, as its bearer sent it.
    #[serde(borrow)]
    #[schema(value_type = String)]
    credential: Cow<'a, str>,
    /// What it must be good for beyond being alive.
    #[serde(borrow, default)]
    need: Option<CheckNeed<'a>>,
}

/// What a credential must be good for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckNeed<'a> {
    /// Scopes it must have, space-separated.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    scopes: Option<Cow<'a, str>>,
    /// The audience it must be for.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    audience: Option<Cow<'a, str>>,
}

/// What a live credential resolves to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "active": true, "kind": "access_token", "format": "jwt",
    "id": "019a2b3c-4d5e-7f60-8123-456789abcdef",
    "client_id": "kh_client_0AbCdEfGhIjKlMnOpQrStU", "subject": "kh_client_0AbCdEfGhIjKlMnOpQrStU",
    "organization": "019a2b3c-0000-7f60-8123-456789abcdef", "scopes": "accounts.read",
    "audience": "https://auth.example.com", "issued_at": 1_764_000_000, "expires_at": 1_764_000_600
}))]
pub struct CheckedCredential<'a> {
    /// Always `true`; what is not alive is refused.
    active: bool,
    /// What it is: `access_token` or `session`.
    kind: &'static str,
    /// What it is made of: `jwt` or `opaque`.
    format: &'static str,
    /// Its id; the `jti` of a JWT.
    #[serde(serialize_with = "shown")]
    #[schema(value_type = String)]
    id: Id,
    /// The client it was issued to; a session has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    /// Whom it speaks for.
    subject: Cow<'a, str>,
    /// The user it speaks for; absent when a client speaks for itself.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "maybe_shown")]
    #[schema(value_type = Option<String>)]
    user: Option<UserId>,
    /// The tenant it acts in; absent for the instance.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "maybe_shown")]
    #[schema(value_type = Option<String>)]
    organization: Option<OrganizationId>,
    /// The project it acts in.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "maybe_shown")]
    #[schema(value_type = Option<String>)]
    project: Option<ProjectId>,
    /// The groups of the tenant that its user is in.
    #[serde(skip_serializing_if = "<[_]>::is_empty", serialize_with = "all_shown")]
    #[schema(value_type = Vec<String>)]
    groups: &'a [GroupId],
    /// What it opens, space-separated.
    scopes: &'a str,
    /// Where it is good.
    audience: &'a str,
    /// When it was issued, in seconds since 1970.
    issued_at: i64,
    /// When it ends, in seconds since 1970.
    expires_at: i64,
    /// The grant it hangs on; absent when it stands on its client's own authority.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "maybe_shown")]
    #[schema(value_type = Option<String>)]
    grant: Option<GrantId>,
}

/// Check a credential
///
/// The principal of any credential we issue, or why it does not count: 401 `invalid_token` for one
/// that is dead or unknown, 403 `insufficient_scope` for one that lives but does not reach so far.
/// The caller needs no credential of its own: holding the one it asks about is the proof.
#[utoipa::path(
    post, path = "/v1/check", tag = "check", security(()), request_body = CheckRequest,
    responses((status = 200, description = "It counts", body = CheckedCredential), CheckProblems)
)]
async fn check_credential(State(app): State<Shared>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let answer = match read_bytes(body).await {
        Ok(bytes) => resolve(&app, &parts.headers, &bytes).await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(principal) => reply::ok(&CheckedCredential::of(&app, &principal)),
        Err(error) => {
            let origin = Origin::of(&mut parts, &app);
            super::settle(&app, &error, &origin, parts.uri.path())
        }
    }
}

async fn resolve(
    app: &App,
    headers: &axum::http::HeaderMap,
    bytes: &[u8],
) -> Result<Principal, ApiError> {
    let request: CheckRequest<'_> = parse_borrowed(headers, bytes)?;
    let need = match &request.need {
        None => Need::default(),
        Some(need) => need.parse()?,
    };
    check(app, &request.credential, &need).await.map_err(ApiError::of_checked)
}

impl CheckNeed<'_> {
    fn parse(&self) -> Result<Need, ApiError> {
        let scopes = self.scopes.as_deref().map_or(Ok(Scopes::default()), Scopes::parse);
        let scopes = scopes.map_err(|rule| ApiError::member("/need/scopes", rule))?;
        Ok(Need {
            scopes,
            audience: self.audience.as_deref().map(str::to_owned),
            ..Need::default()
        })
    }
}

impl<'a> CheckedCredential<'a> {
    fn of(app: &'a App, principal: &'a Principal) -> Self {
        Self {
            active: true,
            kind: principal.kind(),
            format: principal.format(),
            id: principal.id(),
            client_id: principal.client.as_ref().map(|client| client.public_id.as_str()),
            subject: principal.subject(),
            user: principal.user(),
            organization: principal.organization(),
            project: principal.project(),
            groups: principal.groups(),
            scopes: principal.scopes().as_str(),
            audience: principal.audience(app),
            issued_at: principal.issued_at().0,
            expires_at: principal.expires_at().0,
            grant: principal.grant(),
        }
    }
}

fn shown<T: std::fmt::Display, S: Serializer>(id: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

fn maybe_shown<T: std::fmt::Display, S: Serializer>(
    id: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match id {
        Some(id) => serializer.collect_str(id),
        None => serializer.serialize_none(),
    }
}

fn all_shown<T: std::fmt::Display, S: Serializer>(
    ids: &[T],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(ids.iter().map(ToString::to_string))
}
