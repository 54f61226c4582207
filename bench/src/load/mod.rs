//! The load generator: 64 keep-alive HTTP/1.1 connections in a process of its own.
//!
//! Every answer's status and a word in its body are checked, so a server that refuses quickly is
//! never measured as fast. It speaks only what the bench needs: no chunks, no redirects, no TLS.

mod connection;
mod feed;
mod frame;
mod name;
mod once;

use std::io::{self, BufRead};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use self::connection::{Connection, Pace};
use self::feed::Feed;
use crate::Outcome;
use crate::histogram::Histogram;
use crate::wire::{self, Answer, Order, Slice};

pub(crate) use self::feed::Source;
pub(crate) use self::name::Naming;
pub(crate) use self::once::{Reply, exchange_once};

/// What a loader sends and what must come back. `{}` in the body is replaced by the next token, once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) address: SocketAddr,
    pub(crate) connections: usize,
    pub(crate) request: Request,
    pub(crate) source: Source,
}

/// One kind of request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    /// Request line and headers, each line ended, without `Content-Length` and the empty line.
    pub(crate) head: String,
    /// `None` sends no body and no length.
    pub(crate) body: Option<String>,
    pub(crate) status: u16,
    /// Other statuses that are right too, whatever their body holds.
    pub(crate) or: Vec<u16>,
    /// A word the answer must hold.
    pub(crate) needs: String,
    /// How requests are named in `Idempotency-Key`.
    pub(crate) naming: Naming,
}

/// Reads the plan from the first line of standard input, then obeys orders.
pub(crate) fn run() -> Outcome<()> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let plan: Plan = serde_json::from_str(&line)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let feed = Arc::new(Feed::open(&plan.source)?);
    let mut loader = Loader { connections: Vec::new(), plan: Arc::new(plan), feed, runtime };
    wire::obey(|order| loader.act(order))
}

struct Loader {
    plan: Arc<Plan>,
    feed: Arc<Feed>,
    runtime: Runtime,
    connections: Vec<Connection>,
}

impl Loader {
    fn act(&mut self, order: Order) -> Outcome<Answer> {
        self.connect()?;
        match order {
            Order::Closed { millis } => {
                self.slice(|_at, end| Pace::Closed { end }, Duration::from_millis(millis))
            }
            Order::Open { per_second, millis } => {
                let period = Duration::from_secs_f64(self.plan.connections as f64 / per_second);
                let begun = Instant::now();
                let offset = period / self.plan.connections as u32;
                let pace = |at, end| Pace::Open { first: begun + offset * at, period, end };
                self.slice(pace, Duration::from_millis(millis))
            }
            Order::Collect { count, field, file } => {
                self.feed.collect(count, field);
                let forever = Instant::now() + Duration::from_secs(3_600);
                self.drive(|_at| Pace::Closed { end: forever })?;
                Ok(Answer::Collected(self.feed.write_collected(&file)?))
            }
            Order::Feed { file } => Ok(Answer::Collected(self.feed.refill(&file)?)),
        }
    }

    /// Opens what is missing: all at first, later what the server closed while it had no turn.
    fn connect(&mut self) -> Outcome<()> {
        let Self { plan, feed, runtime, connections } = self;
        runtime.block_on(async {
            // The runtime learns of closed connections only while it waits.
            tokio::time::sleep(Duration::from_millis(1)).await;
            connections.retain(Connection::is_open);
            while connections.len() < plan.connections {
                let (plan, feed) = (Arc::clone(plan), Arc::clone(feed));
                connections.push(Connection::open(plan, feed).await?);
            }
            Ok(())
        })
    }

    fn slice(&mut self, pace: impl Fn(u32, Instant) -> Pace, span: Duration) -> Outcome<Answer> {
        let begun = Instant::now();
        let latencies = self.drive(|at| pace(at, begun + span))?;
        Ok(Answer::Slice(Slice::new(&latencies, begun.elapsed())))
    }

    /// Runs every connection to the end of its pace. Connections survive; a failed one ends all.
    fn drive(&mut self, pace: impl Fn(u32) -> Pace) -> Outcome<Histogram> {
        let connections = std::mem::take(&mut self.connections);
        let (back, latencies) = self.runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for (at, connection) in connections.into_iter().enumerate() {
                tasks.spawn(connection.run(pace(at as u32)));
            }
            let (mut back, mut latencies) = (Vec::new(), Histogram::new());
            while let Some(ended) = tasks.join_next().await {
                let (connection, seen) = ended??;
                latencies.merge(&seen);
                back.push(connection);
            }
            Outcome::Ok((back, latencies))
        })?;
        self.connections = back;
        Ok(latencies)
    }
}
