//! Replies that are passed on while they arrive: of any size, never held here, cut off when the other
//! side falls silent.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep};

use super::{Carried, Client, Outgoing, Sent};
use crate::failure::{Failure, FailureKind};

/// How long the other side may be silent within a body.
const SILENCE: Duration = Duration::from_secs(30);

/// A reply of which the body is still arriving.
pub struct Streamed {
    /// As the other side said it.
    pub status: u16,
    /// As the other side said them, at most sixty-four.
    pub headers: HeaderMap,
    /// As it is on the wire: what was compressed is.
    pub body: Arriving,
}

/// A body that is still arriving. Dropping it closes its connection.
pub struct Arriving {
    carried: Carried,
    silence: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Client {
    /// Sends `request` and reads the head of the reply within `span`, whatever its status; a redirect
    /// is a reply like any other, a switch of protocols is none. Nothing is tried twice.
    pub async fn open(&self, request: Outgoing, span: Duration) -> Result<Streamed, Failure> {
        let mut sent = Failure::before(FailureKind::TimedOut);
        let opened = self.ask(request, None, &mut sent);
        let response = match tokio::time::timeout(span, opened).await {
            Ok(outcome) => outcome?,
            Err(_) => return Err(sent),
        };
        streamed(response)
    }

    /// As [`Self::open`], with `body` in place of the request's own: it goes out while it arrives, and
    /// `span` begins anew with each of its pieces. A body that breaks off breaks the request off.
    pub async fn pass<B>(
        &self,
        request: Outgoing,
        body: B,
        span: Duration,
    ) -> Result<Streamed, Failure>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let moved = Arc::new(Notify::new());
        let body = body.map_err(Into::into).boxed_unsync();
        let body = Noted { body, moved: Arc::clone(&moved) };
        let mut sent = Failure::before(FailureKind::TimedOut);
        let opened = self.ask(request, Some(body.boxed_unsync()), &mut sent);
        tokio::select! {
            biased;
            response = opened => streamed(response?),
            () = silence(&moved, span) => Err(sent),
        }
    }
}

/// A body on its way out that says when it moves.
struct Noted {
    body: Sent,
    moved: Arc<Notify>,
}

impl Body for Noted {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if polled.is_ready() {
            self.moved.notify_one();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Resolves when nothing has moved for `span`.
async fn silence(moved: &Notify, span: Duration) {
    while tokio::time::timeout(span, moved.notified()).await.is_ok() {}
}

fn streamed(response: Response<Carried>) -> Result<Streamed, Failure> {
    let (head, carried) = response.into_parts();
    if head.status.is_informational() {
        return Err(Failure::after(FailureKind::BrokenOff));
    }
    let body = Arriving { carried, silence: SILENCE, timer: None };
    Ok(Streamed { status: head.status.as_u16(), headers: head.headers, body })
}

impl Arriving {
    /// Cut off after another silence than the usual.
    #[must_use]
    pub fn cut_off_after(self, silence: Duration) -> Self {
        Self { silence, ..self }
    }

    /// The next piece, moving the connection on while there is none.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        let carried = &mut self.carried;
        let broken = |_| Failure::after(FailureKind::BrokenOff);
        if let Poll::Ready(frame) = Pin::new(&mut carried.body).poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(broken)));
        }
        if !carried.is_over && carried.driver.as_mut().poll(cx).is_ready() {
            carried.is_over = true;
            // A connection that has ended may have left frames behind.
            let frame = ready!(Pin::new(&mut carried.body).poll_frame(cx));
            return Poll::Ready(frame.map(|frame| frame.map_err(broken)));
        }
        Poll::Pending
    }

    /// Resolves when the other side has been silent for too long.
    #[expect(clippy::disallowed_methods, reason = "a timer needs the runtime's own clock")]
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Failure> {
        let silence = self.silence;
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + silence)));
        timer.as_mut().poll(cx).map(|()| Failure::after(FailureKind::TimedOut))
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        let this = self.get_mut();
        loop {
            match this.poll_piece(cx) {
                // Trailers are one hop's.
                Poll::Ready(Some(Ok(frame))) if frame.is_trailers() => {}
                Poll::Ready(piece) => {
                    this.timer = None;
                    return Poll::Ready(piece);
                }
                Poll::Pending => return this.poll_silence(cx).map(|failure| Some(Err(failure))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.carried.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.carried.body.size_hint()
    }
}

/// Shows the status, and nothing that was said.
impl fmt::Debug for Streamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with a body under way", self.status)
    }
}
