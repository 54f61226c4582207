//! The operator's listener: is the process alive, may it get traffic, what does it count. It is a
//! router of its own on an address of its own; the public port has none of these paths (A76).

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::http::stop::Stop;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::per_route::Routes;

/// How the node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Everything works.
    Ready,
    /// Requests are answered, but something is slow or missing.
    Degraded(String),
    /// Requests would fail.
    Unready(String),
}

/// Finds out how the node is, for example by a read of the database.
pub type Check = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Readiness> + Send>> + Send + Sync>;

/// What the operator's routes show.
#[derive(Clone)]
pub struct Operator {
    /// Asked at each `/health/ready`.
    pub check: Check,
    /// How long the check may take; a slower one means "degraded".
    pub deadline: Duration,
    /// Shown at `/metrics`.
    pub metrics: Metrics,
    /// A node that was asked to stop is not ready.
    pub stop: Stop,
}

/// The operator's routes.
pub fn routes(operator: Operator) -> Routes {
    Routes::new()
        .route("/health/live", get(show_liveness))
        .route("/health/ready", get(show_readiness))
        .route("/metrics", get(show_metrics))
        .with_state(operator)
}

async fn show_liveness() -> Response {
    answer(StatusCode::OK, "live", None)
}

async fn show_readiness(State(operator): State<Operator>) -> Response {
    if operator.stop.is_asked() {
        return answer(StatusCode::SERVICE_UNAVAILABLE, "stopping", None);
    }
    let checked = tokio::time::timeout(operator.deadline, (operator.check)()).await;
    match checked {
        Ok(Readiness::Ready) => answer(StatusCode::OK, "ready", None),
        Ok(Readiness::Degraded(why)) => answer(StatusCode::OK, "degraded", Some(&why)),
        Ok(Readiness::Unready(why)) => {
            answer(StatusCode::SERVICE_UNAVAILABLE, "unready", Some(&why))
        }
        Err(_) => answer(
            StatusCode::SERVICE_UNAVAILABLE,
            "degraded",
            Some("the check did not end in time"),
        ),
    }
}

async fn show_metrics(State(operator): State<Operator>) -> Response {
    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, TEXT)], operator.metrics.render()).into_response()
}

fn answer(status: StatusCode, word: &'static str, why: Option<&str>) -> Response {
    let body = serde_json::json!({ "status": word, "reason": why });
    (status, [(header::CACHE_CONTROL, "no-store")], axum::Json(body)).into_response()
}
