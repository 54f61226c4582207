//! The life of the process: bind, serve, stop. Addresses are bound before the application is made,
//! because the default issuer follows from the port that was given.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::Config;
use crate::http::limits::Limits;
use crate::http::request::RequestIds;
use crate::http::stop::Stop;
use crate::http::tls::Tls;
use crate::http::turned_away::{Render, problem};
use crate::http::{Front, listener};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::per_route::Routes;

/// The two listeners, open but not served yet.
#[derive(Debug)]
pub struct Bound {
    public: TcpListener,
    operator: TcpListener,
    /// Where the public listener really is.
    pub public_address: SocketAddr,
    /// Where the operator listener really is.
    pub operator_address: SocketAddr,
}

/// An address that could not be bound, and the setting it came from.
#[derive(Debug)]
pub struct BindError {
    setting: &'static str,
    address: SocketAddr,
    source: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.setting, self.address, self.source)
    }
}

impl std::error::Error for BindError {}

/// Opens both listeners.
///
/// # Errors
/// When an address is taken or not ours.
pub async fn bind(config: &Config) -> Result<Bound, BindError> {
    let (public, public_address) = open("listen", config.listen).await?;
    let (operator, operator_address) = open("operator_listen", config.operator_listen).await?;
    Ok(Bound { public, operator, public_address, operator_address })
}

async fn open(
    setting: &'static str,
    address: SocketAddr,
) -> Result<(TcpListener, SocketAddr), BindError> {
    let failed = |source| BindError { setting, address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// What is served.
pub struct Served {
    /// The public routes.
    pub routes: Routes,
    /// The operator's routes (`operator::routes`).
    pub operator: Routes,
    /// How requests that reach no public route are answered.
    pub render: Render,
    /// What is counted.
    pub metrics: Metrics,
    /// 16 random bytes for request ids.
    pub seed: [u8; 16],
    /// What the public listener proves itself with; without, it is plain HTTP for a proxy.
    pub tls: Option<Arc<Tls>>,
}

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every connection was finished.
    Finished,
    /// The grace was over; what was left was cut off.
    GraceOver,
    /// Somebody asked a second time.
    Hurried,
}

/// Serves until `stop` is asked for, then finishes within the grace. `hurry` ends at once.
pub async fn serve(
    bound: Bound,
    config: &Config,
    served: Served,
    stop: &Stop,
    hurry: impl Future<Output = ()>,
) -> Ended {
    let insist_on_tls = config.issuer_for(bound.public_address).is_https();
    let limits = Limits {
        connections: config.max_connections.0,
        connections_per_address: config.max_connections_per_address.0,
        passed_on: config.max_proxied_kib.0 * 1024,
        ..Limits::default()
    };
    let front = Front {
        routes: served.routes,
        limits,
        ids: RequestIds::seeded(served.seed),
        proxies: config.trusted_proxies.0.clone(),
        insist_on_tls,
        render: served.render,
        metrics: served.metrics.clone(),
        tls: served.tls.clone(),
    };
    let operator = operator_front(served.operator, served.metrics.clone(), served.seed);
    // The operator keeps seeing the node (as "stopping") until the last request is answered.
    let operator = tokio::spawn(listener::serve(bound.operator, operator, Stop::new()));
    let upkeep = tokio::spawn(served.metrics.keep_small());
    let renewal = served.tls.map(|tls| tokio::spawn(async move { tls.keep_current().await }));
    let public = listener::serve(bound.public, front, stop.clone());
    let ended = finish(public, stop, config.shutdown_grace.duration(), hurry).await;
    operator.abort();
    upkeep.abort();
    renewal.inspect(tokio::task::JoinHandle::abort);
    ended
}

fn operator_front(routes: Routes, metrics: Metrics, seed: [u8; 16]) -> Front {
    Front {
        routes,
        limits: Limits { connections: 256, connections_per_address: 256, ..Limits::default() },
        ids: RequestIds::seeded(seed.map(|byte| !byte)),
        proxies: Vec::new(),
        insist_on_tls: false,
        render: problem,
        metrics,
        tls: None,
    }
}

async fn finish(
    serving: impl Future<Output = ()>,
    stop: &Stop,
    grace: Duration,
    hurry: impl Future<Output = ()>,
) -> Ended {
    let over = async {
        stop.asked().await;
        tokio::time::sleep(grace).await;
    };
    tokio::select! {
        () = serving => Ended::Finished,
        () = over => Ended::GraceOver,
        () = hurry => Ended::Hurried,
    }
}

/// SIGTERM and SIGINT.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes both signals from here on.
    ///
    /// # Errors
    /// When the system refuses the handlers.
    pub fn new() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { terminate, interrupt })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Asks `stop` at the first signal; resolves at the second.
    pub async fn drive(mut self, stop: Stop) {
        self.next().await;
        tracing::info!("stopping; a second signal ends at once");
        stop.ask();
        self.next().await;
    }
}
