//! A call to an outside API in the name of a connection: its token is added here and never shown. The
//! call goes to the connection's own API base and nowhere else, through the guarded client; what the
//! API says comes back as it said it.

use std::time::Duration;

use axum::http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, FORWARDED, HOST,
    HeaderMap, HeaderName, HeaderValue, ORIGIN, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, REFERER,
    SET_COOKIE, STRICT_TRANSPORT_SECURITY, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use keyhaven_connect::failure::Failure as Unreached;
use keyhaven_connect::request::{api_base, api_headers};
use keyhaven_connect::send::{Limits, Outgoing, Reply};
use keyhaven_store::connections::Held;
use url::Url;
use zeroize::Zeroizing;

use super::fresh_token::{FreshToken, NoFreshToken, TokenWish, fresh_token};
use crate::app::{App, Shared};
use crate::vault::provider_of::{Found, provider_of};
use crate::vault::upstream::{Asking, Beside};

/// What a call may take: half a minute, and eight megabytes back.
const LIMITS: Limits = Limits { total: Duration::from_secs(30), body: 8 << 20, types: &[] };

/// What belongs to one hop (RFC 9110 §7.6.1), to this server, or to the browser that calls it.
const NOT_SENT_ON: [HeaderName; 16] = [
    ACCEPT_ENCODING,
    AUTHORIZATION,
    CONNECTION,
    CONTENT_LENGTH,
    COOKIE,
    EXPECT,
    FORWARDED,
    HOST,
    ORIGIN,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    REFERER,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// What an API may say about itself and not about us.
const NOT_SENT_BACK: [HeaderName; 9] = [
    CONNECTION,
    CONTENT_LENGTH,
    PROXY_AUTHENTICATE,
    SET_COOKIE,
    STRICT_TRANSPORT_SECURITY,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Beginnings of further names that are not sent on.
const NOT_SENT_PREFIXES: [&str; 5] = ["x-forwarded-", "x-real-ip", "sec-", "dpop", "keep-alive"];

/// A call as it arrived.
pub struct ProxyCall {
    /// Its method.
    pub method: axum::http::Method,
    /// What follows the connection in the path, with its first slash.
    pub path: String,
    /// The query, if there is one.
    pub query: Option<String>,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, whole: so it can be sent again with another token.
    pub body: Vec<u8>,
}

/// Why a call did not reach the API.
pub enum NoProxy {
    /// There is no token.
    NoToken(NoFreshToken),
    /// The connection's API is nowhere said.
    NoBase,
    /// The path leads out of the API.
    Outside,
    /// The call cannot be made of the provider's file.
    Misconfigured(String),
    /// The API was not reached, or its answer did not come whole.
    Unreached(Unreached),
}

impl From<NoFreshToken> for NoProxy {
    fn from(why: NoFreshToken) -> Self {
        Self::NoToken(why)
    }
}

/// Makes the call. A 401 is reported like any caller's, and the call is made once more if that
/// brought another token.
pub async fn proxy_call(
    app: &Shared,
    held: Held,
    call: &ProxyCall,
    wish: &TokenWish<'_>,
) -> Result<Reply, NoProxy> {
    let provider = provider_of(app, &held).ok_or(NoFreshToken::Misconfigured)?;
    let fresh = fresh_token(app, held.clone(), wish).await?;
    let reply = send(app, &provider, &fresh, call).await?;
    if reply.status != 401 {
        return Ok(reply);
    }
    let rejected = fresh.held.fingerprint.as_deref();
    let again = TokenWish { rejected, ..wish.clone() };
    let Ok(next) = fresh_token(app, (*fresh.held).clone(), &again).await else { return Ok(reply) };
    if next.held.fingerprint == fresh.held.fingerprint {
        return Ok(reply);
    }
    send(app, &provider, &next, call).await
}

async fn send(
    app: &App,
    provider: &Found,
    fresh: &FreshToken,
    call: &ProxyCall,
) -> Result<Reply, NoProxy> {
    let connection = &fresh.held.connection;
    let kept = app.store.find_connector(keyhaven_store::Reach::Instance, connection.connector);
    let kept = kept.await.map_err(NoFreshToken::Storage)?.ok_or(NoFreshToken::NotConnected)?;
    let beside = Beside::of(&connection.extra);
    let asking = Asking::new(app, &kept, provider, &beside);
    let registered = asking.registered(None, None);
    let wrong =
        |why: keyhaven_connect::request::Misconfigured| NoProxy::Misconfigured(why.to_string());
    let base = match &connection.api_base {
        Some(text) => Url::parse(text).ok(),
        None => api_base(provider, &registered, &serde_json::Value::Null).map_err(wrong)?,
    };
    let url = below(&base.ok_or(NoProxy::NoBase)?, call).ok_or(NoProxy::Outside)?;
    let own = api_headers(provider, &registered, &fresh.access_token).map_err(wrong)?;
    let mut headers = sent_on(&call.headers);
    for (name, value) in &own {
        headers.insert(name.clone(), value.clone());
    }
    carry(&mut headers, &connection.scheme, fresh)
        .ok_or_else(|| NoProxy::Misconfigured("the token cannot stand in a header".to_owned()))?;
    let (method, body) = (call.method.clone(), Zeroizing::new(call.body.clone()));
    let outgoing = Outgoing { method, url, headers, body };
    app.vault.client.send(outgoing, LIMITS).await.map_err(NoProxy::Unreached)
}

/// The URL below `base` that a call means, if it stays below.
fn below(base: &Url, call: &ProxyCall) -> Option<Url> {
    let root = base.path().trim_end_matches('/');
    let mut url = base.clone();
    url.set_path(&format!("{root}{}", call.path));
    url.set_query(call.query.as_deref());
    url.set_fragment(None);
    let stays = url.path() == root || url.path().starts_with(&format!("{root}/"));
    let same = url.origin() == base.origin();
    // Another spelling of a way up, which the API's own server might read as one.
    let plain = !call.path.to_ascii_lowercase().contains("%2e%2e") && !call.path.contains("..");
    (stays && same && plain && !call.path.contains('\\')).then_some(url)
}

/// A caller's headers without those that are not the API's business.
fn sent_on(headers: &HeaderMap) -> HeaderMap {
    let listed = named_by_connection(headers);
    let keeps = |name: &HeaderName| {
        !NOT_SENT_ON.contains(name)
            && !listed.iter().any(|one| one == name.as_str())
            && !NOT_SENT_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix))
    };
    headers
        .iter()
        .filter(|(name, _)| keeps(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// The API's headers without those that would speak for us.
#[must_use]
pub fn sent_back(headers: &HeaderMap) -> HeaderMap {
    let listed = named_by_connection(headers);
    let keeps = |name: &HeaderName| {
        !NOT_SENT_BACK.contains(name)
            && !listed.iter().any(|one| one == name.as_str())
            && !name.as_str().starts_with("access-control-")
            && !name.as_str().starts_with("keep-alive")
            && name.as_str() != "content-encoding"
    };
    headers
        .iter()
        .filter(|(name, _)| keeps(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn named_by_connection(headers: &HeaderMap) -> Vec<String> {
    let all = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|text| text.split(',')).map(|name| name.trim().to_ascii_lowercase()).collect()
}

/// Puts the token where its scheme says.
fn carry(headers: &mut HeaderMap, scheme: &str, fresh: &FreshToken) -> Option<()> {
    let token = fresh.access_token.reveal();
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
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(path: &str, query: Option<&str>) -> Option<String> {
        let base = Url::parse("https://api.example/v1/").unwrap();
        let call = ProxyCall {
            method: axum::http::Method::GET,
            path: path.to_owned(),
            query: query.map(str::to_owned),
            headers: HeaderMap::new(),
            body: Vec::new(),
        };
        below(&base, &call).map(String::from)
    }

    #[test]
    fn a_call_stays_below_the_api_s_base() {
        let files = Some("https://api.example/v1/files/7?limit=2".to_owned());
        assert_eq!(meant("/files/7", Some("limit=2")), files);
        for path in [
            "/../admin",
            "/files/../../admin",
            "/%2e%2e/admin",
            "/%2E%2e/admin",
            "/..%2fadmin",
            "/\\..\\admin",
        ] {
            assert_eq!(meant(path, None), None, "{path}");
        }
        let odd = "https://api.example/v1//evil.example/x".to_owned();
        assert_eq!(meant("//evil.example/x", None), Some(odd), "a path, not a host");
    }

    #[test]
    fn what_is_this_server_s_business_is_not_sent_on() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Bearer ours"),
            ("cookie", "a=b"),
            ("connection", "x-hop, close"),
            ("x-hop", "1"),
            ("x-forwarded-for", "192.0.2.1"),
            ("sec-fetch-site", "none"),
            ("dpop", "proof"),
            ("accept", "application/json"),
            ("content-type", "text/plain"),
            ("idempotency-key", "k"),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let mut names: Vec<_> = sent_on(&headers).keys().map(ToString::to_string).collect();
        names.sort();
        assert_eq!(names, ["accept", "content-type", "idempotency-key"]);
    }
}
