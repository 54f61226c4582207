//! The `DPoP` header of a request and the `DPoP-Nonce` of its answer (RFC 9449 §4.1, §8). What a proof
//! must say is the protocol's rule; here it is read, and every answer to a proof brings the nonce for
//! the next one.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use keyhaven_protocol::dpop::{self, Expected, Proof};
use keyhaven_protocol::refusal::{Code, Refusal};

use super::bearer;
use crate::app::App;
use crate::config::DpopNonces;

const DPOP: HeaderName = HeaderName::from_static("dpop");
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// The verified proof of a request for the endpoint at `path`, if it brought one; not yet spent.
pub fn proof(
    app: &App,
    headers: &HeaderMap,
    method: &str,
    path: &str,
    access_token: Option<&str>,
) -> Result<Option<Proof>, Refusal> {
    let mut values = headers.get_all(DPOP).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let broken = |reason| Refusal::new(Code::InvalidDpopProof, reason).on(dpop::HEADER);
    if values.next().is_some() {
        return Err(broken("two DPoP headers"));
    }
    let text = value.to_str().map_err(|_| broken("DPoP header is not ASCII"))?;
    let url = format!("{}{path}", app.settings.issuer);
    let now = app.clock.now();
    let proof = dpop::verify(text, Expected { method, url: &url, access_token }, now)?;
    if proof.nonce.is_some() || app.settings.dpop_nonces == DpopNonces::Required {
        app.private.nonces.judge(&proof, now)?;
    }
    Ok(Some(proof))
}

/// Adds the nonce for the next proof to the answer of a request that brought one.
#[must_use]
pub fn with_nonce(app: &App, headers: &HeaderMap, mut response: Response) -> Response {
    if headers.contains_key(DPOP) {
        let nonce = app.private.nonces.nonce(app.clock.now());
        if let Ok(nonce) = HeaderValue::from_str(&nonce) {
            response.headers_mut().insert(DPOP_NONCE, nonce);
        }
    }
    response
}

/// The access token of a request at a resource of ours, and how it was presented (RFC 6750 §2.1,
/// RFC 9449 §7.1).
pub enum Presented<'a> {
    /// `Authorization: Bearer`, or the form parameter where an endpoint knows one.
    Bearer(&'a str),
    /// `Authorization: DPoP`.
    Bound(&'a str),
}

/// The access token in the `Authorization` header.
pub fn presented(headers: &HeaderMap) -> Result<Presented<'_>, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let first = values.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_dpop = first.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("dpop "));
    if !is_dpop || values.next().is_some() {
        return bearer::token(headers).map(Presented::Bearer);
    }
    let token = &first[5..];
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if token.is_empty() || !token.bytes().all(sound) {
        return Err(Refusal::token("DPoP credentials are not one token").on(dpop::HEADER));
    }
    Ok(Presented::Bound(token))
}
