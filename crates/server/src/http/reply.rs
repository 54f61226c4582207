//! Successful answers: the few shapes that OAuth and its families know. Everything here is
//! personal or secret, so nothing may be stored on the way (RFC 6749 §5.1).

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, PRAGMA};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use keyhaven_protocol::secret::Secret;
use serde::Serialize;

/// `application/json`.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// `application/vnd.api+json` (JSON:API 1.0).
pub const JSON_API: HeaderValue = HeaderValue::from_static("application/vnd.api+json");

/// Room for most answers, so that writing one grows nothing.
const COMMON: usize = 1024;

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

/// How a change of the native interface succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Success {
    /// 200: done, with something to show.
    Done,
    /// 201: made, at an address of its own.
    Created,
}

impl Success {
    /// The number, as kept with an answer that may be given again.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::Done => StatusCode::OK.as_u16(),
            Self::Created => StatusCode::CREATED.as_u16(),
        }
    }

    /// Reads the number.
    #[must_use]
    pub fn of_number(number: u16) -> Option<Self> {
        [Self::Done, Self::Created].into_iter().find(|success| success.number() == number)
    }

    /// The answer with a JSON body that is written already.
    #[must_use]
    pub fn answer(self, location: Option<&str>, body: Vec<u8>) -> Response {
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = match self {
            Self::Done => StatusCode::OK,
            Self::Created => StatusCode::CREATED,
        };
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(CACHE_CONTROL, NO_STORE);
        if let Some(location) = location.and_then(|text| HeaderValue::from_str(text).ok()) {
            headers.insert(LOCATION, location);
        }
        response
    }
}

/// 204, as what a handler returns.
#[derive(Clone, Copy, Debug)]
pub struct NoContent;

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        no_content()
    }
}

/// 200 with a JSON body.
pub fn ok(body: &impl Serialize) -> Response {
    with_status(StatusCode::OK, JSON, body)
}

/// 200 with a JSON body that is written already.
#[must_use]
pub fn ok_written(body: Vec<u8>) -> Response {
    written(StatusCode::OK, JSON, body)
}

/// 201 with a JSON body (RFC 9126 §2.2).
pub fn created(body: &impl Serialize) -> Response {
    with_status(StatusCode::CREATED, JSON, body)
}

/// 200 with a JWT (OpenID Connect Core §5.3.2).
#[must_use]
pub fn ok_jwt(jwt: &Secret) -> Response {
    let mut response = Response::new(Body::from(jwt.reveal().to_owned()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/jwt"));
    headers.insert(CACHE_CONTROL, NO_STORE);
    response
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

/// 404 for programs.
#[must_use]
pub fn not_found() -> Response {
    bare(StatusCode::NOT_FOUND)
}

pub(super) fn with_status(
    status: StatusCode,
    media_type: HeaderValue,
    body: &impl Serialize,
) -> Response {
    let mut text = Vec::with_capacity(COMMON);
    match serde_json::to_writer(&mut text, body) {
        Ok(()) => written(status, media_type, text),
        Err(_) => bare(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn written(status: StatusCode, media_type: HeaderValue, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
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
