//! How the connector family hears its answers: `{"error":{"code","message"}}` with its own words for
//! statuses, and redirects that carry fixed words only. Each refusal is noted and logged here, once.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, LOCATION, REFERRER_POLICY};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_store::Error;
use serde_json::json;

use super::refusal;
use super::reply::{JSON, with_status};
use crate::app::{App, Origin};
use crate::operations::{Failure, Refused};

/// What went wrong, in the family's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// 400.
    BadRequest,
    /// 401.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 404.
    NotFound,
}

impl Wrong {
    const fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::BadRequest => "HTTP_BAD_REQUEST",
            Self::Unauthorized => "HTTP_UNAUTHORIZED",
            Self::Forbidden => "HTTP_FORBIDDEN",
            Self::NotFound => "HTTP_NOT_FOUND",
        }
    }
}

/// A refusal: the public message, and the rule for those who may ask for it.
pub fn refused(app: &App, wrong: Wrong, message: &str, rule: Refusal, origin: &Origin) -> Response {
    let refused = Refused { refusal: rule, client: None, wait: None };
    let code = refusal::note(app, &refused, origin);
    let body =
        json!({ "error": { "code": wrong.code(), "message": format!("{message} ({code})") } });
    no_referrer(with_status(wrong.status(), JSON, &body))
}

/// A credential that does not count, or storage that fails.
pub fn failed(app: &App, message: &str, failure: Failure, origin: &Origin) -> Response {
    match failure {
        Failure::Storage(error) => unavailable(&error),
        Failure::Refused(no) => refused(app, Wrong::Unauthorized, message, no.refusal, origin),
    }
}

/// 503, for storage that fails.
#[must_use]
pub fn unavailable(error: &Error) -> Response {
    tracing::error!(%error, "storage failed");
    let message = "Not possible right now, try again";
    let body = json!({ "error": { "code": "HTTP_SERVICE_UNAVAILABLE", "message": message } });
    let mut response = with_status(StatusCode::SERVICE_UNAVAILABLE, JSON, &body);
    response.headers_mut().insert(axum::http::header::RETRY_AFTER, HeaderValue::from(1));
    no_referrer(response)
}

/// 302 with a `Location`, as the family's clients want it and no other.
#[must_use]
pub fn found(location: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    let location = HeaderValue::from_str(location).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(LOCATION, location);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    no_referrer(response)
}

/// Keeps codes and states that stand in this page's address from the next one.
#[must_use]
pub fn no_referrer(mut response: Response) -> Response {
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
