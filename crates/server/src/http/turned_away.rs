//! Refusals before any route is chosen: the request is malformed as HTTP, too large or too slow.
//! How they look on the wire is `Render`'s business, since each API family has its own envelope.

use axum::body::Body;
use axum::http::{HeaderValue, Method, Response, StatusCode, Uri, header};

/// Why a request was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnedAway {
    /// Both `Transfer-Encoding` and `Content-Length`, or several of one (RFC 9112 §6.3).
    AmbiguousFraming,
    /// HTTP/1.1 with no `Host`, or several (RFC 9112 §3.2).
    Host,
    /// The request target is too long.
    TargetTooLong,
    /// Too many header fields, or too long ones.
    HeaderTooLarge,
    /// The body is too long.
    BodyTooLarge,
    /// The body is compressed.
    BodyEncoded,
    /// The body ended early or its framing broke.
    BodyBroken,
    /// The body did not arrive in time.
    BodyTooSlow,
    /// We did not answer in time.
    TooSlow,
    /// The handler panicked.
    Panicked,
}

/// What was asked, as far as it decides the envelope of a refusal.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The request method.
    pub method: Method,
    /// The request target. Its query may hold secrets and must not be repeated.
    pub uri: Uri,
    /// The request's `Content-Type`.
    pub content_type: Option<HeaderValue>,
}

/// Writes the answer for a request that was turned away.
pub type Render = fn(TurnedAway, &Asked) -> Response<Body>;

impl TurnedAway {
    /// The status of the answer.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::AmbiguousFraming | Self::Host | Self::BodyBroken => StatusCode::BAD_REQUEST,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::HeaderTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyEncoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooSlow => StatusCode::SERVICE_UNAVAILABLE,
            Self::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The reason as one word for metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AmbiguousFraming => "ambiguous_framing",
            Self::Host => "host",
            Self::TargetTooLong => "target_too_long",
            Self::HeaderTooLarge => "header_too_large",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyEncoded => "body_encoded",
            Self::BodyBroken => "body_broken",
            Self::BodyTooSlow => "body_too_slow",
            Self::TooSlow => "too_slow",
            Self::Panicked => "panicked",
        }
    }

    /// A sentence for the caller.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::AmbiguousFraming => "The length of the request is given in two ways.",
            Self::Host => "The request must name one host.",
            Self::TargetTooLong => "The request target is too long.",
            Self::HeaderTooLarge => "The header fields are too large.",
            Self::BodyTooLarge => "The request body is too large.",
            Self::BodyEncoded => "Send the request body without compression.",
            Self::BodyBroken => "The request body broke off.",
            Self::BodyTooSlow => "The request body did not arrive in time.",
            Self::TooSlow => "The server is too busy; try again.",
            Self::Panicked => "Something went wrong here; the request id helps to find out what.",
        }
    }

    /// Whether the rest of the request is unread, so that the connection cannot go on.
    pub(super) const fn must_close(self) -> bool {
        !matches!(self, Self::TooSlow | Self::Panicked)
    }
}

/// An answer as `application/problem+json` (RFC 9457), for paths that belong to no family.
#[must_use]
pub fn problem(why: TurnedAway, _: &Asked) -> Response<Body> {
    let status = why.status();
    let body = serde_json::json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": why.sentence(),
    });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/problem+json");
    headers.insert(header::CONTENT_TYPE, json);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}
