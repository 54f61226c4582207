//! The user-controlled keys family (operations 10 and 11): `POST /auth/keys/code`, `POST /auth/keys`
//! and `GET /key`, mounted twice. Both of its wire shapes are read; statuses and messages are those
//! its published clients parse. The page `GET /auth` is in `pages/hand_out.rs`.
//!
//! A code is exchanged without any credential, and one that is sent is ignored: the family's own
//! browser example sends none.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::ORIGIN;
use axum::response::Response;
use keyhaven_protocol::hand_out::HandOut;
use keyhaven_protocol::hand_out::exchange::Exchange;
use keyhaven_protocol::json;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::time::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::app::{App, Origin, Shared};
use crate::http::{bearer, keys_family, reply};
use crate::operations::Failure;
use crate::operations::check::{CallerOf, Credential, Need, check};
use crate::operations::hand_out::{self, Giver, HandedOut, IssuedCode};

mod current;

pub use current::show_current_key;

#[derive(Serialize)]
struct Data<T> {
    data: T,
}

#[derive(Serialize)]
struct CodeData<'a> {
    id: &'a str,
    app_id: i64,
    created_at: String,
}

/// The parser requires `user_id` to be there, and allows null.
#[derive(Serialize)]
struct KeyData<'a> {
    key: &'a str,
    user_id: Option<String>,
}

/// `postAuthKeysCode`: a code for an app, by the holder of a key or a session.
pub async fn create_auth_keys_code(
    State(app): State<Shared>,
    origin: Origin,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match issue(&app, &headers, &body, &origin).await {
        Ok(issued) => reply::ok(&Data {
            data: CodeData {
                id: issued.code.reveal(),
                app_id: issued.app,
                created_at: iso(issued.created_at),
            },
        }),
        Err(failure) => keys_family::refuse(&app, failure, &origin),
    }
}

async fn issue(
    app: &App,
    headers: &HeaderMap,
    body: &Bytes,
    origin: &Origin,
) -> Result<IssuedCode, Failure> {
    let giver = giver(app, headers, origin).await?;
    let body = object(body)?;
    let asked = HandOut::parse_body(&body, &app.settings.hand_out.unit, app.clock.now())?;
    hand_out::issue_code(app, &giver, &asked, origin).await
}

/// Who gives: the bearer's key or session, and nothing else.
async fn giver(app: &App, headers: &HeaderMap, origin: &Origin) -> Result<Giver, Failure> {
    let need = Need { caller: Some(caller(headers, origin)), ..Need::default() };
    let principal = check(app, bearer::token(headers)?, &need).await?;
    match &principal.credential {
        Credential::Key(known) => Ok(Giver::Key(known.clone())),
        Credential::Session(_) => {
            let user = principal.user().ok_or_else(|| Refusal::token("the session has no user"))?;
            let (organization, project) = (principal.organization(), principal.project());
            Ok(Giver::Person { user, organization, project })
        }
        Credential::Token(_) => {
            Err(Refusal::token("a code is given by a key or a session, not by a token").into())
        }
    }
}

/// `postAuthKeys`: the code becomes a key.
pub async fn exchange_auth_keys(
    State(app): State<Shared>,
    origin: Origin,
    body: Bytes,
) -> Response {
    match exchange(&app, &body, &origin).await {
        Ok(handed) => reply::ok(&KeyData {
            key: handed.key.reveal(),
            user_id: handed.owner.map(|owner| owner.to_string()),
        }),
        Err(failure) => keys_family::refuse(&app, failure, &origin),
    }
}

async fn exchange(app: &App, body: &Bytes, origin: &Origin) -> Result<HandedOut, Failure> {
    let body = object(body)?;
    let code = text(&body, "code")?;
    let (verifier, method) = (text(&body, "code_verifier")?, text(&body, "code_challenge_method")?);
    let asked = Exchange::parse(code, verifier, method)?;
    hand_out::exchange(app, &asked, origin).await
}

/// What nobody answers below the family's prefix.
pub async fn nothing_here() -> Response {
    keys_family::nothing()
}

/// Where a use of a key comes from.
fn caller(headers: &HeaderMap, origin: &Origin) -> CallerOf {
    let page = headers.get(ORIGIN).and_then(|value| value.to_str().ok());
    CallerOf { origin: page.map(str::to_owned), address: Some(origin.address) }
}

/// The body as a JSON object, whatever it is declared to be.
fn object(body: &Bytes) -> Result<Value, Refusal> {
    let body = json::parse(body).map_err(|error| Refusal::request(error.reason().to_owned()))?;
    if body.is_object() { Ok(body) } else { Err(Refusal::request("the body is not a JSON object")) }
}

fn text<'a>(body: &'a Value, name: &'static str) -> Result<Option<&'a str>, Refusal> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Refusal::request(format!("{name} is not a string")).on(name)),
    }
}

/// ISO 8601 with milliseconds, as the family writes instants.
fn iso(at: Timestamp) -> String {
    let instant = jiff::Timestamp::from_second(at.0).unwrap_or_default();
    format!("{instant:.3}")
}
