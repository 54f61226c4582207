//! Counts and times the requests of each route by its template (`/oauth/token/{id}/groups`), never
//! by the path a client sent: that would let strangers make metrics. Each route keeps its handles
//! after its first request.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::extract::MatchedPath;
use axum::http::{Request, Response};
use tokio::time::Instant;
use tower::{Layer, Service};

use super::metrics::{Metrics, RouteMetrics};

/// Lets every route of `router` be counted; requests that match none are not (they are counted by
/// the fallback's own template, `other`).
pub fn counted<S: Clone + Send + Sync + 'static>(
    router: Router<S>,
    metrics: &Metrics,
) -> Router<S> {
    router.layer(Counted { metrics: metrics.clone() })
}

/// The layer behind `counted`.
#[derive(Clone)]
struct Counted {
    metrics: Metrics,
}

impl<R> Layer<R> for Counted {
    type Service = CountedRoute<R>;

    fn layer(&self, inner: R) -> CountedRoute<R> {
        CountedRoute { inner, metrics: self.metrics.clone(), handles: Arc::default() }
    }
}

/// One route and its handles.
#[derive(Clone)]
struct CountedRoute<R> {
    inner: R,
    metrics: Metrics,
    handles: Arc<OnceLock<RouteMetrics>>,
}

impl<R, B, C> Service<Request<B>> for CountedRoute<R>
where
    R: Service<Request<B>, Response = Response<C>>,
    R::Future: Unpin,
{
    type Response = R::Response;
    type Error = R::Error;
    type Future = Timed<R::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), R::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let make = || {
            let template = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
            self.metrics.route(template.unwrap_or("other"))
        };
        self.handles.get_or_init(make);
        let handles = Arc::clone(&self.handles);
        Timed { inner: self.inner.call(request), handles, since: now() }
    }
}

/// A request being timed.
struct Timed<F> {
    inner: F,
    handles: Arc<OnceLock<RouteMetrics>>,
    since: Instant,
}

impl<F, C, E> Future for Timed<F>
where
    F: Future<Output = Result<Response<C>, E>> + Unpin,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let outcome = ready!(Pin::new(&mut this.inner).poll(cx));
        if let (Some(handles), Ok(response)) = (this.handles.get(), &outcome) {
            handles.answered(response.status().as_u16(), now() - this.since);
        }
        Poll::Ready(outcome)
    }
}

#[expect(clippy::disallowed_methods, reason = "how long an answer took is no instant a rule sees")]
fn now() -> Instant {
    Instant::now()
}
