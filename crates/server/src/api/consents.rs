//! `/v1/users/{user}/consents`: what people let clients do. An administrator of one organization sees
//! and withdraws what a member gave to clients of that organization.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::{Path, State};
use keyhaven_protocol::id::{ClientId, UserId};
use keyhaven_store::Reach;
use keyhaven_store::consents::ConsentRecord;
use serde::Serialize;
use utoipa::ToSchema;

use super::administrator::Administrator;
use super::deed::Deed;
use super::grants::Receipt;
use super::problems::NamedProblems;
use super::tenant::Named;
use crate::app::{App, Shared};
use crate::http::error::ApiError;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list_consents)).routes(routes!(withdraw_consent))
}

/// What a person let a client do at one resource.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "client": "kh_client_0AbCdEfGhIjKlMnOpQrStU", "client_name": "Notebook",
    "scope": "openid email", "given_at": 1_764_000_000, "used_at": 1_764_000_600
}))]
pub struct Consent {
    /// To whom.
    pub client: String,
    /// The client's name; absent when the client is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// For which resource; absent for this server itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// What was agreed to, space-separated.
    pub scope: String,
    /// When, in seconds since 1970.
    pub given_at: i64,
    /// When a code was last given under it.
    pub used_at: i64,
}

impl From<ConsentRecord> for Consent {
    fn from(record: ConsentRecord) -> Self {
        Self {
            client: record.client.to_string(),
            client_name: record.client_name,
            audience: Some(record.audience).filter(|audience| !audience.is_empty()),
            scope: record.scopes.as_str().to_owned(),
            given_at: record.given_at.0,
            used_at: record.used_at.0,
        }
    }
}

/// Everything a person agreed to.
#[derive(Debug, Serialize, ToSchema)]
pub struct Consents {
    /// By client and resource, at most a thousand.
    pub items: Vec<Consent>,
}

/// List a user's consents
///
/// One for each client and resource.
#[utoipa::path(
    get, path = "/v1/users/{user}/consents", tag = "users",
    params(("user" = String, Path, description = "Id")),
    responses((status = 200, description = "The consents", body = Consents), NamedProblems)
)]
async fn list_consents(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(user): Named<UserId>,
) -> Result<Json<Consents>, ApiError> {
    visible(&app, administrator.reach, user).await?;
    let within = |it: &ConsentRecord| match administrator.reach {
        Reach::Instance => true,
        Reach::Organization(own) => it.organization == Some(own),
    };
    let given = app.store.list_consents(user).await?;
    Ok(Json(Consents { items: given.into_iter().filter(within).map(Consent::from).collect() }))
}

/// Withdraw a user's consent
///
/// For every resource. Codes and grants that the client has from the user end with it.
#[utoipa::path(
    delete, path = "/v1/users/{user}/consents/{client}", tag = "users",
    params(("user" = String, Path, description = "Id"),
           ("client" = String, Path, description = "The `client_id`")),
    responses((status = 200, description = "The receipt", body = Receipt), NamedProblems)
)]
async fn withdraw_consent(
    State(app): State<Shared>,
    administrator: Administrator,
    Path((user, client)): Path<(String, String)>,
    Deed(act): Deed,
) -> Result<Json<Receipt>, ApiError> {
    let user = UserId::parse(&user).ok_or_else(|| ApiError::not_found("user"))?;
    visible(&app, administrator.reach, user).await?;
    let nothing = || ApiError::not_found("consent");
    let client = ClientId::parse(&client).ok_or_else(nothing)?;
    // A client that is gone can be cleaned up by administrators of the instance only.
    if administrator.reach != Reach::Instance {
        let found = app.store.find_client_record(administrator.reach, client).await?;
        found.ok_or_else(nothing)?;
    }
    let receipt = app.store.withdraw_consent(user, client, act).await?;
    receipt.map(|receipt| Json(receipt.into())).ok_or_else(nothing)
}

async fn visible(app: &App, reach: Reach, user: UserId) -> Result<(), ApiError> {
    let found = app.store.find_user(reach, user).await?;
    found.map(drop).ok_or_else(|| ApiError::not_found("user"))
}
