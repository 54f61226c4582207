//! `POST /oauth2/token` (RFC 6749 §3.2).

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use keyhaven_protocol::client_auth::{Manners, Presented};
use keyhaven_protocol::grants::Terms;
use keyhaven_protocol::params::Params;
use keyhaven_protocol::secret::Secret;
use serde::Serialize;

use crate::app::{App, Origin, Shared};
use crate::doors;
use crate::http::body::{self, Shape};
use crate::http::call::{Call, unreadable};
use crate::http::{dpop, refusal, reply};
use crate::operations::Failure;
use crate::operations::issue_token::{IssuedToken, TokenRequest, issue_token};

/// Where it is.
pub const PATH: &str = "/oauth2/token";

/// RFC 6749 §5.1.
#[derive(Serialize)]
struct TokenResponse<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: i64,
    scope: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<&'a str>,
}

/// Issues tokens.
pub async fn create_token(State(app): State<Shared>, call: Call) -> Response {
    match call.shape() {
        Ok(Shape::Form(params)) => {
            let answer = match issue(&app, &call.headers, &params, &call.origin).await {
                Ok(issued) => reply::ok(&response(&issued)),
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
    issue_token(app, &TokenRequest { presented, manners, params, terms, dpop, origin }).await
}

fn response(issued: &IssuedToken) -> TokenResponse<'_> {
    TokenResponse {
        access_token: issued.access_token.reveal(),
        token_type: if issued.bound { "DPoP" } else { "Bearer" },
        expires_in: issued.ttl.0,
        scope: issued.scopes.as_str(),
        refresh_token: issued.refresh_token.as_ref().map(Secret::reveal),
        id_token: issued.id_token.as_ref().map(Secret::reveal),
    }
}
