//! `POST /oauth2/revoke` (RFC 7009).

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use keyhaven_protocol::client_auth::{Manners, Presented};
use keyhaven_protocol::params::Params;
use keyhaven_protocol::refusal::Refusal;

use crate::app::{App, Origin, Shared};
use crate::doors;
use crate::http::body::{self, Shape};
use crate::http::call::{Call, unreadable};
use crate::http::{refusal, reply};
use crate::operations::Failure;
use crate::operations::revoke_token::revoke_token;

/// Ends a token of the caller's.
pub async fn revoke(State(app): State<Shared>, call: Call) -> Response {
    match call.shape() {
        Ok(Shape::Form(params)) => {
            match carry_out(&app, &call.headers, &params, &call.origin).await {
                Ok(()) => reply::empty(),
                Err(failure) => refusal::oauth(&app, failure, &call.origin),
            }
        }
        Ok(Shape::Json(body)) => {
            doors::json_tokens::revoke_auth_token(&app, &call.headers, &body, &call.origin).await
        }
        Ok(Shape::Unknown) => unreadable(&app, &call),
        Err(failure) => refusal::oauth(&app, failure, &call.origin),
    }
}

async fn carry_out(
    app: &App,
    headers: &HeaderMap,
    params: &Params,
    origin: &Origin,
) -> Result<(), Failure> {
    let manners = Manners::Standard;
    let presented = Presented::gather(body::basic(headers, manners)?, params, manners)?;
    let token = params.get("token").ok_or_else(|| Refusal::missing("token"))?;
    revoke_token(app, &presented, manners, token, origin).await
}
