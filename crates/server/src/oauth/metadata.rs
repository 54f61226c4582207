//! `/.well-known/…`: the metadata document at both paths (RFC 8414 §3, OpenID Connect Discovery
//! §4) and the key set (RFC 7517 §5).

use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use keyhaven_protocol::metadata;
use serde_json::Value;

use crate::app::Shared;
use crate::keyring::PUBLISHED_MAX_AGE;

/// What this server can do.
pub async fn describe_server(State(app): State<Shared>) -> Json<Value> {
    Json(metadata::document(&app.settings.issuer))
}

/// The public signing keys.
pub async fn list_keys(State(app): State<Shared>) -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, "application/jwk-set+json".to_owned()),
        (CACHE_CONTROL, format!("public, max-age={}", PUBLISHED_MAX_AGE.0)),
    ];
    (headers, app.keys.published(&app.store).await)
}
