//! `ANY /v1/connections/{connection}/proxy/{path}`: a call to the outside API with the connection's
//! token, which the caller never sees.
//!
//! Not in the OpenAPI document: what is sent and what comes back is the other API's.

use axum::Router;
use axum::extract::{OriginalUri, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use keyhaven_connect::send::Reply;
use keyhaven_protocol::time::Seconds;

use super::super::body::read_bytes;
use super::super::connection_caller::ConnectionCaller;
use super::ConnectionPath;
use super::token::{not_connected, refused};
use crate::app::{App, Origin, Shared};
use crate::http::error::{ApiError, Kind};
use crate::http::reply;
use crate::operations::fresh_token::TokenWish;
use crate::operations::proxy_call::{NoProxy, ProxyCall, proxy_call, sent_back};

/// Where it is.
pub(in crate::api) const TEMPLATE: &str = "/v1/connections/{connection}/proxy/{*path}";

/// Says that an answer is the API's: `upstream`. Our own refusals do not have it.
const ANSWERED_BY: HeaderName = HeaderName::from_static("keyhaven-proxy");

pub(in crate::api) fn router() -> Router<Shared> {
    Router::new().route(TEMPLATE, any(proxy))
}

async fn proxy(
    State(app): State<Shared>,
    caller: ConnectionCaller,
    connection: ConnectionPath,
    origin: Origin,
    OriginalUri(uri): OriginalUri,
    request: Request,
) -> Response {
    let target = (uri.path().to_owned(), uri.query().map(str::to_owned));
    match pass(&app, &caller, connection, &origin, target, request).await {
        Ok(reply) => passed(&reply),
        Err(error) => error.into_response(),
    }
}

async fn pass(
    app: &Shared,
    caller: &ConnectionCaller,
    ConnectionPath(id): ConnectionPath,
    origin: &Origin,
    (path, query): (String, Option<String>),
    request: Request,
) -> Result<Reply, ApiError> {
    let held = caller.look_up(app, id, None).await?.ok_or_else(not_connected)?;
    let (parts, body) = request.into_parts();
    // The raw path: what is encoded in it stays so.
    let rest = path.splitn(6, '/').nth(5).map(|rest| format!("/{rest}")).unwrap_or_default();
    let call = ProxyCall {
        method: parts.method,
        path: rest,
        query,
        headers: parts.headers,
        body: read_bytes(body).await?.to_vec(),
    };
    let wish = TokenWish {
        min_ttl: Seconds(0),
        rejected: None,
        scopes: &[],
        caller: &caller.actor,
        client: None,
        purpose: Some("proxy"),
        request: &origin.request,
    };
    let passed = Box::pin(proxy_call(app, held, &call, &wish)).await;
    passed.map_err(|why| not_passed(app, why))
}

fn not_passed(app: &App, why: NoProxy) -> ApiError {
    match why {
        NoProxy::NoToken(why) => refused(app, why),
        NoProxy::NoBase => {
            ApiError::new(Kind::Conflict, "The provider's file does not say where its API is.")
        }
        NoProxy::Outside => ApiError::new(Kind::InvalidRequest, "The path leads out of the API."),
        NoProxy::Misconfigured(why) => {
            ApiError::new(Kind::Conflict, format!("The call cannot be made: {why}."))
        }
        NoProxy::Unreached(failure) => {
            let detail = format!("The API was not reached: {}.", failure.word());
            let mut error = ApiError::new(Kind::ProviderUnavailable, detail);
            error.wait = Some(5);
            error
        }
    }
}

/// The API's answer. It is shown from our origin, so it may do nothing there.
fn passed(reply: &Reply) -> Response {
    let mut response =
        reply::passed_on(reply.status, sent_back(&reply.headers), reply.body.to_vec());
    let headers = response.headers_mut();
    headers.insert(ANSWERED_BY, HeaderValue::from_static("upstream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let sandbox = HeaderValue::from_static("default-src 'none'; sandbox");
    headers.insert(CONTENT_SECURITY_POLICY, sandbox);
    response
}
