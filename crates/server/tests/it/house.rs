//! A whole server in memory of one test: a fresh SQLite database, a clock that stands still until it
//! is moved, and requests straight into the router.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use keyhaven::api;
use keyhaven::api::administrator::Administrator;
use keyhaven::app::{App, Clock, Dice, NewClients, PrivateKeys, Settings, Shared};
use keyhaven::client_keys::ClientKeys;
use keyhaven::config::Setting as _;
use keyhaven::config::{
    DpopNonces, JsonApiErrors, JsonApiInclude, JsonApiOrganization, JsonExpiresIn, JsonTokenType,
    SignUp,
};
use keyhaven::keyring::KeyRing;
use keyhaven::limits::FailureLimit;
use keyhaven::mail::{Post, Sender};
use keyhaven::pace::Pace;
use keyhaven::password_pool::PasswordPool;
use keyhaven::refusals::RefusalLog;
use keyhaven::upstream::Upstreams;
use keyhaven::vault::Vault;
use keyhaven::vault::return_origins::ReturnOrigins;
use keyhaven_connect::egress::Egress;
use keyhaven_connect::send::{Client as Outside, Trust};
use keyhaven_protocol::id::{Id, OrganizationId};
use keyhaven_protocol::time::Seconds;
use keyhaven_store::engine::{Location, Options, open};
use keyhaven_store::refusals::Explanation;
use keyhaven_store::seal::{MasterKey, Sealer};
use keyhaven_store::{Reach, Store};
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc};
use tower::ServiceExt as _;

pub(crate) const ISSUER: &str = "https://auth.test";

/// A server of one test.
pub(crate) struct House {
    pub(crate) app: Shared,
    router: axum::Router,
    clock: Arc<AtomicU64>,
    refusals: Mutex<mpsc::Receiver<Explanation>>,
    _directory: tempfile::TempDir,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The answer, which must have this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }

    /// A text member of the body.
    #[track_caller]
    pub(crate) fn text(&self, member: &str) -> String {
        let found = self.body[member].as_str();
        found.unwrap_or_else(|| panic!("no {member} in {}", self.body)).to_owned()
    }

    /// What the first refused member or parameter is and why.
    pub(crate) fn fault(&self) -> (&str, &str) {
        let error = &self.body["errors"][0];
        let place = error["pointer"].as_str().or(error["parameter"].as_str());
        (place.unwrap_or_default(), error["detail"].as_str().unwrap_or_default())
    }
}

impl House {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(directory.path().join("data"));
        let engine = open(&location, Options::default()).await.unwrap();
        let sealer = Sealer::new(&MasterKey::new([1; 32]), &[]).unwrap();
        let store = Store::new(engine, sealer);
        let keys = KeyRing::load(&store).await.unwrap();
        let clock = Arc::new(AtomicU64::new(1_800_000_000_000));
        let (wall, tick) = (clock.clone(), clock.clone());
        let (log, refusals) = RefusalLog::new();
        let present =
            Clock::new(move || wall.load(Ordering::Relaxed), move || tick.load(Ordering::Relaxed));
        let sender = Sender::parse("Keyhaven <keyhaven@keyhaven.test>").unwrap();
        let outside = Outside::new(Egress::default(), &Trust::default()).unwrap();
        let app = Arc::new(App {
            store,
            keys,
            settings: settings(),
            pace: Pace::new(&present),
            clock: present,
            dice: Dice::new(draw),
            private: PrivateKeys::of_secret(&[3; 32]),
            refusals: log,
            failures: FailureLimit::default(),
            key_limits: Default::default(),
            post: Post::new(None, &sender, directory.path()).unwrap(),
            outside: outside.clone(),
            vault: Vault::new(Id::v7(1, [7; 10]), outside.clone()),
            client_keys: ClientKeys::new(outside.clone()),
            upstreams: Upstreams::new(outside),
            passwords: PasswordPool::new(1),
        });
        let router = api::router(app.clone()).into_router();
        let refusals = Mutex::new(refusals);
        Self { app, router, clock, refusals, _directory: directory }
    }

    /// Lets time pass.
    pub(crate) fn wait(&self, seconds: u64) {
        self.clock.fetch_add(seconds * 1_000, Ordering::Relaxed);
    }

    /// Writes the refusals so far, as the job does.
    pub(crate) async fn write_refusals(&self) {
        let mut batch = Vec::new();
        while let Ok(explanation) = self.refusals.lock().await.try_recv() {
            batch.push(explanation);
        }
        self.app.store.record_refusals(batch).await.unwrap();
    }

    /// A request of an administrator of the instance.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.send_as(instance(), method, path, body, &[]).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    /// A POST under an idempotency key.
    pub(crate) async fn post_once(&self, key: &str, path: &str, body: Value) -> Answer {
        let headers = [("idempotency-key", key)];
        self.send_as(instance(), Method::POST, path, Some(body), &headers).await
    }

    /// A request of some administrator inside this process.
    pub(crate) async fn send_as(
        &self,
        administrator: Administrator,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = request(method, path, body, headers);
        request.extensions_mut().insert(administrator);
        self.send_raw(request).await
    }

    /// A request as it comes from outside.
    pub(crate) async fn send_raw(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// A new organization; its id.
    pub(crate) async fn organization(&self, slug: &str) -> String {
        let body = json!({"name": slug, "slug": slug});
        self.post("/v1/organizations", body).await.expect(201).text("id")
    }

    /// A new user; its id.
    pub(crate) async fn user(&self, email: &str) -> String {
        let body = json!({"name": "Somebody", "email": email});
        self.post("/v1/users", body).await.expect(201).text("id")
    }
}

pub(crate) fn request(
    method: Method,
    path: &str,
    body: Option<Value>,
    headers: &[(&str, &str)],
) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    match body {
        None => request.body(Body::empty()).unwrap(),
        Some(body) => request
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap(),
    }
}

/// An administrator of the instance.
pub(crate) fn instance() -> Administrator {
    Administrator { reach: Reach::Instance, actor: "test:instance".into() }
}

/// An administrator of one organization.
pub(crate) fn of(organization: &str) -> Administrator {
    let id = OrganizationId::parse(organization).unwrap();
    Administrator {
        reach: Reach::Organization(id),
        actor: format!("test:administrator of {organization}"),
    }
}

#[expect(clippy::disallowed_methods, reason = "this is where tests wire their randomness")]
fn draw(out: &mut [u8]) {
    aws_lc_rs::rand::fill(out).unwrap();
}

fn settings() -> Settings {
    Settings {
        return_origins: ReturnOrigins::new("https://keyhaven.test", Vec::new(), "/mine", "/team"),
        issuer: ISSUER.into(),
        token_endpoint: format!("{ISSUER}/oauth2/token"),
        json_token_type: JsonTokenType::Format,
        json_expires_in: JsonExpiresIn::Timestamp,
        jsonapi_errors: JsonApiErrors::Array,
        jsonapi_include: JsonApiInclude::Organization,
        dpop_nonces: DpopNonces::Offered,
        jsonapi_organization: JsonApiOrganization::Bearer,
        signing_rotation: Seconds(30 * 86_400),
        audit_window: Seconds(90 * 86_400),
        sign_up: SignUp::Invitation,
        dashboard: None,
        dashboard_landing: "/".into(),
        session_idle: Seconds(604_800),
        session_absolute: Seconds(1_296_000),
        new_clients: NewClients {
            token_alg: "ES256".into(),
            access_ttl: Seconds(600),
            refresh_idle: Seconds(1_209_600),
            refresh_absolute: Seconds(2_592_000),
            refresh_grace: Seconds(90),
        },
        hand_out: keyhaven::app::HandOutSettings {
            unit: keyhaven_protocol::amount::Unit::parse("USD").unwrap(),
            key_prefix: String::new(),
            scopes: Default::default(),
        },
    }
}
