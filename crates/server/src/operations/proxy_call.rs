//! A call to an outside API in the name of a connection: its token is added here and never shown. The
//! call goes to the connection's own API base and nowhere else, through the guarded client; what the
//! API says comes back as it said it, while it says it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Method};
use bytes::Bytes;
use keyhaven_connect::api_call::{OutOfBounds, below, may_be_called};
use keyhaven_connect::failure::Failure as Unreached;
use keyhaven_connect::request::{Misconfigured, api_base, api_headers, own_url};
use keyhaven_connect::send::{Outgoing, Streamed};
use keyhaven_store::Reach;
use keyhaven_store::connections::Held;
use url::Url;
use zeroize::Zeroizing;

use super::fresh_token::{FreshToken, NoFreshToken, TokenWish, fresh_token};
use crate::app::{App, Shared};
use crate::http::passing::{sent_on, with_token};
use crate::vault::provider_of::{Found, provider_of};
use crate::vault::upstream::{Asking, Beside};

/// How long an API may take to begin its answer; less than a request here may take.
const FIRST_WORD: Duration = Duration::from_secs(12);

/// A call as it arrived.
pub struct ProxyCall {
    /// Its method.
    pub method: Method,
    /// What follows the connection in the path, with its first slash, as it was sent.
    pub path: String,
    /// The query, if there is one.
    pub query: Option<String>,
    /// Its headers.
    pub headers: HeaderMap,
}

/// The body of a call.
pub enum Payload {
    /// Here, whole: it can be sent again with another token.
    Whole(Bytes),
    /// Still arriving: it can be sent once.
    Arriving(Body),
}

/// What the API said, and who was asked.
pub struct Proxied {
    /// The answer, of which the body is under way.
    pub answer: Streamed,
    /// The URL that was called.
    pub url: Url,
}

/// Why a call did not reach the API.
pub enum NoProxy {
    /// There is no token.
    NoToken(NoFreshToken),
    /// The connection's API is nowhere said.
    NoBase,
    /// The path leads out of the API, or cannot be read in one way only.
    OutOfBounds(OutOfBounds),
    /// The method would make the API say the token.
    Method,
    /// The call cannot be made of the provider's file.
    Misconfigured(String),
    /// The API was not reached, or did not answer in time.
    Unreached(Unreached),
}

impl From<NoFreshToken> for NoProxy {
    fn from(why: NoFreshToken) -> Self {
        Self::NoToken(why)
    }
}

impl From<Misconfigured> for NoProxy {
    fn from(why: Misconfigured) -> Self {
        Self::Misconfigured(why.to_string())
    }
}

/// Makes the call. A 401 is reported like any caller's, and the call is made once more if that
/// brought another token and its body is still here.
pub async fn proxy_call(
    app: &Shared,
    held: Arc<Held>,
    call: &ProxyCall,
    body: Payload,
    wish: &TokenWish<'_>,
) -> Result<Proxied, NoProxy> {
    if !may_be_called(&call.method) {
        return Err(NoProxy::Method);
    }
    let provider = provider_of(app, &held).ok_or(NoFreshToken::Misconfigured)?;
    let fresh = fresh_token(app, held.clone(), wish).await?;
    let again = match &body {
        Payload::Whole(bytes) => Some(bytes.clone()),
        Payload::Arriving(_) => None,
    };
    let proxied = send(app, &provider, &fresh, call, body).await?;
    if proxied.answer.status != 401 {
        return Ok(proxied);
    }
    let rejected = fresh.held.fingerprint.as_deref();
    let reported = TokenWish { rejected, ..wish.clone() };
    let next = match fresh_token(app, fresh.held.clone(), &reported).await {
        Ok(next) if next.held.fingerprint != fresh.held.fingerprint => next,
        Ok(_) | Err(_) => return Ok(proxied),
    };
    match again {
        Some(bytes) => send(app, &provider, &next, call, Payload::Whole(bytes)).await,
        None => Ok(proxied),
    }
}

async fn send(
    app: &App,
    provider: &Found,
    fresh: &FreshToken,
    call: &ProxyCall,
    body: Payload,
) -> Result<Proxied, NoProxy> {
    let connection = &fresh.held.connection;
    let kept = app.store.find_connector(Reach::Instance, connection.connector);
    let kept = kept.await.map_err(NoFreshToken::Storage)?.ok_or(NoFreshToken::NotConnected)?;
    let beside = Beside::of(&connection.extra);
    let asking = Asking::new(app, &kept, provider, &beside);
    let registered = asking.registered(None, None);
    // What was learnt when the token came is judged again: the provider's hosts may be others now.
    let learnt = connection.api_base.as_deref();
    let base = match learnt.and_then(|text| own_url(provider, &registered, text).ok()) {
        Some(base) => Some(base),
        None => api_base(provider, &registered, &serde_json::Value::Null)?,
    };
    let base = base.ok_or(NoProxy::NoBase)?;
    let url = below(&base, &call.path, call.query.as_deref()).map_err(NoProxy::OutOfBounds)?;
    let mut headers = sent_on(&call.headers);
    for (name, value) in &api_headers(provider, &registered, &fresh.access_token)? {
        headers.insert(name.clone(), value.clone());
    }
    let headers = with_token(headers, &connection.scheme, &fresh.access_token)
        .ok_or_else(|| NoProxy::Misconfigured("the token cannot stand in a header".to_owned()))?;
    let method = call.method.clone();
    let outgoing = |body| Outgoing { method, url: url.clone(), headers, body };
    let client = &app.vault.client;
    let answer = match body {
        Payload::Whole(bytes) => {
            client.open(outgoing(Zeroizing::new(bytes.to_vec())), FIRST_WORD).await
        }
        Payload::Arriving(body) => {
            client.pass(outgoing(Zeroizing::default()), body, FIRST_WORD).await
        }
    };
    Ok(Proxied { answer: answer.map_err(NoProxy::Unreached)?, url })
}
