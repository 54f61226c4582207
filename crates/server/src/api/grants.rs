//! `/v1/grants`: the revocation graph. Revoking a grant kills everything below it.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::State;
use keyhaven_protocol::id::{ClientId, GrantId, UserId};
use keyhaven_store::Reach;
use keyhaven_store::changes;
use keyhaven_store::revocations::{GrantRecord, Whose};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::administrator::Administrator;
use super::deed::Deed;
use super::page::{Asked, Listing, PageParams};
use super::problems::{ListProblems, NamedProblems};
use super::tenant::{Named, find_organization};
use crate::app::{App, Shared};
use crate::http::error::ApiError;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list_grants)).routes(routes!(show_grant, revoke_grant))
}

/// The authority under which credentials exist.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019a2b3c-4d5e-7f60-8123-456789abcdef", "kind": "authorization",
    "organization": "019a2b3c-0000-7f60-8123-456789abcdef",
    "client": "kh_client_0AbCdEfGhIjKlMnOpQrStU", "scope": "accounts.read",
    "created_at": 1_764_000_000, "expires_at": 1_766_592_000
}))]
pub struct Grant {
    /// Its id.
    pub id: String,
    /// The grant it came from; revoking that one kills this one too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// What kind of authority it is: `authorization` (a code was redeemed for it), `credentials` (a
    /// client's own, with a refresh token), `session`, `key`, `connection`, or `withdrawn_code`, which
    /// stands in the place of a code that is not to be redeemed any more.
    pub kind: String,
    /// The tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// The user who gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The client that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// What it allows.
    pub scope: String,
    /// Where it is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// When it was given, in seconds since 1970.
    pub created_at: i64,
    /// When it ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<i64>,
    /// Why it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_why: Option<String>,
}

impl From<GrantRecord> for Grant {
    fn from(grant: GrantRecord) -> Self {
        Self {
            id: grant.id.to_string(),
            parent: grant.parent.map(|id| id.to_string()),
            kind: grant.kind,
            organization: grant.organization.map(|id| id.to_string()),
            user: grant.owner.map(|id| id.to_string()),
            client: grant.client.map(|id| id.to_string()),
            scope: grant.scopes,
            audience: grant.audience,
            created_at: grant.created_at.0,
            expires_at: grant.expires_at.map(|at| at.0),
            revoked_at: grant.revoked_at.map(|at| at.0),
            revoked_why: grant.revoked_why,
        }
    }
}

/// What a revocation promises.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"revoked_at": 1_764_000_000, "effective_by": 1_764_000_001}))]
pub struct Receipt {
    /// When the revocation became durable, in seconds since 1970.
    pub revoked_at: i64,
    /// From here on every node refuses what was revoked.
    pub effective_by: i64,
}

impl From<changes::Receipt> for Receipt {
    fn from(receipt: changes::Receipt) -> Self {
        Self { revoked_at: receipt.revoked_at.0, effective_by: receipt.effective_by.0 }
    }
}

/// How lists of grants can be narrowed.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what the handler reads")]
struct GrantFilters {
    /// Only grants of this organization: id or slug.
    organization: Option<String>,
    /// Only grants held by this client.
    client: Option<String>,
    /// Only grants given by this user. Not together with `client`.
    user: Option<String>,
}

/// List grants
///
/// Newest first, ended ones included until the purge takes them.
#[utoipa::path(
    get, path = "/v1/grants", tag = "grants", params(PageParams, GrantFilters),
    responses((status = 200, description = "A page of grants", body = Listing<Grant>), ListProblems)
)]
async fn list_grants(
    State(app): State<Shared>,
    administrator: Administrator,
    asked: Asked,
) -> Result<Json<Listing<Grant>>, ApiError> {
    let (page, scope) = asked.page(&app, "grants", &["organization", "client", "user"])?;
    let reach = narrowed(&app, administrator.reach, &asked).await?;
    let whose = parse_whose(&asked)?;
    let listed = app.store.list_grants(reach, whose, page).await?;
    Ok(Json(Listing::of(&app, &scope, listed, Grant::from)?))
}

/// Show a grant
#[utoipa::path(
    get, path = "/v1/grants/{grant}", tag = "grants",
    params(("grant" = String, Path, description = "Id")),
    responses((status = 200, description = "The grant", body = Grant), NamedProblems)
)]
async fn show_grant(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(grant): Named<GrantId>,
) -> Result<Json<Grant>, ApiError> {
    let found = app.store.find_grant_record(administrator.reach, grant).await?;
    found.map(|grant| Json(grant.into())).ok_or_else(|| ApiError::not_found("grant"))
}

/// Revoke a grant
///
/// And with it everything below: tokens, refresh tokens, grants made from it. Doing so twice gives
/// the receipt of the first time.
#[utoipa::path(
    delete, path = "/v1/grants/{grant}", tag = "grants",
    params(("grant" = String, Path, description = "Id")),
    responses((status = 200, description = "The receipt", body = Receipt), NamedProblems)
)]
async fn revoke_grant(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(grant): Named<GrantId>,
    Deed(act): Deed,
) -> Result<Json<Receipt>, ApiError> {
    let receipt = app.store.revoke_grant_by_administrator(administrator.reach, grant, act).await?;
    receipt.map(|receipt| Json(receipt.into())).ok_or_else(|| ApiError::not_found("grant"))
}

/// The caller's reach, narrowed to the `organization` it asks for.
pub(super) async fn narrowed(app: &App, reach: Reach, asked: &Asked) -> Result<Reach, ApiError> {
    let Some(text) = asked.text("organization") else { return Ok(reach) };
    let found = find_organization(app, reach, text).await?;
    let found = found.ok_or_else(|| ApiError::not_found("organization"))?;
    Ok(Reach::Organization(found.id))
}

fn parse_whose(asked: &Asked) -> Result<Whose, ApiError> {
    match (asked.text("client"), asked.text("user")) {
        (None, None) => Ok(Whose::Everyone),
        (Some(client), None) => ClientId::parse(client)
            .map(Whose::Client)
            .ok_or_else(|| ApiError::parameter("client", "is not a client id")),
        (None, Some(user)) => UserId::parse(user)
            .map(Whose::User)
            .ok_or_else(|| ApiError::parameter("user", "is not an id")),
        (Some(_), Some(_)) => Err(ApiError::parameter("user", "does not go with client")),
    }
}
