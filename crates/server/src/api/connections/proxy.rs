//! `ANY /v1/connections/{connection}/proxy/{path}`: a call to the outside API with the connection's
//! token, which the caller never sees.
//!
//! Not in the OpenAPI document: what is sent and what comes back is the other API's.

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::{OriginalUri, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use bytes::BytesMut;
use futures_util::{StreamExt as _, stream};
use http_body_util::BodyExt as _;
use keyhaven_connect::api_call::OutOfBounds;
use keyhaven_protocol::json::MAX_BODY;
use keyhaven_protocol::time::Seconds;

use super::super::connection_caller::ConnectionCaller;
use super::ConnectionPath;
use super::token::{not_connected, refused};
use crate::app::{App, Origin, Shared};
use crate::http::error::{ApiError, Kind};
use crate::http::passing::passed_on;
use crate::operations::fresh_token::TokenWish;
use crate::operations::proxy_call::{NoProxy, Payload, Proxied, ProxyCall, proxy_call};

/// Where it is: the API's base itself, with and without a last slash, and everything below.
pub(in crate::api) const TEMPLATES: [&str; 3] = [
    "/v1/connections/{connection}/proxy",
    "/v1/connections/{connection}/proxy/",
    "/v1/connections/{connection}/proxy/{*path}",
];

pub(in crate::api) fn router() -> Router<Shared> {
    TEMPLATES.iter().fold(Router::new(), |router, template| router.route(template, any(proxy)))
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
    let method = request.method().clone();
    match pass(&app, &caller, connection, &origin, target, request).await {
        Ok(Proxied { answer, url }) => passed_on(answer, &method, &url),
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
) -> Result<Proxied, ApiError> {
    let held = caller.look_up(app, id, None).await?.ok_or_else(not_connected)?;
    let (parts, body) = request.into_parts();
    // The raw path: what is encoded in it stays so.
    let rest = path.splitn(6, '/').nth(5).map(|rest| format!("/{rest}")).unwrap_or_default();
    let call = ProxyCall { method: parts.method, path: rest, query, headers: parts.headers };
    let body = payload(body).await?;
    let wish = TokenWish {
        min_ttl: Seconds(0),
        rejected: None,
        scopes: &[],
        caller: &caller.actor,
        client: None,
        purpose: Some("proxy"),
        request: &origin.request,
    };
    let passed = Box::pin(proxy_call(app, held, &call, body, &wish)).await;
    passed.map_err(|why| not_passed(app, why))
}

/// A small body is awaited, so that it can be sent twice; a large one goes on as it arrives.
async fn payload(mut body: Body) -> Result<Payload, ApiError> {
    if body.size_hint().lower() > MAX_BODY as u64 {
        return Ok(Payload::Arriving(body));
    }
    let mut first = BytesMut::new();
    while first.len() <= MAX_BODY {
        let Some(frame) = body.frame().await else { return Ok(Payload::Whole(first.freeze())) };
        let broke_off = |_| ApiError::new(Kind::InvalidRequest, "The body broke off.");
        if let Ok(piece) = frame.map_err(broke_off)?.into_data() {
            first.extend_from_slice(&piece);
        }
    }
    let first = stream::once(async { Ok(first.freeze()) });
    Ok(Payload::Arriving(Body::from_stream(first.chain(body.into_data_stream()))))
}

fn not_passed(app: &App, why: NoProxy) -> ApiError {
    match why {
        NoProxy::NoToken(why) => refused(app, why),
        NoProxy::NoBase => {
            ApiError::new(Kind::Conflict, "The provider's file does not say where its API is.")
        }
        NoProxy::OutOfBounds(OutOfBounds::Outside) => {
            ApiError::new(Kind::InvalidRequest, "The path leads out of the API.")
        }
        NoProxy::OutOfBounds(OutOfBounds::Malformed) => {
            let detail = "The path is not percent-encoded UTF-8 without control characters.";
            ApiError::new(Kind::InvalidRequest, detail)
        }
        NoProxy::Method => {
            let detail = "This method would say the token back or open a tunnel.";
            ApiError::new(Kind::MethodNotAllowed, detail)
        }
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
