//! `POST /oauth2/par` (RFC 9126).

use axum::extract::State;
use axum::response::Response;
use keyhaven_protocol::client_auth::{Manners, Presented};
use keyhaven_protocol::params::Params;
use keyhaven_protocol::secret::Secret;
use keyhaven_store::authorization_requests::PUSHED_LIFE;
use serde::Serialize;

use crate::app::{App, Shared};
use crate::http::body::{self, Shape};
use crate::http::call::{Call, unreadable};
use crate::http::{dpop, refusal, reply};
use crate::operations::Failure;
use crate::operations::pushed_authorization::push;

/// Where it is.
pub const PATH: &str = "/oauth2/par";

/// RFC 9126 §2.2.
#[derive(Serialize)]
struct Pushed<'a> {
    request_uri: &'a str,
    expires_in: i64,
}

/// Keeps a request of an authenticated client.
pub async fn push_authorization(State(app): State<Shared>, call: Call) -> Response {
    let params = match call.shape() {
        Ok(Shape::Form(params)) => params,
        Ok(Shape::Json(_) | Shape::Unknown) => return unreadable(&app, &call),
        Err(failure) => return refusal::oauth(&app, failure, &call.origin),
    };
    let response = match carry_out(&app, &call, &params).await {
        Ok(uri) => {
            let expires_in = PUSHED_LIFE.0;
            reply::created(&Pushed { request_uri: uri.reveal(), expires_in })
        }
        Err(failure) => refusal::oauth(&app, failure, &call.origin),
    };
    dpop::with_nonce(&app, &call.headers, response)
}

async fn carry_out(app: &App, call: &Call, params: &Params) -> Result<Secret, Failure> {
    let manners = Manners::Standard;
    let presented = Presented::gather(body::basic(&call.headers, manners)?, params, manners)?;
    let proof = dpop::proof(app, &call.headers, "POST", PATH, None)?;
    push(app, &presented, params, proof.as_ref(), &call.origin).await
}
