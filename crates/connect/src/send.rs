//! The one client for URLs that others chose. The only IO of this crate.
//!
//! A request gets a connection of its own: the name is resolved once, every address is vetted, and
//! the connection goes to a vetted address, so that a name cannot change its mind in between. No
//! connection is kept. A kept one may be closed by the other side just as we write to it, and then
//! nobody knows whether a one-time secret was spent; with a fresh one, everything up to the TLS
//! handshake is certainly unsent.
//!
//! Redirects are not followed, proxies from the environment are not used, cookies do not exist. HTTP
//! is 1.1 only.

mod body;
mod dial;
mod streamed;

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use http::{Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::pki_types::CertificateDer;
use url::Url;
use zeroize::Zeroizing;

use crate::egress::Egress;
use crate::failure::{Failure, FailureKind};

pub use streamed::{Arriving, Streamed};

/// The client. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    egress: Arc<Egress>,
    resolver: Resolver,
    tls: Arc<dial::Tls>,
}

/// Whom TLS trusts.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Certificates of the operator's own authorities, beside the system's.
    pub extra: Vec<CertificateDer<'static>>,
}

/// How names become addresses.
#[derive(Clone, Debug, Default)]
pub enum Resolver {
    /// The system's.
    #[default]
    System,
    /// A fixed table; a name that is not in it has no address.
    Fixed(Arc<HashMap<String, Vec<IpAddr>>>),
}

/// What is to be sent. The body may hold secrets and is wiped when dropped.
pub struct Outgoing {
    /// Mostly GET, POST or DELETE.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// What is said beside it. `Host` and lengths are the client's, and so is the encoding where none
    /// is asked for.
    pub headers: HeaderMap,
    /// The body.
    pub body: Zeroizing<Vec<u8>>,
}

/// What may come back.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For everything from the name to the last byte.
    pub total: Duration,
    /// The largest body, on the wire and after decompression.
    pub body: usize,
    /// The content types that are read, without parameters; empty for any.
    pub types: &'static [&'static str],
}

/// What came back, whatever its status. The body may hold secrets and is wiped when dropped.
pub struct Reply {
    /// As the other side said it.
    pub status: u16,
    /// As the other side said them, at most sixty-four.
    pub headers: HeaderMap,
    /// Decompressed.
    pub body: Zeroizing<Vec<u8>>,
}

/// The most header fields of a reply, and the most bytes they may take.
const MAX_HEADERS: usize = 64;
const MAX_HEADER_BYTES: usize = 16 * 1024;

impl Limits {
    /// For documents at URLs that anybody may have chosen.
    pub const STRANGER: Self =
        Self { total: Duration::from_secs(5), body: 64 * 1024, types: &["application/json"] };
    /// For key sets (RFC 7517 §8.5).
    pub const KEY_SET: Self = Self {
        total: Duration::from_secs(5),
        body: 1024 * 1024,
        types: &["application/json", "application/jwk-set+json"],
    };
    /// For token, refresh and revocation calls: the content is looked at, not its label.
    pub const TOKEN: Self = Self { total: Duration::from_secs(10), body: 1024 * 1024, types: &[] };
}

impl Outgoing {
    /// A GET of a JSON document.
    #[must_use]
    pub fn get_json(url: Url) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::ACCEPT, HeaderValue::from_static("application/json"));
        Self { method: Method::GET, url, headers, body: Zeroizing::default() }
    }

    /// A POST of `body`, which is of type `content_type`.
    #[must_use]
    pub fn post(url: Url, content_type: &'static str, body: Vec<u8>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self { method: Method::POST, url, headers, body: Zeroizing::new(body) }
    }
}

/// Shows where to, and nothing that was said.
impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url.host_str().unwrap_or_default())
    }
}

/// Shows how long it was, and nothing that it said.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {} bytes", self.status, self.body.len())
    }
}

impl Reply {
    /// One header, if it is visible ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Names under which services say how they know a request.
const REQUEST_IDS: [&str; 9] = [
    "x-request-id",
    "request-id",
    "x-amzn-requestid",
    "x-amz-request-id",
    "x-ms-request-id",
    "x-github-request-id",
    "x-slack-req-id",
    "x-correlation-id",
    "cf-ray",
];

impl Reply {
    /// What the other side calls this request: at most 128 visible ASCII characters of it.
    #[must_use]
    pub fn request_id(&self) -> Option<String> {
        let found = REQUEST_IDS.iter().find_map(|name| self.header(name))?;
        let sound = found.chars().filter(char::is_ascii_graphic).take(128);
        Some(sound.collect::<String>()).filter(|id| !id.is_empty())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("egress", &self.egress).finish_non_exhaustive()
    }
}

impl Client {
    /// A client within `egress` that trusts the system's authorities, which are read at the first
    /// request that needs them, and those of `trust`. Fails if one of the latter is no certificate.
    pub fn new(egress: Egress, trust: &Trust) -> Result<Self, rustls::Error> {
        let tls = Arc::new(dial::Tls::trusting(&trust.extra)?);
        Ok(Self { egress: Arc::new(egress), resolver: Resolver::System, tls })
    }

    /// The same client with names resolved by `resolver`.
    #[must_use]
    pub fn resolving_by(self, resolver: Resolver) -> Self {
        Self { resolver, ..self }
    }

    /// What it may reach.
    #[must_use]
    pub fn egress(&self) -> &Egress {
        &self.egress
    }

    /// Sends `request` and reads the whole reply, whatever its status; a redirect is a reply like
    /// any other. Nothing is tried twice.
    pub async fn send(&self, request: Outgoing, limits: Limits) -> Result<Reply, Failure> {
        // The flag outlives the future that the timeout drops.
        let mut sent = Failure::before(FailureKind::TimedOut);
        let exchange = self.exchange(request, limits, &mut sent);
        match tokio::time::timeout(limits.total, exchange).await {
            Ok(outcome) => outcome,
            Err(_) => Err(sent),
        }
    }

    /// The body of a JSON document at `url`, which must be answered with 200.
    pub async fn get_json(&self, url: Url, limits: Limits) -> Result<Reply, Failure> {
        let reply = self.send(Outgoing::get_json(url), limits).await?;
        if reply.status == 200 {
            Ok(reply)
        } else {
            Err(Failure::after(FailureKind::Status(reply.status)))
        }
    }

    async fn exchange(
        &self,
        request: Outgoing,
        limits: Limits,
        if_late: &mut Failure,
    ) -> Result<Reply, Failure> {
        read(self.ask(request, None, if_late).await?, limits).await
    }

    /// The reply's head; its body is still to be read. `passing` goes out in place of the request's own
    /// body.
    async fn ask(
        &self,
        request: Outgoing,
        passing: Option<Sent>,
        if_late: &mut Failure,
    ) -> Result<Response<Carried>, Failure> {
        let refused = |rule| Failure::before(FailureKind::Refused(rule));
        self.egress.vet_url(&request.url).map_err(refused)?;
        let url = request.url.clone();
        let message = on_the_wire(request, passing)?;
        let socket = dial::connect(&self.egress, &self.resolver, &url).await?;
        let stream = dial::secure(&self.tls, socket, &url).await?;
        *if_late = Failure::after(FailureKind::TimedOut);
        speak(stream, message).await
    }
}

/// The request in origin form (RFC 9112 §3.2.1).
fn on_the_wire(request: Outgoing, passing: Option<Sent>) -> Result<Request<Sent>, Failure> {
    let malformed = || Failure::before(FailureKind::Malformed);
    let Outgoing { method, url, headers, mut body } = request;
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let host = match url.port() {
        Some(port) => format!("{}:{port}", url.host_str().unwrap_or_default()),
        None => url.host_str().unwrap_or_default().to_owned(),
    };
    let own = || {
        let bytes = Bytes::from_owner(Zeroizing::new(std::mem::take(&mut *body)));
        Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
    };
    let mut message = Request::builder()
        .method(method)
        .uri(target)
        .body(passing.unwrap_or_else(own))
        .map_err(|_| malformed())?;
    *message.headers_mut() = headers;
    let headers = message.headers_mut();
    headers.insert(HOST, HeaderValue::from_str(&host).map_err(|_| malformed())?);
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("identity"));
    Ok(message)
}

/// One request over one connection, which is dropped with the reply's body.
async fn speak(stream: dial::Stream, message: Request<Sent>) -> Result<Response<Carried>, Failure> {
    let broken = |_| Failure::after(FailureKind::BrokenOff);
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_HEADER_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    let mut driver: Driver = Box::pin(async move {
        // How the connection ends shows in the reply; there is nobody else to tell.
        let _ = connection.await;
    });
    let mut answer = Box::pin(sender.send_request(message));
    let (response, is_over) = tokio::select! {
        biased;
        response = &mut answer => (response, false),
        () = &mut driver => (answer.await, true),
    };
    let (head, body) = response.map_err(broken)?.into_parts();
    Ok(Response::from_parts(head, Carried { body, driver, is_over }))
}

/// A request's body on its way out.
type Sent = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// What moves the bytes of a connection.
type Driver = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A reply's body together with what moves its bytes: dropping it closes the connection.
struct Carried {
    body: Incoming,
    driver: Driver,
    is_over: bool,
}

async fn read(response: Response<Carried>, limits: Limits) -> Result<Reply, Failure> {
    let (head, carried) = response.into_parts();
    let content_type = head.headers.get(CONTENT_TYPE);
    if head.status.is_success() && !is_of_type(content_type, limits.types) {
        return Err(Failure::after(FailureKind::WrongType));
    }
    let raw = body::collect(carried, limits.body).await?;
    let body = body::decoded(&head.headers, raw, limits.body)?;
    Ok(Reply { status: head.status.as_u16(), headers: head.headers, body })
}

/// Whether the type without its parameters is one of those; an empty list takes anything.
fn is_of_type(given: Option<&HeaderValue>, expected: &[&str]) -> bool {
    let given = given.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    expected.is_empty() || expected.iter().any(|one| one.eq_ignore_ascii_case(essence))
}

impl Resolver {
    /// Every address of `host`.
    async fn resolve(&self, host: &str) -> Vec<IpAddr> {
        match self {
            Self::System => match tokio::net::lookup_host((host, 0)).await {
                Ok(found) => found.map(|address| address.ip()).collect(),
                Err(_) => Vec::new(),
            },
            Self::Fixed(table) => table.get(host).cloned().unwrap_or_default(),
        }
    }
}
