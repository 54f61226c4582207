//! Bodies that do not end well.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::time::Sleep;

/// What is said.
pub(crate) enum Speech {
    /// All of it.
    Whole(Option<Bytes>),
    /// This, and then the connection breaks.
    BreakingOff(Option<Bytes>),
    /// This, again and again.
    Endless(Bytes),
    /// This, one byte at a time, and then silence.
    Dripping(VecDeque<u8>, Pin<Box<Sleep>>),
}

/// Slow enough for every limit, fast enough to see.
const PACE: Duration = Duration::from_millis(200);

impl Speech {
    pub(crate) fn whole(text: impl Into<Bytes>) -> Self {
        Self::Whole(Some(text.into()))
    }

    pub(crate) fn dripping(text: &[u8]) -> Self {
        Self::Dripping(text.iter().copied().collect(), Box::pin(tokio::time::sleep(PACE)))
    }
}

impl Body for Speech {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Self::Whole(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Self::BreakingOff(text) => Poll::Ready(Some(match text.take() {
                Some(text) => Ok(Frame::data(text)),
                None => Err(io::Error::other("breaks off")),
            })),
            Self::Endless(text) => Poll::Ready(Some(Ok(Frame::data(text.clone())))),
            Self::Dripping(left, pause) => {
                if pause.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                *pause = Box::pin(tokio::time::sleep(PACE));
                context.waker().wake_by_ref();
                match left.pop_front() {
                    Some(byte) => Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![byte]))))),
                    None => Poll::Pending,
                }
            }
        }
    }
}
