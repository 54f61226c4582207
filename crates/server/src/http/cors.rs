//! Cross-origin reading (V3.4.2) for the few endpoints that ignore cookies: metadata, JWKS, token,
//! registration, revocation, userinfo. Any origin, never credentials, so nothing is reflected.
//! A route without this layer sends no `Access-Control-*` field, and a browser keeps its answer
//! from every other origin. It does not decide who may call: these endpoints authenticate by
//! what is in the request itself.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use tower::{Layer, Service};

/// What a browser may show to the calling page beside the body.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "www-authenticate, dpop-nonce, retry-after, x-request-id, idempotent-replayed",
);

/// Lets pages of any origin read a route's answers. Put it on single routes only.
#[derive(Clone, Copy, Debug)]
pub struct AnyOrigin {
    methods: &'static str,
}

impl AnyOrigin {
    /// For routes that are read: `GET`, `HEAD`.
    pub const READ: Self = Self { methods: "GET, HEAD" };
    /// For routes that are posted to.
    pub const POST: Self = Self { methods: "POST" };
    /// For routes that are read or posted to (userinfo).
    pub const READ_AND_POST: Self = Self { methods: "GET, HEAD, POST" };
    /// For routes that manage what the caller registered (RFC 7592).
    pub const MANAGE: Self = Self { methods: "GET, POST, PUT, DELETE" };
}

impl<S> Layer<S> for AnyOrigin {
    type Service = ReadByAnyOrigin<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ReadByAnyOrigin { inner, methods: self.methods }
    }
}

/// A route whose answers pages of any origin may read.
#[derive(Clone, Debug)]
pub struct ReadByAnyOrigin<S> {
    inner: S,
    methods: &'static str,
}

impl<S> Service<Request<Body>> for ReadByAnyOrigin<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Unpin,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Allowed<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if is_preflight(&request) {
            Allowed::Preflight(Some(preflight(self.methods)))
        } else {
            Allowed::Route(self.inner.call(request))
        }
    }
}

/// The answer of a route, or to a browser that asks first.
pub enum Allowed<F> {
    /// A browser asks whether it may.
    Preflight(Option<Response<Body>>),
    /// The route answers.
    Route(F),
}

impl<F, E> Future for Allowed<F>
where
    F: Future<Output = Result<Response<Body>, E>> + Unpin,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut response = match self.get_mut() {
            Self::Preflight(answer) => match answer.take() {
                Some(answer) => return Poll::Ready(Ok(answer)),
                None => return Poll::Pending,
            },
            Self::Route(future) => ready!(Pin::new(future).poll(cx))?,
        };
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        Poll::Ready(Ok(response))
    }
}

/// Lets the pages of one configured origin send requests with their cookies and read the answers. The
/// value is configured and never the request's own, so nothing is reflected (A82).
#[derive(Clone, Debug)]
pub struct OneOrigin(HeaderValue);

impl OneOrigin {
    /// For the pages of `origin`.
    #[must_use]
    pub fn new(origin: &str) -> Option<Self> {
        HeaderValue::from_str(origin).ok().map(Self)
    }

    /// Dresses an answer.
    pub async fn dress(
        axum::extract::State(own): axum::extract::State<Option<Self>>,
        request: Request<Body>,
        next: axum::middleware::Next,
    ) -> Response<Body> {
        let mut response = next.run(request).await;
        if let Some(Self(origin)) = own {
            let headers = response.headers_mut();
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, FAMILY_METHODS);
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, FAMILY_FIELDS);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, FAMILY_EXPOSED);
        }
        response
    }
}

const TRUE: HeaderValue = HeaderValue::from_static("true");
const FAMILY_METHODS: HeaderValue = HeaderValue::from_static("POST, GET, OPTIONS, PUT, DELETE");
const FAMILY_FIELDS: HeaderValue = HeaderValue::from_static(
    "Content-Type, Gram-Session, Gram-Project, Gram-Token, idempotency-key",
);
const FAMILY_EXPOSED: HeaderValue = HeaderValue::from_static("Gram-Session");

const ANY: HeaderValue = HeaderValue::from_static("*");

/// The Fetch standard's CORS-preflight request.
fn is_preflight(request: &Request<Body>) -> bool {
    const ASKS: HeaderName = header::ACCESS_CONTROL_REQUEST_METHOD;
    request.method() == Method::OPTIONS && request.headers().contains_key(ASKS)
}

fn preflight(methods: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
    let fields = HeaderValue::from_static("authorization, content-type, dpop, idempotency-key");
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, fields);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}
