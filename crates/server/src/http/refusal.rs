//! How each family hears "no": RFC 6749 §5.2 for forms, one `error` member or one text per field
//! for the JSON family, an `errors` document for JSON:API. Statuses of refusals are here and in
//! `error.rs`, nowhere else; each refusal is noted and logged here, once.

use std::sync::Arc;

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use keyhaven_protocol::dpop;
use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_protocol::refusal::{Code, Refusal};
use keyhaven_store::Error;
use serde_json::{Map, Value, json};

use super::reply::{JSON, JSON_API, with_status};
use crate::app::{App, Origin};
use crate::config::JsonApiErrors;
use crate::operations::fresh_token::{NoFreshToken, reconnect_url};
use crate::operations::{Failure, Refused};

const BASIC: HeaderValue = HeaderValue::from_static("Basic realm=\"keyhaven\", charset=\"UTF-8\"");

/// RFC 6749 §5.2.
pub fn oauth(app: &App, failure: Failure, origin: &Origin) -> Response {
    let refused = match failure {
        Failure::Storage(error) => return unavailable(&error),
        Failure::Refused(refused) => refused,
    };
    let code = note(app, &refused, origin);
    let body = json!({
        "error": refused.refusal.code.as_str(),
        "error_description": format!("{} ({code})", public_text(&refused.refusal)),
    });
    let mut response = with_status(oauth_status(refused.refusal.code), JSON, &body);
    if refused.refusal.code == Code::InvalidClient {
        response.headers_mut().insert(WWW_AUTHENTICATE, BASIC);
    }
    wait(&mut response, &refused);
    response
}

/// Why a connection has no token to exchange for (RFC 8693 §2.2.2): `invalid_target` with the reason
/// and where its user mends it, or a wait.
pub fn no_outside_token(app: &App, why: NoFreshToken, origin: &Origin) -> Response {
    let (rule, reason, url) = match why {
        NoFreshToken::Storage(error) => return unavailable(&error),
        NoFreshToken::InProgress => return try_again(1),
        NoFreshToken::Unavailable(seconds) => return try_again(seconds),
        NoFreshToken::NotConnected => ("the user has no connection there", "not_connected", None),
        NoFreshToken::Misconfigured => {
            ("the connector's credentials are wrong", "connector_misconfigured", None)
        }
        NoFreshToken::NeedsReauth(reason, held) => {
            let url = reconnect_url(app, &held.connection);
            ("the connection needs its user", reason.as_str(), Some(url))
        }
    };
    let refusal = Refusal::new(Code::InvalidTarget, rule).with("reason", reason);
    let refused = Refused { refusal, client: None, wait: None };
    let code = note(app, &refused, origin);
    let mut body = json!({
        "error": Code::InvalidTarget.as_str(),
        "error_description": format!("The connection has no token. ({code})"),
        "reason": reason,
    });
    if let Some(url) = url {
        body["reconnect_url"] = url.into();
    }
    with_status(StatusCode::BAD_REQUEST, JSON, &body)
}

fn try_again(seconds: i64) -> Response {
    let body = json!({
        "error": "temporarily_unavailable",
        "error_description": "The provider does not answer now.",
    });
    let mut response = with_status(StatusCode::SERVICE_UNAVAILABLE, JSON, &body);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// As [`bearer`], for proxies that know no refusals but 401 and 403: what is neither is 403.
pub fn bearer_plainly(app: &App, failure: Failure, origin: &Origin) -> Response {
    let mut response = bearer(app, failure, origin);
    if !matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::SERVICE_UNAVAILABLE) {
        *response.status_mut() = StatusCode::FORBIDDEN;
    }
    response
}

/// What a client hears through a person's browser (RFC 6749 §4.1.2.1): noted like any other refusal.
#[must_use]
pub fn describe(app: &App, refused: &Refused, origin: &Origin) -> String {
    let code = note(app, refused, origin);
    format!("{} ({code})", public_text(&refused.refusal))
}

/// RFC 6750 §3.1: what a bearer of a token hears; where the proof is at fault, RFC 9449 §7.1 and §9.
pub fn bearer(app: &App, failure: Failure, origin: &Origin) -> Response {
    let refused = match failure {
        Failure::Storage(error) => return unavailable(&error),
        Failure::Refused(refused) => refused,
    };
    let code = note(app, &refused, origin);
    let error = refused.refusal.code.as_str();
    let text = format!("{} ({code})", public_text(&refused.refusal));
    let body = json!({ "error": error, "error_description": text });
    let mut response = with_status(bearer_status(refused.refusal.code), JSON, &body);
    let said = format!("realm=\"keyhaven\", error=\"{error}\", error_description=\"{text}\"");
    let challenge = match (refused.refusal.code, refused.refusal.field) {
        (Code::InvalidDpopProof | Code::UseDpopNonce, _) | (_, Some(dpop::HEADER)) => {
            format!("DPoP {said}, algs=\"{}\"", Algorithm::ALL.map(Algorithm::name).join(" "))
        }
        _ => format!("Bearer {said}"),
    };
    if let Ok(challenge) = HeaderValue::from_str(&challenge) {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    wait(&mut response, &refused);
    response
}

/// The JSON token family: 422 with one text per field where a field is to blame for being absent,
/// else 400 with `error`. Client authentication fails with 400 too: that family's parsers know no
/// 401. `fields` are the request's members that its 422 knows.
pub fn json_family(app: &App, failure: Failure, fields: &[&str], origin: &Origin) -> Response {
    let refused = match failure {
        Failure::Storage(error) => return unavailable(&error),
        Failure::Refused(refused) => refused,
    };
    let code = note(app, &refused, origin);
    let refusal = &refused.refusal;
    let text = format!("{} ({code})", public_text(refusal));
    let mut response = match refusal
        .field
        .filter(|field| fields.contains(field) && refusal.code == Code::InvalidRequest)
    {
        Some(field) => {
            let mut body = Map::new();
            body.insert(field.to_owned(), Value::from(format!("{} ({code})", refusal.reason)));
            with_status(StatusCode::UNPROCESSABLE_ENTITY, JSON, &body)
        }
        None => {
            let body = json!({ "error": refusal.code.as_str(), "error_description": text });
            let status = match refusal.code {
                Code::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
                Code::KeyReused => StatusCode::CONFLICT,
                _ => StatusCode::BAD_REQUEST,
            };
            with_status(status, JSON, &body)
        }
    };
    wait(&mut response, &refused);
    response
}

/// What is wrong with a JSON:API request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonApiError {
    /// 401 `Unauthorized`.
    Unauthorized,
    /// 401 `InvalidCredentials`.
    InvalidCredentials,
    /// 403 `Forbidden`.
    Forbidden,
    /// 409 `InvalidGrantType`.
    InvalidGrantType,
    /// 409 `InvalidBodyParameter`.
    InvalidBodyParameter,
    /// 409 `InvalidParameter`.
    InvalidParameter,
}

impl JsonApiError {
    const fn status(self) -> StatusCode {
        match self {
            Self::Unauthorized | Self::InvalidCredentials => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::InvalidGrantType | Self::InvalidBodyParameter | Self::InvalidParameter => {
                StatusCode::CONFLICT
            }
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Unauthorized => "Unauthorized",
            Self::InvalidCredentials => "InvalidCredentials",
            Self::Forbidden => "Forbidden",
            Self::InvalidGrantType => "InvalidGrantType",
            Self::InvalidBodyParameter => "InvalidBodyParameter",
            Self::InvalidParameter => "InvalidParameter",
        }
    }
}

/// Where in a JSON:API request the fault lies.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Nowhere in particular.
    Nowhere,
    /// A member of the body, as a JSON pointer.
    Pointer(&'static str),
    /// A query parameter.
    Parameter(&'static str),
}

/// The JSON:API family's `errors` document.
pub fn json_api(
    app: &App,
    kind: JsonApiError,
    fault: Fault,
    failure: Failure,
    origin: &Origin,
) -> Response {
    let refused = match failure {
        Failure::Storage(error) => return unavailable(&error),
        Failure::Refused(refused) => refused,
    };
    let code = note(app, &refused, origin);
    let status = if refused.refusal.code == Code::TooManyRequests {
        StatusCode::TOO_MANY_REQUESTS
    } else {
        kind.status()
    };
    let mut error = json!({
        "status": status.as_u16().to_string(),
        "code": kind.code(),
        "detail": format!("{} ({code})", public_text(&refused.refusal)),
    });
    match fault {
        Fault::Nowhere => {}
        Fault::Pointer(pointer) => error["source"] = json!({ "pointer": pointer }),
        Fault::Parameter(parameter) => error["source"] = json!({ "parameter": parameter }),
    }
    let errors = match app.settings.jsonapi_errors {
        JsonApiErrors::Array => json!([error]),
        JsonApiErrors::Object => error,
    };
    let body = json!({ "errors": errors, "meta": { "req_id": origin.request } });
    let mut response = with_status(status, JSON_API, &body);
    wait(&mut response, &refused);
    response
}

/// 503: our failure, never the caller's credential.
pub fn unavailable(error: &Error) -> Response {
    tracing::error!(%error, "storage failed");
    let body = json!({ "error": "temporarily_unavailable", "error_description": "Try again in a moment." });
    let mut response = with_status(StatusCode::SERVICE_UNAVAILABLE, JSON, &body);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// 415: the body is of no media type this endpoint reads.
pub fn unsupported_media_type(app: &App, refusal: &Refusal, origin: &Origin) -> Response {
    let (random, now) = (app.dice.bytes(), app.clock.now());
    let code = app.refusals.note(refusal, None, &origin.request, random, now);
    let body = json!({
        "error": "invalid_request",
        "error_description":
            format!("Send application/x-www-form-urlencoded or application/json. ({code})"),
    });
    with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, JSON, &body)
}

/// Notes a refusal for `explain`, logs it once, and returns its public code.
pub(super) fn note(app: &App, refused: &Refused, origin: &Origin) -> String {
    let organization = refused.client.as_ref().and_then(|client| client.organization);
    let refusal = &refused.refusal;
    let code = app.refusals.note(
        refusal,
        organization,
        &origin.request,
        app.dice.bytes(),
        app.clock.now(),
    );
    let client = refused.client.as_ref().map(|client: &Arc<_>| client.public_id.as_str());
    tracing::info!(
        code,
        error = refusal.code.as_str(),
        reason = refusal.reason.as_ref(),
        client,
        "refused"
    );
    code
}

fn wait(response: &mut Response, refused: &Refused) {
    if let Some(seconds) = refused.wait {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
}

/// What everyone may know: which kind of thing is wrong, not which rule said so.
fn public_text(refusal: &Refusal) -> String {
    match (refusal.code, refusal.field) {
        (Code::InvalidRequest, _) => refusal.reason.replace(['"', '\\'], "'"),
        (Code::InvalidClient, _) => "Client authentication failed.".into(),
        (Code::InvalidGrant, _) => "The grant is not valid.".into(),
        (Code::UnauthorizedClient, _) => "This client may not do that.".into(),
        (Code::UnsupportedGrantType, _) => "The grant type is not supported.".into(),
        (Code::InvalidScope, _) => "The scope is malformed or wider than allowed.".into(),
        (Code::InvalidTarget, _) => "The resource is not allowed.".into(),
        (Code::InvalidToken, _) => "The token is not valid.".into(),
        (Code::InsufficientScope, _) => "The token lacks a scope.".into(),
        (Code::TooManyRequests, _) => "Too many failures. Wait, then try again.".into(),
        (Code::RateLimited, _) => "A rate limit of the key is used up.".into(),
        (Code::BudgetExhausted, _) => "The cost does not fit the budget.".into(),
        (Code::UnitMismatch, _) => "The budgets do not count this unit.".into(),
        (Code::KeyReused, _) => "This idempotency key belongs to another request.".into(),
        (Code::NotFromHere, _) => "The key may not be used from there.".into(),
        (Code::AccessDenied, _) => "The person or this server said no.".into(),
        (Code::UnsupportedResponseType, _) => "The only response_type is code.".into(),
        (Code::LoginRequired, _) => "The person has to sign in.".into(),
        (Code::ConsentRequired, _) => "The person has to consent.".into(),
        (Code::InvalidRequestUri, _) => "The request_uri is unknown, used or expired.".into(),
        (Code::InvalidRequestObject, _) => "The request object is not valid.".into(),
        (Code::RequestNotSupported, _) => "Push request objects first (RFC 9126).".into(),
        (Code::RegistrationNotSupported, _) => "Register clients beforehand.".into(),
        (Code::UnmetAuthenticationRequirements, _) => "The login is not strong enough.".into(),
        (Code::InvalidDpopProof, _) => "The DPoP proof is not valid.".into(),
        (Code::UseDpopNonce, _) => "Use the nonce of the DPoP-Nonce header.".into(),
    }
}

const fn oauth_status(code: Code) -> StatusCode {
    match code {
        Code::InvalidClient | Code::InvalidToken => StatusCode::UNAUTHORIZED,
        Code::InsufficientScope | Code::NotFromHere => StatusCode::FORBIDDEN,
        Code::TooManyRequests | Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Code::BudgetExhausted => StatusCode::PAYMENT_REQUIRED,
        Code::UnitMismatch => StatusCode::UNPROCESSABLE_ENTITY,
        Code::KeyReused => StatusCode::CONFLICT,
        _ => StatusCode::BAD_REQUEST,
    }
}

const fn bearer_status(code: Code) -> StatusCode {
    match code {
        Code::InvalidRequest => StatusCode::BAD_REQUEST,
        Code::InsufficientScope | Code::NotFromHere => StatusCode::FORBIDDEN,
        Code::TooManyRequests | Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Code::BudgetExhausted => StatusCode::PAYMENT_REQUIRED,
        Code::UnitMismatch => StatusCode::UNPROCESSABLE_ENTITY,
        Code::KeyReused => StatusCode::CONFLICT,
        _ => StatusCode::UNAUTHORIZED,
    }
}
