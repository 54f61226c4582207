//! `/v1/clients/{client}/secrets`: at most two live, so that a client moves from one to the next
//! without a pause.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use keyhaven_protocol::id::{ClientId, Id};
use keyhaven_protocol::time::Seconds;
use keyhaven_store::Outcome;
use keyhaven_store::client_secrets::{NewSecret, SecretRecord};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::administrator::Administrator;
use super::clients::find;
use super::deed::Deed;
use super::once::{Ended, Once};
use super::page::Listing;
use super::problems::{CreateProblems, IdempotencyKey, NamedProblems};
use super::tenant::Named;
use crate::app::Shared;
use crate::http::error::{ApiError, Kind};
use crate::http::reply::NoContent;

/// A day: long enough to roll a new secret out.
const DEFAULT_OVERLAP: i64 = 24 * 60 * 60;
const MOST_OVERLAP: i64 = 30 * 24 * 60 * 60;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_client_secrets, rotate_client_secret))
        .routes(routes!(delete_client_secret))
}

/// A live secret of a client, without its text.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019a2b3c-4d5e-7f60-8123-456789abcdef", "last_four": "x7Qa", "created_at": 1_764_000_000
}))]
pub struct ClientSecret {
    /// Its id.
    pub id: String,
    /// The last four characters of its text.
    pub last_four: String,
    /// When it was made, in seconds since 1970.
    pub created_at: i64,
    /// When it stops working; absent for the current one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
}

impl From<SecretRecord> for ClientSecret {
    fn from(secret: SecretRecord) -> Self {
        Self {
            id: secret.id.to_string(),
            last_four: secret.last_four,
            created_at: secret.created_at.0,
            expires_at: secret.expires_at.map(|at| at.0),
        }
    }
}

/// How to rotate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"overlap_seconds": 86_400}))]
pub struct RotateClientSecret {
    /// For how long the present secret keeps working: 0 to 2592000.
    #[serde(default)]
    #[schema(default = 86_400)]
    overlap_seconds: Option<i64>,
}

/// A new secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019a2b3c-4d5e-7f60-8123-456789abcdef",
    "client_id": "kh_client_0AbCdEfGhIjKlMnOpQrStU",
    "client_secret": "kh_secret_0AbCdEfGhIjKlMnOpQrStU…", "previous_expires_at": 1_764_086_400
}))]
pub struct RotatedClientSecret {
    /// Its id.
    pub id: String,
    /// The client.
    pub client_id: String,
    /// Its text, shown once.
    #[schema(extensions(("x-sdk-secret" = json!(true))))]
    pub client_secret: String,
    /// When the secret before it stops working, in seconds since 1970.
    pub previous_expires_at: i64,
}

/// List a client's secrets
///
/// The live ones, oldest first; never their text.
#[utoipa::path(
    get, path = "/v1/clients/{client}/secrets", tag = "clients",
    params(("client" = String, Path, description = "The `client_id`")),
    responses((status = 200, description = "Two at most", body = Listing<ClientSecret>), NamedProblems)
)]
async fn list_client_secrets(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(client): Named<ClientId>,
) -> Result<Json<Listing<ClientSecret>>, ApiError> {
    find(&app, administrator.reach, client).await?;
    let secrets = app.store.list_client_secrets(client, app.clock.now()).await?;
    let items = secrets.into_iter().map(ClientSecret::from).collect();
    Ok(Json(Listing { items, next: None }))
}

/// Rotate a client's secret
///
/// The new secret is in this answer only. The present one keeps working for `overlap_seconds`.
/// While two are live there is no third: delete one first, or wait.
#[utoipa::path(
    post, path = "/v1/clients/{client}/secrets", tag = "clients",
    params(("client" = String, Path, description = "The `client_id`"), IdempotencyKey),
    request_body = RotateClientSecret,
    responses((status = 201, description = "The new secret", body = RotatedClientSecret), CreateProblems)
)]
async fn rotate_client_secret(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(client): Named<ClientId>,
    request: Once<RotateClientSecret>,
) -> Result<Response, Ended> {
    let record = find(&app, administrator.reach, client).await?;
    let (body, mut once) = request.split();
    let overlap = body.overlap_seconds.unwrap_or(DEFAULT_OVERLAP);
    if !(0..=MOST_OVERLAP).contains(&overlap) {
        return Err(ApiError::member("/overlap_seconds", "is 0 to 2592000").into());
    }
    let secret = NewSecret::mint(once.act.id(), &app.dice.bytes());
    let rotated = RotatedClientSecret {
        id: secret.id.to_string(),
        client_id: record.client.public_id.clone(),
        client_secret: secret.text.reveal().to_owned(),
        previous_expires_at: once.act.now.plus(Seconds(overlap)).0,
    };
    let location = format!("/v1/clients/{client}/secrets/{}", secret.id);
    let (act, answer) = once.created(location, &rotated)?;
    let client = &record.client;
    let outcome = app.store.rotate_client_secret(client, &secret, Seconds(overlap), act).await?;
    if outcome == Outcome::Absent {
        let detail = "This client authenticates without a secret.";
        return Err(ApiError::new(Kind::Conflict, detail).within(client.organization).into());
    }
    Ok(answer.after(outcome, "client").await?)
}

/// Delete a client's secret
///
/// It stops working at once. Without any secret the client cannot authenticate until one is made.
#[utoipa::path(
    delete, path = "/v1/clients/{client}/secrets/{secret}", tag = "clients",
    params(("client" = String, Path, description = "The `client_id`"), ("secret" = String, Path, description = "The secret's id")),
    responses((status = 204, description = "It is gone"), NamedProblems)
)]
async fn delete_client_secret(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(client): Named<ClientId>,
    Named(secret): Named<Id>,
    Deed(act): Deed,
) -> Result<NoContent, ApiError> {
    let record = find(&app, administrator.reach, client).await?;
    match app.store.delete_client_secret(&record.client, secret, act).await? {
        Outcome::Done => Ok(NoContent),
        other => Err(ApiError::of_outcome(other, "secret")),
    }
}
