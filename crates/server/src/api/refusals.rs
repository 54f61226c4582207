//! `/v1/refusals/{code}`: why something was refused, for administrators, for a day.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::State;
use keyhaven_store::refusals::Explanation;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::administrator::Administrator;
use super::problems::NamedProblems;
use super::tenant::{Named, PathId};
use crate::app::Shared;
use crate::http::error::ApiError;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(explain_refusal))
}

/// Why a request was refused.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "code": "KH-4F2A-9C1D", "at": 1_764_000_000, "error": "invalid_client",
    "reason": "wrong client secret", "compared": {"client_id": "kh_client_0AbCdEfGhIjKlMnOpQrStU"},
    "request": "019a2b3c-4d5e-7f60-8123-0123456789ab"
}))]
pub struct Refusal {
    /// The public code.
    pub code: String,
    /// When, in seconds since 1970.
    pub at: i64,
    /// The tenant concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// The public error word.
    pub error: String,
    /// The rule that refused.
    pub reason: String,
    /// The values the rule compared. Never secrets.
    #[schema(value_type = Object)]
    pub compared: Value,
    /// The correlation id of the request.
    pub request: String,
}

impl From<Explanation> for Refusal {
    fn from(explanation: Explanation) -> Self {
        Self {
            code: explanation.code,
            at: explanation.at.0,
            organization: explanation.organization.map(|id| id.to_string()),
            error: explanation.error,
            reason: explanation.reason,
            compared: serde_json::from_str(&explanation.detail).unwrap_or(Value::Null),
            request: explanation.request,
        }
    }
}

/// The code of a refusal, in capitals.
struct Code(String);

impl PathId for Code {
    const NAME: &'static str = "code";

    fn parse(text: &str) -> Option<Self> {
        let code = text.to_ascii_uppercase();
        code.starts_with("KH-").then_some(Self(code))
    }
}

/// Explain a refusal
///
/// An administrator of one organization is told of refusals that concern it.
#[utoipa::path(
    get, path = "/v1/refusals/{code}", tag = "refusals",
    params(("code" = String, Path, description = "The `KH-…` code of the answer")),
    responses((status = 200, description = "The rule and what it compared", body = Refusal), NamedProblems)
)]
async fn explain_refusal(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(Code(code)): Named<Code>,
) -> Result<Json<Refusal>, ApiError> {
    let found = app.store.find_refusal(administrator.reach, &code, app.clock.now()).await?;
    found.map(|refusal| Json(refusal.into())).ok_or_else(|| ApiError::not_found("refusal"))
}
