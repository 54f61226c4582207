//! `auth.login`: begins a sign-in at our pages that ends at the family's callback. The state carries
//! where the dashboard wants to go on, reduced to a path of its own origin, and a nonce that the
//! browser keeps in a cookie.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyhaven_protocol::continuation::Continuation;
use serde::{Deserialize, Serialize};

use super::{No, given, query};
use crate::app::{App, Shared};
use crate::http::browser::Browser;
use crate::http::rpc;
use crate::operations::tickets::hand_out_code;

/// What a state says: base64url of this as JSON.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct SignInState {
    #[serde(default)]
    pub(super) final_destination_url: String,
    #[serde(default)]
    pub(super) nonce: String,
}

impl SignInState {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let json = URL_SAFE_NO_PAD.decode(text).ok()?;
        serde_json::from_slice(&json).ok()
    }

    fn write(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }
}

/// `auth.login`. Whoever is signed in at our pages goes straight on.
pub async fn begin_sign_in(State(app): State<Shared>, browser: Browser, uri: Uri) -> Response {
    match begin(&app, &browser, &uri).await {
        Ok(response) => response,
        Err(no) => no.told(&app, &browser.origin),
    }
}

async fn begin(app: &Shared, browser: &Browser, uri: &Uri) -> Result<Response, No> {
    let params = query(uri)?;
    let to = destination(app, given(&params, "redirect").unwrap_or_default());
    let Some(signed_in) = browser.signed_in(app).await? else {
        let mut back = String::from("/rpc/auth.login");
        if let Some(to) = &to {
            let to = form_urlencoded::byte_serialize(to.as_str().as_bytes());
            back.push_str("?redirect=");
            back.extend(to);
        }
        let back = form_urlencoded::byte_serialize(back.as_bytes()).collect::<String>();
        return Ok(rpc::on_the_way(&format!("/login?continue={back}"), None));
    };
    let nonce = hex(app.dice.bytes());
    let code = hand_out_code(app, &signed_in, &nonce, &browser.origin).await?;
    let final_destination_url = to.map(|to| to.to_string()).unwrap_or_default();
    let state = SignInState { final_destination_url, nonce: nonce.clone() }.write();
    let location = format!("/rpc/auth.callback?code={}&state={state}", code.reveal());
    Ok(rpc::on_the_way(&location, Some(&nonce)))
}

/// A destination as a path of the dashboard; `None` when it would lead elsewhere (A65).
pub(super) fn destination(app: &App, text: &str) -> Option<Continuation> {
    Continuation::parse_on(app.settings.dashboard_origin(), text).ok()
}

fn hex(bytes: [u8; 16]) -> String {
    bytes.iter().fold(String::with_capacity(32), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}
