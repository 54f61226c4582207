//! `POST /oauth2/token` (RFC 6749 §3.2).

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use keyhaven_protocol::client_auth::{Manners, Presented};
use keyhaven_protocol::grants::{Terms, token_exchange};
use keyhaven_protocol::json::Object;
use keyhaven_protocol::params::Params;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::secret::Secret;
use serde::Serialize;

use crate::app::{App, Origin, Shared};
use crate::doors;
use crate::http::body::{self, Shape};
use crate::http::call::{Call, unreadable};
use crate::http::{dpop, idempotency_key, refusal, reply};
use crate::operations::Failure;
use crate::operations::exchange_token::{NoExchange, exchange_token};
use crate::operations::fresh_token::FreshToken;
use crate::operations::issue_token::{IssuedToken, TokenRequest, issue_token};

/// Where it is.
pub const PATH: &str = "/oauth2/token";

/// Issues tokens.
pub async fn create_token(State(app): State<Shared>, call: Call) -> Response {
    match call.shape() {
        Ok(Shape::Form(params)) if params.get("grant_type") == Some(token_exchange::NAME) => {
            let answer = exchange(&app, &call.headers, &params, &call.origin).await;
            dpop::with_nonce(&app, &call.headers, answer)
        }
        Ok(Shape::Form(params)) => {
            let answer = match issue(&app, &call.headers, &params, &call.origin).await {
                Ok(issued) => marked(&issued, reply::ok_written(response(&issued))),
                Err(failure) => refusal::oauth(&app, failure, &call.origin),
            };
            dpop::with_nonce(&app, &call.headers, answer)
        }
        Ok(Shape::Json(body)) => {
            doors::json_tokens::create_auth_token(&app, &call.headers, &body, &call.origin).await
        }
        Ok(Shape::Unknown) => unreadable(&app, &call),
        Err(failure) => refusal::oauth(&app, failure, &call.origin),
    }
}

async fn issue(
    app: &App,
    headers: &HeaderMap,
    params: &Params,
    origin: &Origin,
) -> Result<IssuedToken, Failure> {
    let manners = Manners::Standard;
    let presented = Presented::gather(body::basic(headers, manners)?, params, manners)?;
    let dpop = dpop::proof(app, headers, "POST", PATH, None)?;
    let terms = Terms::Standard;
    let once = name(headers)?;
    issue_token(app, &TokenRequest { presented, manners, params, terms, dpop, once, origin }).await
}

/// The client's name for a token request, which makes a repetition of it harmless.
pub fn name(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let refused = |rule| Refusal::request(format!("{} {rule}", idempotency_key::NAME));
    idempotency_key::parse(headers).map_err(refused)
}

/// The answer, which says if it was given before.
#[must_use]
pub fn marked(issued: &IssuedToken, mut answer: Response) -> Response {
    if issued.replayed {
        idempotency_key::mark_replayed(&mut answer);
    }
    answer
}

/// RFC 8693 §2.2.1, with the outside account beside it.
#[derive(Serialize)]
struct ExchangeResponse<'a> {
    access_token: &'a str,
    issued_token_type: &'static str,
    token_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<i64>,
    scope: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_base: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a str>,
}

async fn exchange(app: &Shared, headers: &HeaderMap, params: &Params, origin: &Origin) -> Response {
    let exchanged = async {
        let manners = Manners::Standard;
        let presented = Presented::gather(body::basic(headers, manners)?, params, manners)?;
        let dpop = dpop::proof(app, headers, "POST", PATH, None)?;
        exchange_token(app, &presented, params, dpop.as_ref(), origin).await
    };
    match exchanged.await {
        Ok(fresh) => exchanged_response(app, &fresh),
        Err(NoExchange::Failure(failure)) => refusal::oauth(app, failure, origin),
        Err(NoExchange::NoToken(why)) => refusal::no_outside_token(app, why, origin),
    }
}

fn exchanged_response(app: &App, fresh: &FreshToken) -> Response {
    let connection = &fresh.held.connection;
    let left = connection.access_ends_at.map(|end| end.since(app.clock.now()).0.max(0));
    // A token that no Authorization header carries is of no registered type (RFC 8693 §2.2.1).
    let token_type = match connection.scheme.as_str() {
        scheme if scheme.contains(':') => "N_A",
        scheme => scheme,
    };
    reply::ok(&ExchangeResponse {
        access_token: fresh.access_token.reveal(),
        issued_token_type: token_exchange::ACCESS_TOKEN,
        token_type,
        expires_in: left,
        scope: &connection.scopes,
        api_base: connection.api_base.as_deref(),
        account: connection.account.as_deref(),
    })
}

/// RFC 6749 §5.1. Written by hand: its texts are long, and this runs for every token issued.
fn response(issued: &IssuedToken) -> Vec<u8> {
    let access_token = issued.access_token.reveal();
    let refresh_token = issued.refresh_token.as_ref().map(Secret::reveal);
    let id_token = issued.id_token.as_ref().map(Secret::reveal);
    let scope = issued.scopes.as_str();
    let texts = [Some(access_token), Some(scope), refresh_token, id_token];
    let mut out =
        Object::with_room(128 + texts.iter().flatten().map(|text| text.len()).sum::<usize>());
    out.text("access_token", access_token)
        .text("token_type", if issued.bound { "DPoP" } else { "Bearer" })
        .number("expires_in", issued.ttl.0)
        .text("scope", scope)
        .maybe_text("refresh_token", refresh_token)
        .maybe_text("id_token", id_token);
    out.finish()
}
