//! `/v1/instance`: what runs here.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::administrator::Administrator;
use super::problems::ListProblems;
use crate::app::Shared;
use crate::http::error::ApiError;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(show_instance))
}

/// The running instance.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "version": "0.1.0", "issuer": "https://auth.example.com", "engine": "sqlite",
    "database_bytes": 1_048_576, "log_bytes": 65_536, "waiting_commits": 0
}))]
pub struct Instance {
    /// The version of Keyhaven.
    pub version: &'static str,
    /// The issuer of every token.
    pub issuer: String,
    /// `sqlite` or `postgres`.
    pub engine: &'static str,
    /// What the database occupies.
    pub database_bytes: u64,
    /// What its write-ahead log occupies.
    pub log_bytes: u64,
    /// Commits that wait for the writer.
    pub waiting_commits: u64,
}

/// Show the instance
///
/// For administrators of the instance.
#[utoipa::path(
    get, path = "/v1/instance", tag = "instance",
    responses((status = 200, description = "What runs here", body = Instance), ListProblems)
)]
async fn show_instance(
    State(app): State<Shared>,
    administrator: Administrator,
) -> Result<Json<Instance>, ApiError> {
    administrator.of_instance()?;
    let measure = app.store.engine().measure().await?;
    Ok(Json(Instance {
        version: env!("CARGO_PKG_VERSION"),
        issuer: app.settings.issuer.clone(),
        engine: app.store.engine().name(),
        database_bytes: measure.bytes,
        log_bytes: measure.log_bytes,
        waiting_commits: measure.waiting,
    }))
}
