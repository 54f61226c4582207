//! `/v1/signing-keys`: what signs access tokens. Private parts never leave the store.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_protocol::time::Timestamp;
use keyhaven_store::Error;
use keyhaven_store::signing_keys::SigningKeySummary;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::administrator::Administrator;
use super::body::{Strict, set};
use super::page::Listing;
use super::problems::{ChangeProblems, ListProblems};
use crate::app::{App, Origin, Shared};
use crate::http::error::{ApiError, Kind};
use crate::http::reply::Success;
use crate::keyring::PUBLISHED_BEFORE;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list_signing_keys, rotate_signing_keys))
}

/// A published signing key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "kid": "0iT1Yb3Hc6R3yGq1nEo3mD2bJc8u2xJtQx1oU0i8m1M", "alg": "ES256", "generation": 2,
    "state": "next", "created_at": 1_764_000_000, "signs_from": 1_764_000_600
}))]
pub struct SigningKey {
    /// The `kid` in the tokens it signs and in the published set.
    pub kid: String,
    /// What it signs with.
    pub alg: String,
    /// Counts up with every rotation of its algorithm.
    pub generation: i64,
    /// `signs`; `next`: published, but not signing yet; or `retired`: still verifies what it signed.
    pub state: &'static str,
    /// When it was made, in seconds since 1970.
    pub created_at: i64,
    /// From when it signs, in seconds since 1970.
    pub signs_from: i64,
}

/// Which keys to rotate, and how fast.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"alg": "ES256"}))]
pub struct RotateSigningKeys {
    /// Only this algorithm: `ES256`, `EdDSA`, `PS256` or `RS256`. Without it, every one in use.
    #[serde(deserialize_with = "set")]
    alg: Option<String>,
    /// `true`: the new key signs at once. Whoever keeps a copy of the published set may refuse its
    /// tokens for five minutes; use it when a key may have leaked.
    now: bool,
}

/// List the signing keys
///
/// Every key in the published set, newest first. For administrators of the instance.
#[utoipa::path(
    get, path = "/v1/signing-keys", tag = "signing-keys",
    responses((status = 200, description = "The keys", body = Listing<SigningKey>), ListProblems)
)]
async fn list_signing_keys(
    State(app): State<Shared>,
    administrator: Administrator,
) -> Result<Json<Listing<SigningKey>>, ApiError> {
    administrator.of_instance()?;
    let items = keys(&app, app.clock.now()).await?;
    Ok(Json(Listing { items, next: None }))
}

/// Rotate the signing keys
///
/// Publishes the next key; it signs ten minutes later, when every copy of the published set has it.
/// The key before stays published until what it signed has ended. For administrators of the
/// instance.
#[utoipa::path(
    post, path = "/v1/signing-keys", tag = "signing-keys", request_body = RotateSigningKeys,
    responses((status = 201, description = "The new keys", body = Listing<SigningKey>), ChangeProblems)
)]
async fn rotate_signing_keys(
    State(app): State<Shared>,
    administrator: Administrator,
    origin: Origin,
    Strict(body): Strict<RotateSigningKeys>,
) -> Result<Response, ApiError> {
    administrator.of_instance()?;
    let now = app.clock.now();
    let before = keys(&app, now).await?;
    let algorithms = wanted(body.alg.as_deref(), &before)?;
    if !body.now && before.iter().any(|key| key.state == "next" && key.is_of(&algorithms)) {
        let detail = "The next key is published already and will sign soon.";
        return Err(ApiError::new(Kind::Conflict, detail));
    }
    let signs_from = if body.now { now } else { now.plus(PUBLISHED_BEFORE) };
    for algorithm in &algorithms {
        let act = app.act(administrator.actor.clone(), &origin);
        app.keys.rotate(&app, *algorithm, signs_from, act).await?;
    }
    let mut items = keys(&app, now).await?;
    items.retain(|key| !before.iter().any(|known| known.kid == key.kid));
    let body = serde_json::to_vec(&Listing { items, next: None }).map_err(Error::broken)?;
    Ok(Success::Created.answer(None, body))
}

fn wanted(named: Option<&str>, before: &[SigningKey]) -> Result<Vec<Algorithm>, ApiError> {
    match named {
        Some(name) => Algorithm::parse(name)
            .map(|algorithm| vec![algorithm])
            .ok_or_else(|| ApiError::member("/alg", "is ES256, EdDSA, PS256 or RS256")),
        None => {
            let in_use = |algorithm: &Algorithm| before.iter().any(|key| key.is_of(&[*algorithm]));
            Ok(Algorithm::ALL.into_iter().filter(in_use).collect())
        }
    }
}

/// Newest generation of each algorithm first, each with its state.
async fn keys(app: &App, now: Timestamp) -> Result<Vec<SigningKey>, ApiError> {
    let rows = app.store.list_signing_key_summaries().await?;
    let mut keys: Vec<SigningKey> = Vec::with_capacity(rows.len());
    for row in rows {
        let state = if row.signs_from > now {
            "next"
        } else if keys.iter().any(|key| key.alg == row.alg && key.state == "signs") {
            "retired"
        } else {
            "signs"
        };
        keys.push(SigningKey::of(row, state));
    }
    Ok(keys)
}

impl SigningKey {
    fn of(row: SigningKeySummary, state: &'static str) -> Self {
        Self {
            kid: row.kid,
            alg: row.alg,
            generation: row.generation,
            state,
            created_at: row.created_at.0,
            signs_from: row.signs_from.0,
        }
    }

    fn is_of(&self, algorithms: &[Algorithm]) -> bool {
        algorithms.iter().any(|algorithm| algorithm.name() == self.alg)
    }
}
