//! `/v1/master-key`: how much is sealed under which master key, and turning it while everything
//! runs. Each call does a bounded step; what remains is what is still under another key, so it can be
//! interrupted and started again at will.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::administrator::Administrator;
use super::problems::ListProblems;
use crate::app::{App, Shared};
use crate::boot::SEALED_BY;
use crate::http::error::ApiError;
use keyhaven_store::instance;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(show_master_key)).routes(routes!(turn_master_key))
}

/// How much is sealed under which master key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "current": "8f14e45f", "remaining": 12, "failed": 0,
    "sealed": [{"column": "connections.data_key", "key": "8f14e45f", "count": 120}]
}))]
pub struct MasterKey {
    /// The key that seals now, by its public name.
    pub current: String,
    /// Values still under another key. An older key can be dropped when this is 0.
    pub remaining: i64,
    /// Values the last step could not open: their key is not loaded, or they were altered.
    pub failed: u64,
    /// By column and key.
    pub sealed: Vec<SealedUnder>,
}

/// Values of one column under one key.
#[derive(Debug, Serialize, ToSchema)]
pub struct SealedUnder {
    /// `table.column`.
    pub column: &'static str,
    /// The key's public name.
    pub key: String,
    /// How many.
    pub count: i64,
}

/// Show what is sealed under which master key
#[utoipa::path(
    get, path = "/v1/master-key", tag = "instance",
    responses((status = 200, description = "Counts by column and key", body = MasterKey), ListProblems)
)]
async fn show_master_key(
    State(app): State<Shared>,
    administrator: Administrator,
) -> Result<Json<MasterKey>, ApiError> {
    administrator.of_instance()?;
    Ok(Json(counted(&app, 0).await?))
}

/// Turn the master key a step further
///
/// Seals up to some hundred values per column again under the current key. Call it until `remaining`
/// is 0; everything keeps working meanwhile.
#[utoipa::path(
    post, path = "/v1/master-key/rekey", tag = "instance",
    responses((status = 200, description = "What remains", body = MasterKey), ListProblems)
)]
async fn turn_master_key(
    State(app): State<Shared>,
    administrator: Administrator,
) -> Result<Json<MasterKey>, ApiError> {
    administrator.of_instance()?;
    let turned = app.store.turn_master_key(app.dice.bytes()).await?;
    let counted = counted(&app, turned.failed).await?;
    if counted.remaining == 0 {
        remember(&app, &counted.current).await?;
    }
    Ok(Json(counted))
}

async fn counted(app: &App, failed: u64) -> Result<MasterKey, ApiError> {
    let current = app.store.sealer().current_key_name();
    let current: String = current.iter().map(|byte| format!("{byte:02x}")).collect();
    let counts = app.store.count_by_master_key().await?;
    let elsewhere = counts.iter().filter(|count| count.key != current);
    let remaining = elsewhere.map(|count| count.count).sum();
    let sealed = counts
        .into_iter()
        .map(|count| SealedUnder { column: count.column, key: count.key, count: count.count })
        .collect();
    Ok(MasterKey { current, remaining, failed, sealed })
}

/// From here on a node starts with the new key alone.
async fn remember(app: &App, current: &str) -> Result<(), ApiError> {
    let engine = app.store.engine().as_ref();
    if let Some(before) = instance::find_fact(engine, SEALED_BY).await?
        && before != current
    {
        instance::restate_fact(engine, SEALED_BY, &before, current).await?;
    }
    Ok(())
}
