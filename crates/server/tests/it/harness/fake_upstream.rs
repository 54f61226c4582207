//! Another OpenID provider, which says what the test makes it say.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use keyhaven::operations::Failure;
use keyhaven::operations::upstream_sign_in::{Came, finish_visit, start_sign_in};
use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_protocol::jose::signing_key::SigningKey;
use keyhaven_protocol::params::Params;
use keyhaven_protocol::upstream::admission::Admits;
use keyhaven_protocol::upstream::preset::Preset;
use keyhaven_store::Outcome;
use keyhaven_store::upstream_providers::UpstreamProvider;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::signing_in::ABrowser;
use super::{START, Server, key_set, signed};

/// What the provider says.
pub(crate) struct Says {
    /// Members of its metadata that differ.
    pub(crate) metadata: Value,
    /// Claims of its ID tokens that differ; null removes.
    pub(crate) claims: Value,
    /// The whole answer of its userinfo endpoint.
    pub(crate) userinfo: Value,
    /// What signs its ID tokens.
    pub(crate) signs: SigningKey,
    /// What its key set publishes; `None` and it does not answer.
    pub(crate) publishes: Option<String>,
    /// How often its key set was asked for.
    pub(crate) asked_for_keys: usize,
    nonce: String,
}

/// A running provider.
#[derive(Clone)]
pub(crate) struct FakeUpstream {
    pub(crate) issuer: String,
    says: Arc<Mutex<Says>>,
}

impl FakeUpstream {
    /// An honest one on a free port of this machine.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address: SocketAddr = listener.local_addr().expect("an address");
        let signs = SigningKey::generate(Algorithm::Es256).expect("a key");
        let says = Says {
            metadata: json!({}),
            claims: json!({}),
            userinfo: json!({ "sub": "ada-there", "name": "Ada Lovelace" }),
            publishes: Some(key_set(&signs)),
            signs,
            asked_for_keys: 0,
            nonce: String::new(),
        };
        let fake = Self { issuer: format!("http://{address}"), says: Arc::new(Mutex::new(says)) };
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        fake
    }

    /// Changes what it says from now on.
    pub(crate) fn says(&self) -> MutexGuard<'_, Says> {
        self.says.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn metadata(State(fake): State<FakeUpstream>) -> Json<Value> {
    let issuer = &fake.issuer;
    let mut document = json!({
        "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/keys"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "authorization_response_iss_parameter_supported": true,
    });
    differ(&mut document, &fake.says().metadata);
    Json(document)
}

async fn keys(State(fake): State<FakeUpstream>) -> Response {
    let mut says = fake.says();
    says.asked_for_keys += 1;
    match says.publishes.clone() {
        Some(set) => ([("content-type", "application/json")], set).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn token(State(fake): State<FakeUpstream>, body: String) -> Response {
    if !body.contains("code_verifier=") || !body.contains("code=a-code") {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let says = fake.says();
    let mut claims = json!({
        "iss": fake.issuer, "aud": "us-there", "sub": "ada-there", "nonce": says.nonce,
        "iat": START, "exp": START + 300, "email": "ada@elsewhere.test", "email_verified": true,
    });
    differ(&mut claims, &says.claims);
    let header = json!({ "alg": says.signs.algorithm().name(), "kid": says.signs.kid() });
    let id_token = signed(&header, &claims, &says.signs);
    Json(json!({ "access_token": "at", "token_type": "Bearer", "id_token": id_token }))
        .into_response()
}

async fn userinfo(State(fake): State<FakeUpstream>) -> Json<Value> {
    Json(fake.says().userinfo.clone())
}

fn differ(document: &mut Value, edit: &Value) {
    for (name, value) in edit.as_object().expect("an edit is an object") {
        if value.is_null() {
            document.as_object_mut().expect("an object").remove(name);
        } else {
            document[name] = value.clone();
        }
    }
}

impl Server {
    /// A node that may reach providers on this machine.
    pub(crate) async fn beside_upstreams() -> Self {
        Self::with(&[("egress_allow", "127.0.0.1")]).await
    }

    /// Adds the provider for everybody.
    pub(crate) async fn an_upstream(
        &self,
        fake: &FakeUpstream,
        admits: Admits,
    ) -> UpstreamProvider {
        let new = UpstreamProvider {
            id: self.app().id(),
            organization: None,
            name: "Elsewhere".into(),
            preset: Preset::Generic,
            issuer: fake.issuer.clone(),
            client_id: "us-there".into(),
            client_secret: Some("a secret there".into()),
            scopes: "openid email".into(),
            admits,
            created_at: self.app().clock.now(),
            disabled_at: None,
            revision: 1,
        };
        let added = self.app().store.add_upstream(&new, self.app().dice.bytes(), self.act()).await;
        assert_eq!(added.expect("storage works"), Outcome::Done);
        new
    }

    /// Sends a browser to the provider; the query the provider sends it back with.
    pub(crate) async fn visit(
        &self,
        browser: &ABrowser,
        provider: &UpstreamProvider,
        fake: &FakeUpstream,
    ) -> String {
        let started = start_sign_in(
            self.app(),
            provider.id,
            &browser.pending,
            &browser.handle,
            &browser.cookie,
        );
        answered(&started.await.expect("a visit begins"), fake)
    }

    /// What a browser comes back with.
    pub(crate) async fn come_back(
        &self,
        browser: &ABrowser,
        provider: &UpstreamProvider,
        query: &str,
    ) -> Result<Came, Failure> {
        let params = Params::parse_form(query.as_bytes());
        finish_visit(self.app(), provider.id, params, browser.visitor(), None).await
    }
}

/// The provider lets the person of `url` in and sends them back.
pub(crate) fn answered(url: &str, fake: &FakeUpstream) -> String {
    let (_, query) = url.split_once('?').expect("a query");
    let params = Params::parse_form(query.as_bytes()).expect("a sound query");
    let get = |name: &str| params.get(name).expect("a parameter").to_owned();
    fake.says().nonce = get("nonce");
    let pairs =
        [("code", "a-code".to_owned()), ("state", get("state")), ("iss", fake.issuer.clone())];
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
