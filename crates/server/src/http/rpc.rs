//! How the sessions family answers (`/rpc/auth.*`): its one error body, its session header and cookie,
//! its JSON. Statuses and names are the newest published ones for both of its shapes; whoever uses the
//! older shape accepts any 4XX and 5XX.

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER, SET_COOKIE,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyhaven_protocol::refusal::Code;
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::session::Barred;
use serde::Serialize;

use super::cookies::header;
use super::refusal;
use super::reply::JSON;
use crate::app::{App, Origin};
use crate::operations::{Failure, Refused};

/// The session token, in requests and answers.
pub const GRAM_SESSION: HeaderName = HeaderName::from_static("gram-session");

/// The cookie of the same token.
pub const SESSION_COOKIE: &str = "gram_session";

/// What binds a sign-in that this server's pages complete to the browser that began it.
pub const NONCE_COOKIE: &str = "gram_auth_nonce";

const GOA_ERROR: HeaderName = HeaderName::from_static("goa-error");
const CODE: HeaderName = HeaderName::from_static("keyhaven-code");
const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// A refusal in this family's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RpcError {
    /// 400: a required query parameter or member is absent.
    Missing(&'static str),
    /// 400: something does not read.
    BadRequest(&'static str),
    /// 401: no session, or one that does not count.
    Unauthorized,
    /// 401: the active organization is disabled.
    OrganizationDisabled,
    /// 403: not there, or not from that page.
    Forbidden,
    /// 409: what is there already stands in the way.
    Conflict(&'static str),
    /// 422: the switch leads nowhere.
    Invalid(&'static str),
    /// 404: no such path.
    Unknown,
}

impl RpcError {
    const fn status(self) -> StatusCode {
        match self {
            Self::Missing(_) | Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized | Self::OrganizationDisabled => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unknown => StatusCode::NOT_FOUND,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Missing(_) => "missing_field",
            Self::BadRequest(_) => "bad_request",
            Self::Unauthorized | Self::OrganizationDisabled => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::Conflict(_) => "conflict",
            Self::Invalid(_) => "invalid",
            Self::Unknown => "fault",
        }
    }

    fn message(self) -> String {
        match self {
            Self::Missing(field) => format!("\"{field}\" is missing from query string"),
            Self::BadRequest(text) | Self::Conflict(text) | Self::Invalid(text) => text.to_owned(),
            Self::Unauthorized => "unauthorized access".to_owned(),
            Self::OrganizationDisabled => "the organization is disabled".to_owned(),
            Self::Forbidden => "permission denied".to_owned(),
            Self::Unknown => "404 page not found".to_owned(),
        }
    }

    /// Whether the published documents declare it; those carry its name in a header too.
    const fn is_declared(self) -> bool {
        !matches!(self, Self::Unknown | Self::Missing(_))
    }
}

impl From<Barred> for RpcError {
    fn from(barred: Barred) -> Self {
        match barred {
            Barred::NotAMember | Barred::TooWeak => Self::Forbidden,
            Barred::OrganizationDisabled => Self::OrganizationDisabled,
        }
    }
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    name: &'a str,
    id: &'a str,
    message: &'a str,
    temporary: bool,
    timeout: bool,
    fault: bool,
}

/// A refusal, noted for `explain`. Storage that fails is our fault and says so.
pub fn refused(app: &App, error: RpcError, failure: Failure, origin: &Origin) -> Response {
    let refused = match failure {
        Failure::Storage(error) => {
            tracing::error!(%error, "storage failed");
            return unexpected(app);
        }
        Failure::Refused(refused) => refused,
    };
    if refused.refusal.code == Code::TooManyRequests {
        return unexpected(app);
    }
    let code = refusal::note(app, &refused, origin);
    let mut response = told(app, error.status(), error.name(), &error.message(), (false, false));
    let headers = response.headers_mut();
    if error.is_declared() {
        headers.insert(GOA_ERROR, HeaderValue::from_static(error.name()));
    }
    headers.insert(CODE, header(&code));
    response
}

fn unexpected(app: &App) -> Response {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    let mut response =
        told(app, status, "unexpected", "an unexpected error occurred", (true, true));
    let headers = response.headers_mut();
    headers.insert(GOA_ERROR, HeaderValue::from_static("unexpected"));
    headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn told(
    app: &App,
    status: StatusCode,
    name: &str,
    message: &str,
    (temporary, fault): (bool, bool),
) -> Response {
    let id = URL_SAFE_NO_PAD.encode(app.dice.bytes::<6>());
    let body = ErrorBody { name, id: &id, message, temporary, timeout: false, fault };
    let mut response = Response::new(Body::from(encoded(&body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(CACHE_CONTROL, NO_STORE);
    response
}

/// 200 with this body, for the holder of `token`.
pub fn ok(token: &Secret, body: &impl Serialize) -> Response {
    let mut response = empty(token);
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_TYPE, JSON);
    *response.body_mut() = Body::from(encoded(body));
    response
}

/// 200 without a body, for the holder of `token`.
#[must_use]
pub fn empty(token: &Secret) -> Response {
    let mut response = bare(StatusCode::OK);
    keep(&mut response, token);
    response
}

/// 307 to a dashboard, with the token in header and cookie. `nonce` says whether the browser still
/// holds a nonce, which it must forget. The family's client keeps the last cookie only, so the
/// session's is last.
#[must_use]
pub fn signed_in(location: &str, token: &Secret, nonce: bool) -> Response {
    let mut response = leading(location);
    if nonce {
        forget_nonce(&mut response);
    }
    keep(&mut response, token);
    response
}

/// 307 to a dashboard that has to say that nobody is signed in; why is found by the code.
#[must_use]
pub fn not_signed_in(app: &App, refused: &Refused, origin: &Origin, nonce: bool) -> Response {
    let code = refusal::note(app, refused, origin);
    let text = format!("The sign-in did not work. ({code})");
    let text = form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let location = format!("{}/?signin_error={text}", app.settings.dashboard_origin());
    let mut response = leading(&location);
    if nonce {
        forget_nonce(&mut response);
    }
    let headers = response.headers_mut();
    headers.insert(GRAM_SESSION, HeaderValue::from_static(""));
    let cookie = format!("{SESSION_COOKIE}=; Path=/; Max-Age=0; HttpOnly; Secure");
    headers.append(SET_COOKIE, header(&cookie));
    response
}

/// 307 on the way to a sign-in, keeping `nonce` in the browser for ten minutes.
#[must_use]
pub fn on_the_way(location: &str, nonce: Option<&str>) -> Response {
    let mut response = leading(location);
    if let Some(nonce) = nonce {
        let cookie =
            format!("{NONCE_COOKIE}={nonce}; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure");
        response.headers_mut().append(SET_COOKIE, header(&cookie));
    }
    response
}

/// How a sign-out is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignOut {
    /// The older shape.
    Get,
    /// The newest shape, which also asks the browser to drop what the site kept.
    Post,
}

/// 200: signed out.
#[must_use]
pub fn signed_out(shape: SignOut) -> Response {
    let mut response = bare(StatusCode::OK);
    let headers = response.headers_mut();
    let cookie = format!("{SESSION_COOKIE}=; Path=/; Max-Age=0; HttpOnly; Secure");
    headers.insert(SET_COOKIE, header(&cookie));
    if shape == SignOut::Post {
        let all = HeaderValue::from_static("\"cookies\", \"storage\"");
        headers.insert(CLEAR_SITE_DATA, all);
    }
    response
}

/// 200 to a browser that asks first.
#[must_use]
pub fn preflight() -> Response {
    bare(StatusCode::OK)
}

fn bare(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    response
}

fn leading(location: &str) -> Response {
    let mut response = bare(StatusCode::TEMPORARY_REDIRECT);
    let location = HeaderValue::from_str(location).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(LOCATION, location);
    response
}

fn keep(response: &mut Response, token: &Secret) {
    let headers = response.headers_mut();
    headers.insert(GRAM_SESSION, header(token.reveal()));
    let cookie =
        format!("{SESSION_COOKIE}={}; Path=/; Max-Age=2592000; HttpOnly; Secure", token.reveal());
    headers.append(SET_COOKIE, header(&cookie));
}

fn forget_nonce(response: &mut Response) {
    let cookie = format!("{NONCE_COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure");
    response.headers_mut().append(SET_COOKIE, header(&cookie));
}

/// JSON as the family's encoder writes it: `<`, `>`, `&` and the two line separators escaped, one
/// newline behind it. These characters can only stand inside strings.
fn encoded(body: &impl Serialize) -> Vec<u8> {
    let text = serde_json::to_string(body).unwrap_or_default();
    let mut out = Vec::with_capacity(text.len() + 1);
    let mut rest = text.as_str();
    let special = ['<', '>', '&', '\u{2028}', '\u{2029}'];
    while let Some(at) = rest.find(special) {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        let char = rest[at..].chars().next().unwrap_or_default();
        out.extend_from_slice(format!("\\u{:04x}", u32::from(char)).as_bytes());
        rest = &rest[at + char.len_utf8()..];
    }
    out.extend_from_slice(rest.as_bytes());
    out.push(b'\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoder_escapes_what_html_would_read() {
        let body = serde_json::json!({ "name": "<b>R&D</b>\u{2028}é" });
        let text = String::from_utf8(encoded(&body)).unwrap();
        let expected = "{\"name\":\"\\u003cb\\u003eR\\u0026D\\u003c/b\\u003e\\u2028é\"}\n";
        assert_eq!(text, expected);
    }
}
