//! H: what axum costs when there is nothing to do.

use axum::Router;
use axum::body::Bytes;
use axum::routing::get;

const ANSWER: &str = "hello";

pub(super) fn router() -> Router {
    Router::new().route("/", get(async || ANSWER).post(async |_body: Bytes| ANSWER))
}
