//! `POST /v1/connectors/{connector}/test`: a dry run that says what is wrong.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::State;
use keyhaven_protocol::id::ConnectorId;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::administrator::Administrator;
use super::super::problems::NamedProblems;
use super::super::tenant::Named;
use super::{find, provider_of};
use crate::app::Shared;
use crate::http::error::ApiError;
use crate::operations::test_connector::{Check, Finding, test_connector};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(test_one_connector))
}

/// What a dry run found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"ok": false, "checks": [
    {"check": "token_endpoint", "status": "failed",
     "detail": "It refuses the credentials: invalid_client."}
]}))]
struct ConnectorTest {
    /// Whether nothing is known to be wrong.
    ok: bool,
    /// Everything that was looked at.
    checks: Vec<ConnectorCheck>,
}

/// One thing that was looked at.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "check": "token_endpoint", "status": "passed", "detail": "It takes the credentials."
}))]
struct ConnectorCheck {
    /// `credentials`, `redirect_uri`, `authorization_endpoint` or `token_endpoint`.
    check: &'static str,
    /// `passed`, `failed`, `unknown` or `skipped`.
    status: &'static str,
    /// What to know or to do.
    detail: String,
}

impl From<Check> for ConnectorCheck {
    fn from(check: Check) -> Self {
        let status = match check.found {
            Finding::Passed => "passed",
            Finding::Failed => "failed",
            Finding::Unknown => "unknown",
            Finding::Skipped => "skipped",
        };
        Self { check: check.name, status, detail: check.detail }
    }
}

/// Test a connector
///
/// A dry run: its credentials, its redirect URI, the provider's consent page and token endpoint.
/// Nothing is stored, and no user's grant is touched.
#[utoipa::path(
    post, path = "/v1/connectors/{connector}/test", tag = "connectors",
    operation_id = "test_connector",
    params(("connector" = String, Path, description = "Id")),
    responses((status = 200, description = "What was found", body = ConnectorTest), NamedProblems)
)]
async fn test_one_connector(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(connector): Named<ConnectorId>,
) -> Result<Json<ConnectorTest>, ApiError> {
    let kept = find(&app, administrator.reach, connector).await?;
    let provider = provider_of(&app, &kept).await?;
    let checks = Box::pin(test_connector(&app, &kept, &provider)).await?;
    let ok = checks.iter().all(|check| check.found != Finding::Failed);
    Ok(Json(ConnectorTest { ok, checks: checks.into_iter().map(Into::into).collect() }))
}
