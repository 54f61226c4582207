//! Accepts connections and serves each in its own task, HTTP/1.1 or HTTP/2: with prior knowledge, or
//! as agreed in the TLS handshake where the listener speaks TLS itself.
//! The loop outlives every failure to accept: without descriptors it turns clients away with one it
//! kept in reserve, and goes on when there are some again.

use std::fs::File;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};

use super::client_address::is_proxy;
use super::connection::Connection;
use super::connections::{Connections, Place};
use super::front::{Client, ConnectionFront, Front, Serving};
use super::limits::Limits;
use super::pulse::Pulse;
use super::socket::Socket;
use super::stop::Stop;
use super::tls::Tls;
use super::wire::Wire;
use crate::telemetry::metrics::Metrics;

/// How long the loop rests when it cannot even turn clients away.
const REST: Duration = Duration::from_millis(50);

/// Serves `front` on `listener` until `stop` is asked for, then waits for open connections. The
/// caller bounds that wait; dropping the future leaves them to end with the runtime.
pub async fn serve(listener: TcpListener, front: Front, stop: Stop) {
    let (limits, tls) = (front.limits, front.tls.clone());
    let connections = Connections::new(limits.connections, limits.connections_per_address);
    let door = Door {
        builder: builder(&limits),
        front: Arc::new(Serving::from(front)),
        connections: Arc::clone(&connections),
        stop: stop.clone(),
        tls,
    };
    tokio::select! {
        () = stop.asked() => {}
        () = door.accept_forever(&listener) => {}
    }
    drop(listener);
    connections.empty().await;
}

fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // Header sections are timed in connection.rs and measured in head.rs. The parser's own limits
    // of 100 fields on the stack and of its buffer are the second line.
    builder.http1().header_read_timeout(None).max_buf_size(128 * 1024);
    let list = u32::try_from(limits.target + limits.header).unwrap_or(u32::MAX);
    builder
        .http2()
        .max_concurrent_streams(limits.streams)
        .max_pending_accept_reset_streams(limits.early_resets)
        .max_local_error_reset_streams(limits.error_resets)
        // Also bounds CONTINUATION frames: h2 ends the connection when their sum cannot fit.
        .max_header_list_size(list)
        .max_send_buf_size(64 * 1024)
        .initial_stream_window_size(64 * 1024)
        .initial_connection_window_size(256 * 1024);
    builder
}

#[derive(Clone)]
struct Door {
    builder: Builder<TokioExecutor>,
    front: Arc<Serving>,
    connections: Arc<Connections>,
    stop: Stop,
    tls: Option<Arc<Tls>>,
}

impl Door {
    async fn accept_forever(&self, listener: &TcpListener) {
        let mut reserve = Reserve::new();
        let mut starving = false;
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    starving = false;
                    self.open(stream, peer);
                }
                Err(error) if is_of_one_client(&error) => {}
                Err(error) => {
                    // Once for each shortage: a line for each client would be an attack on the log.
                    if !std::mem::replace(&mut starving, true) {
                        tracing::warn!(%error, "cannot accept connections; turning clients away");
                    }
                    let turned_away = reserve.turn_one_away(listener).await;
                    self.front.metrics.connections_refused(turned_away);
                }
            }
        }
    }

    fn open(&self, stream: TcpStream, peer: SocketAddr) {
        let exempt = is_proxy(peer.ip(), &self.front.proxies);
        let Some(place) = self.connections.enter(peer.ip(), exempt) else {
            self.front.metrics.connections_refused(1);
            return;
        };
        // Without it small answers wait for the client's delayed acknowledgement; a socket that
        // refuses the option still works.
        let _ = stream.set_nodelay(true);
        let metrics = self.front.metrics.clone();
        let Some(tls) = self.tls.clone() else {
            let connection = self.connection(Wire::Plain(stream), peer.ip(), place);
            tokio::spawn(serve_one(connection, metrics));
            return;
        };
        let (door, patience) = (self.clone(), self.front.limits.header_read);
        tokio::spawn(async move {
            // A handshake that fails or takes too long is nobody's request; its place is given back.
            if let Ok(Ok(stream)) = tokio::time::timeout(patience, tls.accept(stream)).await {
                let wire = Wire::Tls(Box::new(stream));
                serve_one(door.connection(wire, peer.ip(), place), metrics).await;
            }
        });
    }

    fn connection(&self, stream: Wire, peer: IpAddr, place: Place) -> Connection {
        let pulse = Arc::new(Pulse::default());
        let limits = self.front.limits;
        let socket = Socket::new(stream, place, Arc::clone(&pulse), &limits);
        let client = Client {
            front: Arc::clone(&self.front),
            pulse: Arc::clone(&pulse),
            address: peer.to_canonical(),
        };
        let service = ConnectionFront(Arc::new(client));
        let inner = self.builder.serve_connection(TokioIo::new(socket), service).into_owned();
        Connection::new(inner, pulse, limits, self.stop.seen())
    }
}

async fn serve_one(connection: Connection, metrics: Metrics) {
    metrics.connection_opened();
    connection.await;
    metrics.connection_closed();
}

/// Errors that concern the connection that was being accepted, not the listener.
fn is_of_one_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

/// A descriptor kept for the moment when there is no other: given up, it lets one waiting client
/// be accepted and closed, so that it learns at once that nobody is served.
struct Reserve(Option<File>);

impl Reserve {
    fn new() -> Self {
        Self(File::open("/dev/null").ok())
    }

    /// Turns one waiting client away, or rests when there is none or no descriptor to do it with.
    async fn turn_one_away(&mut self, listener: &TcpListener) -> u64 {
        if self.0.take().is_some() {
            let next = tokio::time::timeout(REST, listener.accept()).await;
            let accepted = matches!(next, Ok(Ok(_)));
            drop(next);
            *self = Self::new();
            if accepted {
                return 1;
            }
        }
        tokio::time::sleep(REST).await;
        *self = Self::new();
        0
    }
}
