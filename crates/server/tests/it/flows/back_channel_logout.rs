//! Back-channel logout (OpenID Connect Back-Channel Logout §2): clients that a session signed into hear
//! of its end from a job that nobody waits for. One that is slow or down holds up neither the person
//! nor the others, and is given up after a few tries.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::routing::post;
use keyhaven::operations::tell_logout::tell_logouts;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::harness::{AClient, ISSUER, Server, a_browsers_origin, claims_of};

/// What a client's end does with a logout token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Takes,
    Fails,
    Hangs,
}

/// The end of a client that hears of logouts.
#[derive(Clone)]
struct Ear {
    url: String,
    manner: Arc<Mutex<Manner>>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Ear {
    async fn open(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address: SocketAddr = listener.local_addr().expect("an address");
        let url = format!("http://{address}/logout");
        let ear = Self { url, manner: Arc::new(Mutex::new(manner)), heard: Arc::default() };
        let routes = Router::new().route("/logout", post(hear)).with_state(ear.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        ear
    }

    fn becomes(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

async fn hear(State(ear): State<Ear>, Form(form): Form<Vec<(String, String)>>) -> StatusCode {
    let [(name, token)] = form.as_slice() else { return StatusCode::BAD_REQUEST };
    assert_eq!(name, "logout_token");
    ear.heard.lock().unwrap().push(token.clone());
    let manner = *ear.manner.lock().unwrap();
    match manner {
        Manner::Takes => StatusCode::OK,
        Manner::Fails => StatusCode::INTERNAL_SERVER_ERROR,
        Manner::Hangs => std::future::pending().await,
    }
}

async fn an_app(server: &Server, ear: &Ear) -> AClient {
    let url = ear.url.clone();
    server.a_client().app().but(|it| it.party.backchannel_logout_uri = Some(url)).build().await
}

/// One round of the job: how many notices are done with.
async fn round(server: &Server) -> usize {
    tell_logouts(server.app(), &a_browsers_origin()).await.expect("storage works")
}

async fn reaching_out() -> Server {
    Server::with(&[("egress_allow", "127.0.0.1")]).await
}

#[tokio::test]
async fn a_client_hears_once_whom_and_which_session() {
    let server = reaching_out().await;
    let (ada, ear) = (server.a_person("ada@example.test").await, Ear::open(Manner::Takes).await);
    let app = an_app(&server, &ear).await;
    let mut browser = server.a_window_of(&ada).await;
    let tokens = browser.tokens(&server, &app, &[]).await;
    assert_eq!(round(&server).await, 0, "nothing has ended");
    let page = browser.open("/logout").await;
    browser.fill(&page, "/logout", &[("where", "here")]).await;
    assert!(ear.heard().is_empty(), "the person does not wait for it");
    assert_eq!(round(&server).await, 1);
    assert_eq!(round(&server).await, 0);
    let heard = ear.heard();
    assert_eq!(heard.len(), 1);
    let claims = claims_of(&heard[0]);
    let id_token = claims_of(&tokens.id_token);
    let now = server.present.now();
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["aud"], app.id.as_str());
    assert_eq!((&claims["sub"], &claims["sid"]), (&id_token["sub"], &id_token["sid"]));
    assert_eq!((&claims["iat"], &claims["exp"]), (&json!(now), &json!(now + 120)));
    let event = "http://schemas.openid.net/event/backchannel-logout";
    assert_eq!(claims["events"], json!({ event: {} }));
    assert!(claims["jti"].is_string() && claims.get("nonce").is_none());
    assert_eq!(header_of(&heard[0])["typ"], "logout+jwt");
}

fn header_of(token: &str) -> Value {
    use base64::Engine as _;
    let text = token.split('.').next().expect("a JWT has a header");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

#[tokio::test]
async fn a_slow_and_a_failing_client_hold_up_nobody() {
    let server = reaching_out().await;
    let ada = server.a_person("ada@example.test").await;
    let slow = Ear::open(Manner::Hangs).await;
    let failing = Ear::open(Manner::Fails).await;
    let good = Ear::open(Manner::Takes).await;
    let mut browser = server.a_window_of(&ada).await;
    for ear in [&slow, &failing, &good] {
        let app = an_app(&server, ear).await;
        browser.tokens(&server, &app, &[]).await;
    }
    let page = browser.open("/logout").await;
    let out = browser.fill(&page, "/logout", &[("where", "here")]).await;
    assert_eq!(out.status, 303);
    assert_eq!(round(&server).await, 1, "one took it");
    assert_eq!(good.heard().len(), 1);
    // Not at once again.
    assert_eq!((round(&server).await, failing.heard().len()), (0, 1));
    for ear in [&slow, &failing] {
        ear.becomes(Manner::Takes);
    }
    server.present.pass(15);
    assert_eq!(round(&server).await, 2);
    assert_eq!((slow.heard().len(), failing.heard().len(), good.heard().len()), (2, 2, 1));
    let jti = |at: usize| claims_of(&failing.heard()[at])["jti"].clone();
    assert_ne!(jti(0), jti(1), "each try is a token of its own");
}

#[tokio::test]
async fn a_client_that_stays_down_is_given_up() {
    let server = reaching_out().await;
    let (ada, ear) = (server.a_person("ada@example.test").await, Ear::open(Manner::Fails).await);
    let app = an_app(&server, &ear).await;
    let mut browser = server.a_window_of(&ada).await;
    browser.tokens(&server, &app, &[]).await;
    server
        .app()
        .store
        .end_sessions(ada.id, None, ENDED, server.act())
        .await
        .expect("storage works");
    for _ in 0..10 {
        round(&server).await;
        server.present.pass(15);
    }
    assert_eq!(ear.heard().len(), 6, "bounded tries");
}

const ENDED: keyhaven_store::sessions::Why = keyhaven_store::sessions::Why::EndedByAdministrator;
