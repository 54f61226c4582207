//! Requests that are passed on to another server, and its answers on their way back: what belongs to
//! one hop, to this server or to the browser stays on its side (RFC 9110 §7.6.1), and nobody can take
//! an answer of ours for one of theirs.

use axum::body::Body;
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HeaderMap,
    HeaderName, HeaderValue, LOCATION, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use keyhaven_connect::send::Streamed;
use keyhaven_protocol::secret::Secret;
use url::Url;
use zeroize::Zeroizing;

use super::under_way::UnderWay;

/// Who answered a call that was to be passed on: `upstream`, or `keyhaven` itself.
const ANSWERED_BY: HeaderName = HeaderName::from_static("keyhaven-proxy");

/// What belongs to one hop, to this server, or to the browser that calls it; the client's address under
/// its many names; and names by which some servers let a header speak louder than the request's own host
/// and path. An entry that ends in a star is a beginning.
const NOT_SENT_ON: &[&str] = &[
    "authorization",
    "cdn-loop",
    "cf-*",
    "client-ip",
    "connection",
    "content-length",
    "cookie",
    "cookie2",
    "dpop*",
    "expect",
    "fastly-*",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "keyhaven-*",
    "max-forwards",
    "origin",
    "proxy-*",
    "referer",
    "sec-*",
    "te",
    "trailer",
    "transfer-encoding",
    "true-client-ip",
    "upgrade",
    "via",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-forwarded*",
    "x-host",
    "x-http-host*",
    "x-original*",
    "x-real-ip",
    "x-rewrite-*",
];

/// What belongs to one hop, or would act on this server's whole origin: what another server says of
/// itself it must not say of us.
const NOT_SENT_BACK: &[&str] = &[
    "accept-ch",
    "access-control-*",
    "alt-svc",
    "clear-site-data",
    "connection",
    "content-length",
    "content-security-policy*",
    "critical-ch",
    "cross-origin-*",
    "expect-ct",
    "keep-alive",
    "keyhaven-*",
    "nel",
    "origin-agent-cluster",
    "origin-trial",
    "permissions-policy",
    "proxy-*",
    "public-key-pins*",
    "refresh",
    "report-to",
    "reporting-endpoints",
    "service-worker-*",
    "set-cookie*",
    "sourcemap",
    "strict-transport-security",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-sourcemap",
];

/// A caller's headers without those that are not the other server's business.
#[must_use]
pub fn sent_on(headers: &HeaderMap) -> HeaderMap {
    without(headers, NOT_SENT_ON)
}

/// Puts a token where its `scheme` says: a word before it in `Authorization`; or another header's name
/// and a colon, with the word that stands before the token there, if there is one. `None` when that
/// makes no header.
#[must_use]
pub fn with_token(mut headers: HeaderMap, scheme: &str, token: &Secret) -> Option<HeaderMap> {
    let token = token.reveal();
    let (name, text) = match scheme.split_once(':') {
        Some((header, "")) => (HeaderName::try_from(header).ok()?, token.to_owned()),
        Some((header, scheme)) => {
            (HeaderName::try_from(header).ok()?, format!("{} {token}", scheme.trim()))
        }
        None => (AUTHORIZATION, format!("{scheme} {token}")),
    };
    let mut value = HeaderValue::from_str(&Zeroizing::new(text)).ok()?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Some(headers)
}

/// The answer of the server at `url` to a `method`, of which the body goes on as it arrives. It is shown
/// from our origin, so it may do nothing there; where it leads to is said in full.
#[must_use]
pub fn passed_on(answer: Streamed, method: &Method, url: &Url) -> Response {
    let mut headers = without(&answer.headers, NOT_SENT_BACK);
    if let Some(length) = answer.headers.get(CONTENT_LENGTH).filter(|_| method == Method::HEAD) {
        headers.insert(CONTENT_LENGTH, length.clone());
    }
    if let Some(location) = headers.get(LOCATION).and_then(|location| in_full(location, url)) {
        headers.insert(LOCATION, location);
    }
    headers.insert(ANSWERED_BY, HeaderValue::from_static("upstream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let sandbox = HeaderValue::from_static("default-src 'none'; sandbox");
    headers.insert(CONTENT_SECURITY_POLICY, sandbox);
    let mut response = Response::new(Body::new(answer.body));
    // What the client reads as an answer has a number of three digits.
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
    *response.headers_mut() = headers;
    response.extensions_mut().insert(UnderWay);
    response
}

/// Says that an answer is ours and not the other server's, where a call to that one was meant.
pub fn mark_own(path: &str, headers: &mut HeaderMap) {
    if is_passed_on(path) && !headers.contains_key(ANSWERED_BY) {
        headers.insert(ANSWERED_BY, HeaderValue::from_static("keyhaven"));
    }
}

/// `/v1/connections/{connection}/proxy` and everything below.
pub(super) fn is_passed_on(path: &str) -> bool {
    let rest = path.strip_prefix("/v1/connections/").and_then(|rest| rest.split_once('/'));
    rest.is_some_and(|(_, rest)| rest == "proxy" || rest.starts_with("proxy/"))
}

fn without(headers: &HeaderMap, list: &[&str]) -> HeaderMap {
    let hop: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let is_listed = |name: &HeaderName| {
        list.iter().any(|one| match one.strip_suffix('*') {
            Some(beginning) => name.as_str().starts_with(beginning),
            None => name == one,
        })
    };
    let goes_on =
        |name: &HeaderName| !is_listed(name) && !hop.iter().any(|one| one == name.as_str());
    let kept = headers.iter().filter(|(name, _)| goes_on(name));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Where a redirect leads, seen from the server that said it.
fn in_full(location: &HeaderValue, url: &Url) -> Option<HeaderValue> {
    HeaderValue::from_str(url.join(location.to_str().ok()?).ok()?.as_str()).ok()
}

#[cfg(test)]
mod tests;
