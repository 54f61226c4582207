//! One keep-alive connection: send, wait, check, again.

use std::io::{ErrorKind, Write};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::feed::{Feed, Next};
use super::{Plan, frame};
use crate::Outcome;
use crate::histogram::Histogram;

const BUFFER: usize = 16 * 1024;

/// When to send.
pub(super) enum Pace {
    /// As soon as the last answer came, until `end`.
    Closed { end: Instant },
    /// At `first` and every `period` after it, until `end`.
    Open { first: Instant, period: Duration, end: Instant },
}

pub(super) struct Connection {
    stream: TcpStream,
    plan: Arc<Plan>,
    feed: Arc<Feed>,
    outgoing: Vec<u8>,
    incoming: Box<[u8]>,
}

impl Connection {
    pub(super) async fn open(plan: Arc<Plan>, feed: Arc<Feed>) -> Outcome<Self> {
        let stream = TcpStream::connect(plan.address).await?;
        stream.set_nodelay(true)?;
        let incoming = vec![0; BUFFER].into_boxed_slice();
        Ok(Self { stream, plan, feed, outgoing: Vec::new(), incoming })
    }

    /// Whether the server still listens on it; between requests it has nothing to say.
    pub(super) fn is_open(&self) -> bool {
        let quiet = self.stream.try_read(&mut [0; 1]);
        quiet.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// Sends by `pace` and gives the connection back with the latencies it saw.
    pub(super) async fn run(mut self, pace: Pace) -> Outcome<(Self, Histogram)> {
        let mut latencies = Histogram::new();
        match pace {
            Pace::Closed { end } => {
                while Instant::now() < end {
                    let sent = Instant::now();
                    if !self.exchange().await? {
                        break;
                    }
                    latencies.record(sent.elapsed());
                }
            }
            Pace::Open { first, period, end } => {
                self.keep_time(first, period, end, &mut latencies).await?;
            }
        }
        Ok((self, latencies))
    }

    /// Latency counts from the moment a request was due when the server made it late, so waiting
    /// behind a slow answer is not forgiven; a late timer of our own is not the server's fault.
    async fn keep_time(
        &mut self,
        first: Instant,
        period: Duration,
        end: Instant,
        latencies: &mut Histogram,
    ) -> Outcome<()> {
        let mut due = first;
        while due < end {
            let mut from = due;
            if Instant::now() < due {
                tokio::time::sleep_until(due.into()).await;
                from = Instant::now();
            }
            if !self.exchange().await? {
                break;
            }
            latencies.record(from.elapsed());
            due += period;
        }
        Ok(())
    }

    /// One request and its checked answer; `false` when the feed has no more.
    async fn exchange(&mut self) -> Outcome<bool> {
        let token = match self.feed.next() {
            Next::End => return Ok(false),
            Next::Nothing => None,
            Next::Token(token) => Some(token),
        };
        self.write_request(token.as_deref())?;
        self.stream.write_all(&self.outgoing).await?;
        let (status, body) = self.read_answer().await?;
        let (head, body) = std::str::from_utf8(&self.incoming[..body.end])?.split_at(body.start);
        let wanted = &self.plan.request;
        let is_wanted = status == wanted.status && body.contains(&wanted.needs);
        if !is_wanted && !wanted.or.contains(&status) {
            return Err(format!("status {status}, body {body}").into());
        }
        self.feed.answered(head, body)?;
        Ok(true)
    }

    fn write_request(&mut self, token: Option<&str>) -> Outcome<()> {
        self.outgoing.clear();
        self.outgoing.extend_from_slice(self.plan.request.head.as_bytes());
        if let Some(name) = self.plan.request.naming.of(self.feed.count()) {
            write!(self.outgoing, "Idempotency-Key: {name}\r\n")?;
        }
        let Some(body) = &self.plan.request.body else {
            self.outgoing.extend_from_slice(b"\r\n");
            return Ok(());
        };
        let parts = token.and_then(|token| Some((body.split_once("{}")?, token)));
        let (before, token, after) = parts
            .map_or((body.as_str(), "", ""), |((before, after), token)| (before, token, after));
        let length = before.len() + token.len() + after.len();
        write!(self.outgoing, "Content-Length: {length}\r\n\r\n{before}{token}{after}")?;
        Ok(())
    }

    async fn read_answer(&mut self) -> Outcome<(u16, Range<usize>)> {
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.incoming[filled..]).await?;
            if read == 0 {
                return Err("the server closed the connection or answered too much".into());
            }
            filled += read;
            if let Some(frame) = frame::parse(&self.incoming[..filled])? {
                return Ok((frame.status, frame.body));
            }
        }
    }
}
