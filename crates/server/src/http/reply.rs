//! Successful answers: the few shapes that OAuth and its families know. Everything here is
//! personal or secret, so nothing may be stored on the way (RFC 6749 §5.1).

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::Serialize;

/// `application/json`.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// `application/vnd.api+json` (JSON:API 1.0).
pub const JSON_API: HeaderValue = HeaderValue::from_static("application/vnd.api+json");

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

/// 200 with a JSON body.
pub fn ok(body: &impl Serialize) -> Response {
    with_status(StatusCode::OK, JSON, body)
}

/// 200 with a JSON:API body.
pub fn ok_json_api(body: &impl Serialize) -> Response {
    with_status(StatusCode::OK, JSON_API, body)
}

/// 201 with a JSON:API body.
pub fn created_json_api(body: &impl Serialize) -> Response {
    with_status(StatusCode::CREATED, JSON_API, body)
}

/// 200 with nothing to say (RFC 7009 §2.2).
#[must_use]
pub fn empty() -> Response {
    bare(StatusCode::OK)
}

/// 204.
#[must_use]
pub fn no_content() -> Response {
    bare(StatusCode::NO_CONTENT)
}

pub(super) fn with_status(
    status: StatusCode,
    media_type: HeaderValue,
    body: &impl Serialize,
) -> Response {
    let Ok(text) = serde_json::to_vec(body) else {
        return bare(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, media_type);
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(PRAGMA, NO_CACHE);
    response
}

fn bare(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}
