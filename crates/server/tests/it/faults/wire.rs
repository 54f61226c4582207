//! Requests as callers send them, over one keep-alive connection each.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Method;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, RETRY_AFTER};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::installation::Registered;
use super::stopwatch::Stopwatch;

/// No answer this late is an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Longer than a caller of a connection's token waits for another node's refresh.
const MORE_PATIENCE: Duration = Duration::from_secs(60);

/// One caller with a connection of its own.
pub(super) struct Caller {
    address: SocketAddr,
    connection: Option<SendRequest<Full<Bytes>>>,
    patience: Duration,
}

/// What is sent.
pub(super) struct Order {
    method: Method,
    path: Cow<'static, str>,
    basic: Option<String>,
    /// The name under which it may be repeated.
    name: Option<String>,
    media_type: &'static str,
    body: String,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<String>,
    pub(super) body: Value,
    pub(super) took: Duration,
}

/// The connection ended before the answer: whether it happened is unknown.
#[derive(Debug)]
pub(super) struct Cut;

impl Caller {
    pub(super) const fn of(address: SocketAddr) -> Self {
        Self { address, connection: None, patience: PATIENCE }
    }

    /// One who waits for what takes its time.
    pub(super) const fn patient(address: SocketAddr) -> Self {
        Self { address, connection: None, patience: MORE_PATIENCE }
    }

    /// Sends, and reads the whole answer.
    pub(super) async fn send(&mut self, order: &Order) -> Result<Answer, Cut> {
        let (since, patience) = (Stopwatch::start(), self.patience);
        let exchange = async {
            let mut connection = self.connect().await?;
            let response = connection.send_request(order.request()).await.map_err(|_| Cut)?;
            let (head, body) = response.into_parts();
            let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
            self.connection = Some(connection);
            let text = |value: &hyper::header::HeaderValue| value.to_str().ok().map(str::to_owned);
            Ok(Answer {
                status: head.status.as_u16(),
                retry_after: head.headers.get(RETRY_AFTER).and_then(text),
                body: serde_json::from_slice(&body).unwrap_or(Value::Null),
                took: since.elapsed(),
            })
        };
        timeout(patience, exchange).await.expect("an answer, or the end of the connection")
    }

    /// Sends to a server that is up.
    pub(super) async fn ask(&mut self, order: &Order) -> Answer {
        self.send(order).await.expect("the server is up")
    }

    async fn connect(&mut self) -> Result<SendRequest<Full<Bytes>>, Cut> {
        if let Some(mut kept) = self.connection.take()
            && kept.ready().await.is_ok()
        {
            return Ok(kept);
        }
        let stream = TcpStream::connect(self.address).await.map_err(|_| Cut)?;
        stream.set_nodelay(true).map_err(|_| Cut)?;
        let (mut fresh, driver) = handshake(TokioIo::new(stream)).await.map_err(|_| Cut)?;
        tokio::spawn(driver);
        fresh.ready().await.map_err(|_| Cut)?;
        Ok(fresh)
    }
}

impl Order {
    fn request(&self) -> hyper::Request<Full<Bytes>> {
        let mut request = hyper::Request::builder()
            .method(self.method.clone())
            .uri(&*self.path)
            .header(HOST, "localhost")
            .header(CONTENT_TYPE, self.media_type);
        if let Some(basic) = &self.basic {
            request = request.header(AUTHORIZATION, basic);
        }
        if let Some(name) = &self.name {
            request = request.header("idempotency-key", name);
        }
        request.body(Full::from(self.body.clone())).expect("a request")
    }

    fn form(path: &'static str, client: &Registered, pairs: &[(&str, &str)]) -> Self {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(pairs);
        let basic = Some(client.basic());
        let media_type = "application/x-www-form-urlencoded";
        let path = Cow::Borrowed(path);
        Self { method: Method::POST, path, basic, name: None, media_type, body: body.finish() }
    }

    /// Anything else, as the bearer of a token.
    pub(super) fn bearing(method: Method, path: String, token: &str, body: &Value) -> Self {
        let basic = Some(format!("Bearer {token}"));
        let (path, media_type) = (Cow::Owned(path), "application/json");
        Self { method, path, basic, name: None, media_type, body: body.to_string() }
    }

    fn json(path: &'static str, client: &Registered, body: &Value) -> Self {
        let (basic, media_type) = (Some(client.basic()), "application/json");
        let (method, path) = (Method::POST, Cow::Borrowed(path));
        Self { method, path, basic, name: None, media_type, body: body.to_string() }
    }

    /// A token for the client itself.
    pub(super) fn issue(client: &Registered) -> Self {
        Self::form("/oauth2/token", client, &[("grant_type", "client_credentials")])
    }

    /// A token for the client itself, with this scope.
    pub(super) fn issue_for(client: &Registered, scope: &str) -> Self {
        let pairs = [("grant_type", "client_credentials"), ("scope", scope)];
        Self::form("/oauth2/token", client, &pairs)
    }

    /// A charge of one unit, under a name.
    pub(super) fn charge(token: &str, key: &str, name: &str) -> Self {
        let cost = json!({ "amount": "1", "unit": "units" });
        Self {
            method: Method::POST,
            path: "/v1/usage/charge".into(),
            basic: Some(format!("Bearer {token}")),
            name: Some(name.to_owned()),
            media_type: "application/json",
            body: json!({ "credential": key, "cost": cost }).to_string(),
        }
    }

    /// A check of a credential.
    pub(super) fn check(credential: &str) -> Self {
        let body = json!({ "credential": credential }).to_string();
        let (method, path) = (Method::POST, Cow::Borrowed("/v1/check"));
        Self { method, path, basic: None, name: None, media_type: "application/json", body }
    }

    /// A token for a client that proves itself by an assertion.
    pub(super) fn issue_by(assertion: &str) -> Self {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.append_pair("grant_type", "client_credentials");
        body.append_pair("client_assertion_type", kind).append_pair("client_assertion", assertion);
        let media_type = "application/x-www-form-urlencoded";
        let (method, path) = (Method::POST, Cow::Borrowed("/oauth2/token"));
        Self { method, path, basic: None, name: None, media_type, body: body.finish() }
    }

    /// A token with a refresh family.
    pub(super) fn begin(client: &Registered) -> Self {
        let body = json!({ "grant_type": "client_credentials", "scope": "read" });
        Self::json("/oauth2/token", client, &body)
    }

    /// The next token of a family.
    pub(super) fn rotate(client: &Registered, token: &str) -> Self {
        let body = json!({ "grant_type": "refresh_token", "refresh_token": token });
        Self::json("/oauth2/token", client, &body)
    }

    pub(super) fn introspect(client: &Registered, token: &str) -> Self {
        Self::form("/oauth2/introspect", client, &[("token", token)])
    }

    pub(super) fn revoke(client: &Registered, token: &str) -> Self {
        Self::form("/oauth2/revoke", client, &[("token", token)])
    }

    /// Revokes by the JSON door.
    pub(super) fn revoke_family(client: &Registered, token: &str) -> Self {
        Self::json("/oauth2/revoke", client, &json!({ "token": token }))
    }
}

impl Registered {
    fn basic(&self) -> String {
        let pair = format!("{}:{}", self.client.public_id, self.secret);
        format!("Basic {}", STANDARD.encode(pair))
    }
}

impl Answer {
    /// A member of the body that must be text.
    pub(super) fn text(&self, member: &str) -> String {
        let text = self.body[member].as_str();
        text.unwrap_or_else(|| panic!("no {member} in {self:?}")).to_owned()
    }

    /// Whether it says that a token is alive. Only introspection's own answers may be asked.
    pub(super) fn active(&self) -> bool {
        assert_eq!(self.status, 200, "{self:?}");
        self.body["active"].as_bool().unwrap_or_else(|| panic!("no introspection: {self:?}"))
    }

    /// Asserts a refusal by its OAuth code.
    #[track_caller]
    pub(super) fn refused(&self, status: u16, error: &str) {
        let code = self.body["error"].as_str().unwrap_or_default();
        assert_eq!((self.status, code), (status, error), "{self:?}");
    }

    /// Whether it is our own failure, told as the native interface tells it.
    #[track_caller]
    pub(super) fn not_now(&self) -> bool {
        let failed = self.status == 503;
        assert!(!failed || self.retry_after.is_some(), "503 without Retry-After: {self:?}");
        failed
    }

    /// Whether it is our own failure, told as it must be: 503, when to come back, and nothing
    /// that blames the caller.
    #[track_caller]
    pub(super) fn unavailable(&self) -> bool {
        if self.status != 503 {
            return false;
        }
        assert!(self.retry_after.is_some(), "503 without Retry-After: {self:?}");
        assert_eq!(self.body["error"], "temporarily_unavailable", "{self:?}");
        true
    }
}
