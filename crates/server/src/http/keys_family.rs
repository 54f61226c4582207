//! How the user-controlled keys family hears "no": `{"error": {"code", "message"}}`, where `code` is
//! the HTTP status and the messages are those its published clients and documentation know. The code
//! under which an administrator finds the rule is in `error.metadata`, which the family leaves free.

use axum::http::StatusCode;
use axum::http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::Response;
use keyhaven_protocol::hand_out::exchange::EXPIRED;
use keyhaven_protocol::refusal::{Code, Refusal};
use serde_json::json;

use super::refusal::note;
use super::reply::{JSON, with_status};
use crate::app::{App, Origin};
use crate::operations::{Failure, Refused};

/// A refusal, or storage that failed.
pub fn refuse(app: &App, failure: Failure, origin: &Origin) -> Response {
    let refused = match failure {
        Failure::Storage(error) => {
            tracing::error!(%error, "storage failed");
            let message = "Try again in a moment.";
            let mut response = answer(StatusCode::SERVICE_UNAVAILABLE, message, None);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            return response;
        }
        Failure::Refused(refused) => refused,
    };
    let code = note(app, &refused, origin);
    let (status, message) = told(&refused.refusal);
    let mut response = answer(status, &message, Some(&code));
    dress(&mut response, status, &refused);
    response
}

/// What nobody answers. Everything under the family's prefix that no door knows is told so in this
/// shape, whichever family it was meant for.
#[must_use]
pub fn nothing() -> Response {
    answer(StatusCode::NOT_FOUND, "Not Found", None)
}

fn dress(response: &mut Response, status: StatusCode, refused: &Refused) {
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"keyhaven\""));
    }
    if let Some(seconds) = refused.wait {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
}

fn answer(status: StatusCode, message: &str, code: Option<&str>) -> Response {
    let mut error = json!({ "code": status.as_u16(), "message": message });
    if let Some(code) = code {
        error["metadata"] = json!({ "code": code });
    }
    with_status(status, JSON, &json!({ "error": error }))
}

fn told(refusal: &Refusal) -> (StatusCode, String) {
    match refusal.code {
        Code::InvalidToken | Code::InvalidClient => {
            let missing = refusal.reason == "no bearer token in the request";
            let told =
                if missing { "Missing Authentication header" } else { "Invalid credentials" };
            (StatusCode::UNAUTHORIZED, told.into())
        }
        Code::InvalidGrant => {
            let expired = refusal.field == Some(EXPIRED);
            let told = if expired {
                "Authorization code expired"
            } else {
                "Invalid code or code_verifier"
            };
            (StatusCode::FORBIDDEN, told.into())
        }
        Code::UnauthorizedClient => (StatusCode::FORBIDDEN, "This app may not get keys".into()),
        Code::InvalidScope => (StatusCode::FORBIDDEN, refusal.reason.to_string()),
        Code::InsufficientScope | Code::NotFromHere => {
            (StatusCode::FORBIDDEN, "The key does not allow that".into())
        }
        Code::BudgetExhausted => (StatusCode::PAYMENT_REQUIRED, "Insufficient credits".into()),
        Code::TooManyRequests | Code::RateLimited => {
            (StatusCode::TOO_MANY_REQUESTS, "Rate limit exceeded".into())
        }
        _ => (StatusCode::BAD_REQUEST, refusal.reason.to_string()),
    }
}
