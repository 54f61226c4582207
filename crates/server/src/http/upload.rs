//! Request bodies that go on to another server while they arrive: never held here whole. Their time is
//! counted between pieces, not to their end, because who waits may be the client, the other server or
//! its network; whoever it is may not wait for long.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::Instant;

use super::connection::now;
use super::limits::Limits;
use super::turned_away::TurnedAway;

/// How such a body fares, as its request watches it.
pub(super) struct Progress(Mutex<State>);

struct State {
    /// When something moved last.
    moved: Instant,
    /// Whether its client is waited for.
    waits: bool,
    /// Whether all of it was taken.
    is_over: bool,
    /// Why it ends early.
    fault: Option<TurnedAway>,
}

impl Progress {
    pub(super) fn begin() -> Arc<Self> {
        let state = State { moved: now(), waits: false, is_over: false, fault: None };
        Arc::new(Self(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is wrong with the body, if anything is.
    pub(super) fn fault(&self) -> Option<TurnedAway> {
        self.state().fault
    }

    /// Whether the client may still be sending.
    pub(super) fn is_under_way(&self) -> bool {
        !self.state().is_over
    }

    /// When the request is late unless something moves, and whose delay that is.
    pub(super) fn late_at(&self, limits: &Limits, since: Instant) -> (Instant, TurnedAway) {
        let state = self.state();
        let (span, why) = match state.waits {
            true => (limits.body_read, TurnedAway::BodyTooSlow),
            false => (limits.request, TurnedAway::TooSlow),
        };
        let end = since + limits.passed_on_for;
        if !state.is_over && end < state.moved + span {
            return (end, TurnedAway::BodyTooSlow);
        }
        (state.moved + span, why)
    }
}

/// The body itself.
pub(super) struct Upload {
    body: Incoming,
    left: usize,
    progress: Arc<Progress>,
}

impl Upload {
    /// `body`, of which at most `most` bytes are taken.
    pub(super) fn new(body: Incoming, most: usize, progress: Arc<Progress>) -> Self {
        Self { body, left: most, progress }
    }

    fn piece(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, TurnedAway> {
        let length = frame.data_ref().map_or(0, Bytes::len);
        self.left = self.left.checked_sub(length).ok_or(TurnedAway::BodyTooLarge)?;
        Ok(frame)
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Stopped;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Stopped>>> {
        let this = self.get_mut();
        let polled = match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(this.piece(frame))),
            Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err(TurnedAway::BodyBroken))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        };
        let mut state = this.progress.state();
        state.waits = polled.is_pending();
        if let Poll::Ready(piece) = &polled {
            state.moved = now();
            state.is_over |= piece.is_none() || this.body.is_end_stream();
            state.fault = piece.as_ref().and_then(|piece| piece.as_ref().err().copied());
        }
        polled.map(|piece| piece.map(|piece| piece.map_err(Stopped)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body ends here, and not because it was whole.
#[derive(Debug)]
pub(super) struct Stopped(TurnedAway);

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl std::error::Error for Stopped {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_piece_begins_the_time_anew_but_not_the_whole() {
        let seconds = Duration::from_secs;
        let limits = Limits {
            body_read: seconds(10),
            request: seconds(15),
            passed_on_for: seconds(60),
            ..Limits::default()
        };
        let since = now();
        let late = |moved: u64, waits: bool, is_over: bool| {
            let moved = since + seconds(moved);
            let progress = Progress(Mutex::new(State { moved, waits, is_over, fault: None }));
            let (at, why) = progress.late_at(&limits, since);
            ((at - since).as_secs(), why)
        };
        assert_eq!(late(0, true, false), (10, TurnedAway::BodyTooSlow));
        assert_eq!(late(30, true, false), (40, TurnedAway::BodyTooSlow), "a piece came at 30 s");
        assert_eq!(late(30, false, false), (45, TurnedAway::TooSlow), "the other server is slow");
        assert_eq!(late(55, true, false), (60, TurnedAway::BodyTooSlow), "the whole has an end");
        assert_eq!(late(55, false, true), (70, TurnedAway::TooSlow), "the answer has its time");
    }
}
