//! `auth.callback`: completes a sign-in and sends the browser to the dashboard. A `shared_token` is a
//! ticket that a trusted backend asked for; `code` and `state` come from `auth.login`. A sign-in that
//! fails is told to the dashboard, by contract still with 307.
//!
//! Headers of a session that the caller may still hold are ignored: nothing carries over.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use keyhaven_protocol::continuation::Continuation;
use keyhaven_protocol::params::Params;
use keyhaven_protocol::refusal::Refusal;

use super::login::{SignInState, destination};
use super::{No, given, query};
use crate::app::{App, Shared};
use crate::http::browser::Browser;
use crate::http::cookies;
use crate::http::rpc::{self, RpcError};
use crate::operations::Failure;
use crate::operations::sign_in::{Opened, Visitor, new_browser};
use crate::operations::tickets::{exchange_code, sign_in_with_ticket};

/// `auth.callback`.
pub async fn complete_sign_in(
    State(app): State<Shared>,
    browser: Browser,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let params = match query(&uri) {
        Ok(params) => params,
        Err(no) => return no.told(&app, &browser.origin),
    };
    let nonce = cookies::find(&headers, rpc::NONCE_COOKIE);
    let nonce = nonce.as_ref().map(keyhaven_protocol::secret::Secret::reveal);
    match open(&app, &params, nonce, &browser).await {
        Ok(opened) => {
            let location = landing(&app, &opened).await;
            rpc::signed_in(&location, &opened.token, nonce.is_some())
        }
        Err(No { error: error @ RpcError::Missing(_), failure }) => {
            rpc::refused(&app, error, failure, &browser.origin)
        }
        Err(No { error, failure: failure @ Failure::Storage(_) }) => {
            rpc::refused(&app, error, failure, &browser.origin)
        }
        Err(No { failure: Failure::Refused(refused), .. }) => {
            rpc::not_signed_in(&app, &refused, &browser.origin, nonce.is_some())
        }
    }
}

async fn open(
    app: &App,
    params: &Params,
    nonce: Option<&str>,
    browser: &Browser,
) -> Result<Opened, No> {
    // Nothing of this browser's is used or ended: the sign-in is the dashboard's own.
    let fresh = new_browser(app);
    let visitor = Visitor { device: None, ..browser.visitor(&fresh, None) };
    if let Some(ticket) = given(params, "shared_token") {
        return Ok(sign_in_with_ticket(app, ticket, Continuation::default(), visitor).await?);
    }
    let Some(code) = given(params, "code") else {
        return Err(No::new(RpcError::Missing("code"), Refusal::missing("code")));
    };
    let refused = |rule| No::new(RpcError::Unauthorized, Refusal::grant(rule));
    let state = given(params, "state").ok_or_else(|| refused("state is missing"))?;
    let state = SignInState::parse(state).ok_or_else(|| refused("state does not read"))?;
    let nonce = nonce.ok_or_else(|| refused("the browser holds no nonce"))?;
    let same = keyhaven_protocol::secret::Digest::of(nonce.as_bytes())
        == keyhaven_protocol::secret::Digest::of(state.nonce.as_bytes());
    if !same {
        return Err(refused("state belongs to another browser"));
    }
    let to = destination(app, &state.final_destination_url).unwrap_or_default();
    Ok(exchange_code(app, code, nonce, to, visitor).await?)
}

/// Where the dashboard goes on: where it wanted to, else the configured landing page, which may name
/// the organization.
async fn landing(app: &App, opened: &Opened) -> String {
    let origin = app.settings.dashboard_origin();
    if opened.continue_to != Continuation::default() {
        return format!("{origin}{}", opened.continue_to);
    }
    let path = &app.settings.dashboard_landing;
    if !path.contains("{organization}") {
        return format!("{origin}{path}");
    }
    let slug = match opened.organization {
        None => None,
        Some(id) => {
            let reach = keyhaven_store::Reach::Instance;
            let found = app.store.find_organization(reach, id).await.ok().flatten();
            found.map(|organization| organization.slug)
        }
    };
    format!("{origin}{}", path.replace("{organization}", slug.as_deref().unwrap_or_default()))
}
