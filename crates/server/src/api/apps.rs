//! `/v1/apps`: apps that people gave keys to, known by the origin of their callback. An administrator
//! of the instance may block one: none of its keys counts while it is blocked, and it gets no others.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::State;
use keyhaven_protocol::id::AppId;
use keyhaven_store::Outcome;
use keyhaven_store::hand_outs::AppRecord;
use keyhaven_store::organizations::Power;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::administrator::Administrator;
use super::body::Strict;
use super::deed::Deed;
use super::page::{Asked, Listing, PageParams};
use super::problems::{ChangeProblems, ListProblems};
use super::tenant::Named;
use crate::app::{App as Node, Shared};
use crate::http::error::ApiError;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list_apps)).routes(routes!(update_app))
}

/// An app that people gave keys to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019a2b3c-4d5e-7f60-8123-456789abcdef", "origin": "https://notes.example",
    "created_at": 1_764_000_000
}))]
pub struct App {
    /// Its id.
    pub id: String,
    /// What it is known by: the origin of its callback.
    pub origin: String,
    /// When it was first seen, in seconds since 1970.
    pub created_at: i64,
    /// Since when it is blocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_at: Option<i64>,
}

impl From<AppRecord> for App {
    fn from(app: AppRecord) -> Self {
        Self {
            id: app.id.to_string(),
            origin: app.origin,
            created_at: app.created_at.0,
            blocked_at: app.blocked_at.map(|at| at.0),
        }
    }
}

/// What to change of an app.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"blocked": true}))]
pub struct UpdateApp {
    /// Whether its keys count no more.
    blocked: bool,
}

/// List apps
///
/// Oldest first. For administrators of the instance.
#[utoipa::path(
    get, path = "/v1/apps", tag = "keys", params(PageParams),
    responses((status = 200, description = "A page of apps", body = Listing<App>), ListProblems)
)]
async fn list_apps(
    State(app): State<Shared>,
    administrator: Administrator,
    asked: Asked,
) -> Result<Json<Listing<App>>, ApiError> {
    administrator.of_instance()?;
    let (page, scope) = asked.page(&app, "apps", &[])?;
    let listed = app.store.list_apps(page).await?;
    Ok(Json(Listing::of(&app, &scope, listed, App::from)?))
}

/// Block an app, or let it act again
///
/// Everybody's keys of the app at once. For administrators of the instance.
#[utoipa::path(
    patch, path = "/v1/apps/{app}", tag = "keys",
    params(("app" = String, Path, description = "Id")), request_body = UpdateApp,
    responses((status = 200, description = "As it is now", body = App), ChangeProblems)
)]
async fn update_app(
    State(node): State<Shared>,
    administrator: Administrator,
    Named(app): Named<AppId>,
    Deed(act): Deed,
    Strict(body): Strict<UpdateApp>,
) -> Result<Json<App>, ApiError> {
    administrator.of_instance()?;
    let record = find(&node, app).await?;
    let power = if body.blocked { Power::Disabled } else { Power::Enabled };
    match node.store.set_app_power(&record, power, act).await? {
        Outcome::Done => Ok(Json(find(&node, app).await?.into())),
        other => Err(ApiError::of_outcome(other, "app")),
    }
}

async fn find(node: &Node, app: AppId) -> Result<AppRecord, ApiError> {
    let found = node.store.find_app_by_id(app).await?;
    found.ok_or_else(|| ApiError::not_found("app"))
}
