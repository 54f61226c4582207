//! `POST /oauth2/introspect` (RFC 7662). Says `{"active":false}` alone for everything that is not
//! a live token the caller may know about.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use keyhaven_protocol::client::Client;
use keyhaven_protocol::client_auth::{Manners, Presented};
use keyhaven_protocol::introspect::{may_ask, may_see};
use keyhaven_protocol::json::Object;
use keyhaven_protocol::params::Params;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::token::AccessToken;

use crate::app::{App, Origin, Shared};
use crate::http::body::{self, Shape};
use crate::http::call::{Call, unreadable};
use crate::http::{refusal, reply};
use crate::operations::check::{Credential, Need, Principal, Shown, check};
use crate::operations::{Failure, authenticate_client, spend_proof};

/// Tells an authenticated client what a token is worth.
pub async fn introspect(State(app): State<Shared>, call: Call) -> Response {
    let params = match call.shape() {
        Ok(Shape::Form(params)) => params,
        Ok(Shape::Json(_) | Shape::Unknown) => return unreadable(&app, &call),
        Err(failure) => return refusal::oauth(&app, failure, &call.origin),
    };
    match look(&app, &call.headers, &params, &call.origin).await {
        Ok(Some(Seen { token, client })) => reply::ok_written(describe(&app, &token, &client)),
        Ok(None) => reply::ok_written(INACTIVE.to_vec()),
        Err(failure) => refusal::oauth(&app, failure, &call.origin),
    }
}

async fn look(
    app: &App,
    headers: &HeaderMap,
    params: &Params,
    origin: &Origin,
) -> Result<Option<Seen>, Failure> {
    let manners = Manners::Standard;
    let presented = Presented::gather(body::basic(headers, manners)?, params, manners)?;
    let (caller, proof) = authenticate_client(app, &presented, manners, origin).await?;
    may_ask(&caller)?;
    spend_proof(app, &proof).await?;
    let token = params.get("token").ok_or_else(|| Refusal::missing("token"))?;
    let need = Need { shown: Shown::Question, ..Need::default() };
    let principal = match check(app, token, &need).await {
        Ok(principal) => principal,
        Err(Failure::Refused(refused)) => {
            tracing::debug!(reason = refused.refusal.reason.as_ref(), "inactive");
            return Ok(None);
        }
        Err(storage) => return Err(storage),
    };
    // Only OAuth tokens are introspected; whoever asks about a session asks `/v1/check`.
    let Principal { credential: Credential::Token(token), client: Some(client), .. } = principal
    else {
        return Ok(None);
    };
    Ok(may_see(&caller, &token, &client).is_ok().then_some(Seen { token, client }))
}

/// A token the caller may know about.
struct Seen {
    token: Arc<AccessToken>,
    client: Arc<Client>,
}

/// All that is said of a token that is not alive (RFC 7662 §2.2).
const INACTIVE: &[u8] = br#"{"active":false}"#;

/// RFC 7662 §2.2, and the key a token is bound to (RFC 9449 §6.2).
fn describe(app: &App, token: &AccessToken, client: &Client) -> Vec<u8> {
    let mut out = Object::new();
    out.raw("active", b"true").text("scope", token.scopes.as_str());
    out.text("client_id", &client.public_id);
    out.text("token_type", if token.jkt.is_some() { "DPoP" } else { "Bearer" });
    out.number("exp", token.expires_at.0).number("iat", token.issued_at.0);
    out.text("sub", &token.subject).text("aud", &token.audience);
    out.text("iss", &app.settings.issuer).id("jti", token.id.0);
    if let Some(jkt) = &token.jkt {
        let mut confirmation = Object::new();
        confirmation.text("jkt", jkt);
        out.raw("cnf", &confirmation.finish());
    }
    out.finish()
}
