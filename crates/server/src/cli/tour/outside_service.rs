//! The tour's own outside service: one account on loopback that allows whatever is asked, with refresh
//! tokens that rotate. It lives as long as the tour. It loses a reply when told to, and gives a spent
//! refresh token its successor again, as providers with a grace do. Whoever is not the tour's server is
//! hung up on. What it issues opens nothing.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use axum::body::Body;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use axum::{Router, serve};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use keyhaven_protocol::secret::Secret;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::app::Dice;
use crate::http::connector_family::found;

/// Its key among providers.
pub(super) const PROVIDER: &str = "outside_notes";

/// The one client it knows.
pub(super) const CLIENT_ID: &str = "platform";

/// A running outside service. It ends when it is dropped.
pub(super) struct OutsideService {
    address: SocketAddr,
    books: Shared,
    task: JoinHandle<()>,
}

type Shared = Arc<Mutex<Books>>;

struct Books {
    dice: Dice,
    client_secret: String,
    /// The code under way, and the challenge it was asked with.
    code: Option<(String, String)>,
    /// Every refresh token, the current one last.
    refresh: Vec<String>,
    refreshes: usize,
    loses_next_reply: bool,
}

impl Drop for OutsideService {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl OutsideService {
    pub(super) async fn start(dice: Dice) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("an outside service")?;
        let address = listener.local_addr()?;
        let mut books = Books {
            dice,
            client_secret: String::new(),
            code: None,
            refresh: Vec::new(),
            refreshes: 0,
            loses_next_reply: false,
        };
        books.client_secret = books.name("tour_secret_");
        let books = Arc::new(Mutex::new(books));
        let routes = Router::new()
            .route("/authorize", get(allow))
            .route("/token", post(token))
            .route("/account", get(account))
            .with_state(books.clone());
        let task = tokio::spawn(async move {
            let _ = serve(listener, routes).await;
        });
        Ok(Self { address, books, task })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn client_secret(&self) -> String {
        lock(&self.books).client_secret.clone()
    }

    /// As an organization defines it.
    pub(super) fn definition(&self) -> Value {
        let url = format!("http://{}", self.address);
        json!({
            "key": PROVIDER,
            "name": "Outside notes",
            "facts": { "urls": "own" },
            "authorize": { "url": format!("{url}/authorize") },
            "token": { "url": format!("{url}/token"), "auth": "basic" },
            "reply": { "expires": [{ "at": "/expires_in" }] },
            "refresh": { "kind": "rotating", "reuse_grace": "10m" },
            "account": { "url": format!("{url}/account"), "id": "/sub", "label": "/email" },
            "api": { "base": format!("{url}/notes/") },
        })
    }

    /// Acts on the next refresh, and loses its reply.
    pub(super) fn lose_next_reply(&self) {
        lock(&self.books).loses_next_reply = true;
    }

    /// How often it was asked to refresh.
    pub(super) fn refreshes(&self) -> usize {
        lock(&self.books).refreshes
    }
}

impl Books {
    fn name(&self, prefix: &str) -> String {
        format!("{prefix}{}", URL_SAFE_NO_PAD.encode(self.dice.bytes::<24>()))
    }

    /// Whether the code is the one under way, and the verifier fits its challenge (RFC 7636 §4.6).
    fn spend_code(&mut self, asked: &Asked) -> bool {
        let verifier = Secret::from(asked.code_verifier.as_str()).digest();
        let challenge = URL_SAFE_NO_PAD.encode(verifier.0);
        self.code.take() == Some((asked.code.clone(), challenge))
    }

    /// Whether the refresh token is the current one, which turns, or the one before.
    fn spend_refresh(&mut self, asked: &str) -> bool {
        self.refreshes += 1;
        let back = self.refresh.iter().rev().position(|one| one == asked);
        if back == Some(0) {
            let next = self.name("tour_refresh_");
            self.refresh.push(next);
        }
        back.is_some_and(|back| back < 2)
    }
}

#[derive(Deserialize)]
struct Consent {
    redirect_uri: String,
    state: String,
    #[serde(default)]
    code_challenge: String,
}

/// Its person allows it at once.
async fn allow(State(books): State<Shared>, Query(consent): Query<Consent>) -> Response {
    let mut books = lock(&books);
    let code = books.name("tour_code_");
    let start = format!("{}?", consent.redirect_uri);
    let query = start.len();
    let mut back = form_urlencoded::Serializer::for_suffix(start, query);
    back.append_pair("code", &code).append_pair("state", &consent.state);
    books.code = Some((code, consent.code_challenge));
    found(&back.finish())
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked {
    grant_type: String,
    code: String,
    code_verifier: String,
    refresh_token: String,
}

async fn token(
    State(books): State<Shared>,
    headers: HeaderMap,
    Form(asked): Form<Asked>,
) -> Response {
    let mut books = lock(&books);
    let pair = STANDARD.encode(format!("{CLIENT_ID}:{}", books.client_secret));
    if headers.get(header::AUTHORIZATION).is_none_or(|sent| *sent != format!("Basic {pair}")) {
        return break_off();
    }
    let is_good = match asked.grant_type.as_str() {
        "authorization_code" => {
            let first = books.name("tour_refresh_");
            books.refresh.push(first);
            books.spend_code(&asked)
        }
        _ => books.spend_refresh(&asked.refresh_token),
    };
    if !is_good || std::mem::take(&mut books.loses_next_reply) {
        return break_off();
    }
    let reply = json!({
        "access_token": books.name("tour_access_"),
        "refresh_token": books.refresh.last(),
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": "notes",
    });
    Json(reply).into_response()
}

/// Headers, and then the connection breaks.
fn break_off() -> Response {
    let broken = io::Error::other("on purpose");
    Body::from_stream(futures_util::stream::iter([Err::<&str, _>(broken)])).into_response()
}

async fn account() -> Json<Value> {
    Json(json!({ "sub": "ada", "email": "ada@outside.example" }))
}

/// The books, whatever happened to whoever held them last.
fn lock(books: &Shared) -> MutexGuard<'_, Books> {
    books.lock().unwrap_or_else(PoisonError::into_inner)
}
