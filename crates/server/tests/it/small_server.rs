//! A server with a few routes on a free port, behind the real listener.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::Extension;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use keyhaven::http::cors::AnyOrigin;
use keyhaven::http::limits::Limits;
use keyhaven::http::request::{Arrival, RequestIds};
use keyhaven::http::stop::Stop;
use keyhaven::http::turned_away::problem;
use keyhaven::http::{Front, listener};
use keyhaven::telemetry::metrics::Metrics;
use keyhaven::telemetry::per_route::Routes;
use tokio::net::TcpListener;

/// Longer than any test takes; what should end never waits for it.
pub(crate) const FOREVER: Duration = Duration::from_secs(3600);

/// Short enough to wait for, long enough to finish an exchange on loopback.
pub(crate) const SHORT: Duration = Duration::from_millis(300);

/// A running server.
pub(crate) struct SmallServer {
    pub(crate) address: SocketAddr,
    pub(crate) metrics: Metrics,
    _stop: Stop,
}

/// Limits that nothing in a test reaches by accident.
pub(crate) fn patient() -> Limits {
    Limits {
        header_read: FOREVER,
        body_read: FOREVER,
        request: FOREVER,
        idle: FOREVER,
        ..Limits::default()
    }
}

/// `/hello`, `/echo`, `/who`, `/token` (any origin), `/page`, `/panic`, `/never`.
pub(crate) fn routes() -> Routes {
    Routes::new()
        .route("/hello", get(|| async { "hello" }))
        .route("/echo", post(|body: String| async { body }))
        .route("/who", get(say_who))
        .route("/token", post(|| async { "token" }).layer(AnyOrigin::POST))
        .route("/page", get(|| async { "page" }))
        .route("/panic", get(panic_at_once))
        .route("/never", get(|| async { std::future::pending::<&str>().await }))
}

async fn say_who(Extension(arrival): Extension<Arrival>) -> impl IntoResponse {
    format!("{} {}", arrival.client, arrival.id)
}

async fn panic_at_once() -> &'static str {
    panic!("the text of a panic: marker-in-panic")
}

impl SmallServer {
    pub(crate) async fn start(limits: Limits) -> Self {
        Self::start_with(routes(), |front| front.limits = limits).await
    }

    pub(crate) async fn start_with(routes: Routes, edit: impl FnOnce(&mut Front)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let metrics = Metrics::new().unwrap();
        let mut front = Front {
            tls: None,
            routes,
            limits: patient(),
            ids: RequestIds::seeded([9; 16]),
            proxies: Vec::new(),
            insist_on_tls: false,
            render: problem,
            metrics: metrics.clone(),
        };
        edit(&mut front);
        let stop = Stop::new();
        tokio::spawn(listener::serve(listener, front, stop.clone()));
        Self { address, metrics, _stop: stop }
    }

    /// The value of a metric line, 0 when it is not there.
    pub(crate) fn metric(&self, line: &str) -> f64 {
        let text = self.metrics.render();
        let value = text.lines().find_map(|found| found.strip_prefix(line));
        value.map_or(0.0, |value| value.trim().parse().unwrap())
    }
}
