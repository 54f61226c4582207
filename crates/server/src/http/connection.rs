//! Drives one connection and watches its clock: 5 s for a header section, 30 s between requests,
//! 15 s for a client that does not read. One timer for each connection, set again only when a
//! deadline came nearer, so that a busy connection touches no timer at all.
//! Requests keep their own time (`front.rs`): HTTP/2 streams do not run in this task.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::time::{Instant, Sleep};

use super::connections::Place;
use super::front::ConnectionFront;
use super::limits::Limits;
use super::pulse::Pulse;
use super::socket::Socket;
use super::stop::StopSeen;

type Inner = auto::Connection<'static, TokioIo<Socket<Place>>, ConnectionFront, TokioExecutor>;

/// A connection being served. Resolves when it is closed.
pub(super) struct Connection {
    inner: Pin<Box<Inner>>,
    pulse: Arc<Pulse>,
    limits: Limits,
    phase: Phase,
    calls: u32,
    since: Instant,
    timer: Pin<Box<Sleep>>,
    armed: bool,
    stop: StopSeen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Waiting for a header section to arrive whole.
    Head,
    /// A request is being answered.
    Busy,
    /// Between two requests.
    Idle,
    /// The client does not read.
    Stuck,
}

impl Connection {
    pub(super) fn new(inner: Inner, pulse: Arc<Pulse>, limits: Limits, stop: StopSeen) -> Self {
        let since = now();
        let timer = Box::pin(tokio::time::sleep_until(since + limits.header_read));
        let inner = Box::pin(inner);
        Self {
            inner,
            pulse,
            limits,
            phase: Phase::Head,
            calls: 0,
            since,
            timer,
            armed: false,
            stop,
        }
    }

    fn phase(&self) -> Phase {
        let pulse = &self.pulse;
        if pulse.is_write_blocked() {
            Phase::Stuck
        } else if pulse.is_busy() {
            Phase::Busy
        } else if pulse.is_http2() || (pulse.calls() > 0 && !pulse.is_head_begun()) {
            Phase::Idle
        } else {
            Phase::Head
        }
    }

    /// When to give up, seen from `now`; a busy connection is looked at again later.
    fn deadline(&mut self, now: Instant) -> Instant {
        let (phase, calls) = (self.phase(), self.pulse.calls());
        if (phase, calls) != (self.phase, self.calls) {
            (self.phase, self.calls, self.since) = (phase, calls, now);
        }
        match phase {
            Phase::Head => self.since + self.limits.header_read,
            Phase::Idle => self.since + self.limits.idle,
            Phase::Stuck => self.since + self.limits.request,
            Phase::Busy => now + self.limits.request,
        }
    }

    /// Whether the connection has run out of time. Otherwise the timer is set.
    fn is_overdue(&mut self, cx: &mut Context<'_>) -> bool {
        let now = now();
        let deadline = self.deadline(now);
        if deadline <= now {
            return true;
        }
        let armed = self.timer.deadline();
        let is_late = deadline < armed && self.phase != Phase::Busy;
        if self.armed && armed > now && !is_late {
            return false;
        }
        self.armed = true;
        self.timer.as_mut().reset(deadline);
        // Registers this task with the timer.
        if self.timer.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
        false
    }
}

impl Future for Connection {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if this.stop.poll_first(cx) {
            this.inner.as_mut().graceful_shutdown();
        }
        match this.inner.as_mut().poll(cx) {
            Poll::Ready(outcome) => {
                // The parser answered what it could not read and hung up; the client may still send.
                let refused = outcome.err().and_then(|error| error.downcast::<hyper::Error>().ok());
                if refused.is_some_and(|error| error.is_parse()) {
                    this.pulse.set_linger(true);
                }
                Poll::Ready(())
            }
            Poll::Pending if this.is_overdue(cx) => Poll::Ready(()),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// The runtime's monotonic clock. Deadlines are spans of a running process, not instants that rules
/// decide on, so they do not come through the injected clock; tests give other `Limits` instead.
#[expect(clippy::disallowed_methods, reason = "a timer needs the runtime's own clock")]
pub(super) fn now() -> Instant {
    Instant::now()
}
