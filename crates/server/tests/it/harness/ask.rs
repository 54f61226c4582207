//! Requests to a server, in process.

use std::net::IpAddr;

use axum::Router;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{Request, Response, request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt as _;
use keyhaven::api::administrator::Administrator;
use keyhaven::app::Origin;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{AClient, Answer, Server};

/// A request that is being written.
pub(crate) struct Ask<'a> {
    server: &'a Server,
    request: request::Builder,
    router: Option<Router>,
}

impl<'a> Ask<'a> {
    /// Adds a header; bytes, because attackers send those.
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.request = self.request.header(name, value.as_ref());
        self
    }

    /// The client's id and secret as HTTP Basic.
    pub(crate) fn basic(self, client: &AClient) -> Self {
        let pair = STANDARD.encode(format!("{}:{}", client.id, client.secret));
        self.header(AUTHORIZATION.as_str(), format!("Basic {pair}"))
    }

    /// A bearer token.
    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), format!("Bearer {token}"))
    }

    /// From this address, as the listener would have noted it.
    pub(crate) fn from(mut self, address: IpAddr) -> Self {
        let origin = Origin { address, request: "a test".into() };
        self.request = self.request.extension(origin);
        self
    }

    /// As an administrator whom the process already knows.
    pub(crate) fn administered_by(mut self, administrator: Administrator) -> Self {
        self.request = self.request.extension(administrator);
        self
    }

    /// Sends it without a body.
    pub(crate) async fn send(self) -> Answer {
        self.finish(Body::empty()).await
    }

    /// Sends a form.
    pub(crate) async fn form(self, pairs: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        self.raw("application/x-www-form-urlencoded", body).await
    }

    /// Sends JSON.
    pub(crate) async fn json(self, body: Value) -> Answer {
        self.raw("application/json", body.to_string()).await
    }

    /// Sends a token request in the nested JSON:API form.
    pub(crate) async fn json_api(self, attributes: Value) -> Answer {
        let body = json!({ "data": { "type": "token", "attributes": attributes } });
        self.raw("application/vnd.api+json", body.to_string()).await
    }

    /// Sends these bytes under this media type.
    pub(crate) async fn raw(self, media_type: &str, body: impl Into<Body>) -> Answer {
        self.header(CONTENT_TYPE.as_str(), media_type).finish(body.into()).await
    }

    /// Sends it without a body, and leaves the answer's body to be read.
    pub(crate) async fn open(self) -> Response<Body> {
        self.respond(Body::empty()).await
    }

    async fn finish(self, body: Body) -> Answer {
        let (parts, body) = self.respond(body).await.into_parts();
        let body = body.collect().await.expect("a body in memory").to_bytes();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    async fn respond(self, body: Body) -> Response<Body> {
        let request: Request<Body> = self.request.body(body).expect("a request can be written");
        let router = self.router.unwrap_or_else(|| self.server.router.clone());
        let Ok(response) = router.oneshot(request).await;
        response
    }
}

impl Server {
    /// A request by any method.
    pub(crate) fn ask(&self, method: &str, path: &str) -> Ask<'_> {
        Ask { server: self, request: Request::builder().method(method).uri(path), router: None }
    }

    /// A request to routes of the test's own.
    pub(crate) fn on_router(&self, router: Router, method: &str, path: &str) -> Ask<'_> {
        Ask { router: Some(router), ..self.ask(method, path) }
    }

    /// A POST.
    pub(crate) fn post(&self, path: &str) -> Ask<'_> {
        self.ask("POST", path)
    }

    /// A GET.
    pub(crate) fn get(&self, path: &str) -> Ask<'_> {
        self.ask("GET", path)
    }

    /// A token request of `client` by form, for everything it may have.
    pub(crate) async fn token(&self, client: &AClient) -> String {
        let form = [("grant_type", "client_credentials")];
        let answer = self.post("/oauth2/token").basic(client).form(&form).await;
        answer.expect(200)["access_token"].as_str().expect("a token").to_owned()
    }

    /// The JSON family's tokens: access and refresh.
    pub(crate) async fn tokens(&self, client: &AClient) -> (String, String) {
        let body = json!({ "grant_type": "client_credentials", "scope": "read write" });
        self.post("/oauth2/token").basic(client).json(body).await.pair()
    }

    /// A refresh by form.
    pub(crate) async fn refresh(&self, client: &AClient, token: &str) -> Answer {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.post("/oauth2/token").basic(client).form(&form).await
    }

    /// Whether `client` is told that the token is active.
    pub(crate) async fn is_active(&self, client: &AClient, token: &str) -> bool {
        let answer = self.post("/oauth2/introspect").basic(client).form(&[("token", token)]).await;
        answer.expect(200)["active"].as_bool().expect("active is a boolean")
    }
}
