//! The bytes of one connection on their way to and from the HTTP parser: scanned for ambiguous and
//! endless header sections, and handed to a short after-life when a refused client is still sending
//! (closing at once would reset the connection, and the client would never see the refusal).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use super::head::{HeadScan, Verdict};
use super::limits::Limits;
use super::pulse::Pulse;
use super::wire::Wire;

/// How much a lingering client may still send.
const LINGER_BYTES: usize = 4 * 1024 * 1024;

/// A connection that watches what passes. `T` is what the connection holds (its place in the
/// connection limits); it is released when the socket is really gone.
pub(super) struct Socket<T: Send + 'static> {
    stream: Option<(Wire, T)>,
    pulse: Arc<Pulse>,
    scan: HeadScan,
    calls: u32,
    tail: &'static [u8],
    linger: std::time::Duration,
}

impl<T: Send + 'static> Socket<T> {
    pub(super) fn new(stream: Wire, place: T, pulse: Arc<Pulse>, limits: &Limits) -> Self {
        let scan = HeadScan::new(limits.target, limits.header);
        let linger = limits.linger;
        Self { stream: Some((stream, place)), pulse, scan, calls: 0, tail: &[], linger }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut Wire>> {
        let gone = || io::Error::from(io::ErrorKind::NotConnected);
        self.stream.as_mut().map(|(stream, _)| Pin::new(stream)).ok_or_else(gone)
    }

    /// Scans what was just read; a section that is too long gets its end appended.
    fn look(&mut self, buffer: &mut ReadBuf<'_>, before: usize) {
        let calls = self.pulse.calls();
        if calls != self.calls {
            self.calls = calls;
            self.scan.restart();
        }
        let verdict = self.scan.feed(&buffer.filled()[before..]);
        self.pulse.set_ambiguous(self.scan.is_ambiguous());
        self.pulse.set_http2(self.scan.is_http2());
        if self.pulse.is_busy() {
            return;
        }
        self.pulse.set_head_begun(true);
        if let Verdict::TooLong(ending) = verdict {
            self.pulse.set_cut(true);
            self.tail = ending;
            self.give_tail(buffer);
        }
    }

    fn give_tail(&mut self, buffer: &mut ReadBuf<'_>) {
        let (now, later) = self.tail.split_at(self.tail.len().min(buffer.remaining()));
        buffer.put_slice(now);
        self.tail = later;
    }
}

impl<T: Send + Unpin + 'static> AsyncRead for Socket<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.pulse.is_cut() {
            if this.tail.is_empty() {
                return Poll::Pending;
            }
            this.give_tail(buffer);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let outcome = this.stream()?.poll_read(cx, buffer);
        if outcome.is_ready() && buffer.filled().len() > before && !this.scan.is_http2() {
            this.look(buffer, before);
        }
        outcome
    }
}

impl<T: Send + Unpin + 'static> Socket<T> {
    /// Notes whether the client takes what we write; only a complete write says that it does.
    fn wrote(&self, outcome: Poll<io::Result<usize>>, whole: usize) -> Poll<io::Result<usize>> {
        match outcome {
            Poll::Pending => self.pulse.set_write_blocked(true),
            Poll::Ready(Ok(n)) if n == whole => self.pulse.set_write_blocked(false),
            Poll::Ready(_) => {}
        }
        outcome
    }
}

impl<T: Send + Unpin + 'static> AsyncWrite for Socket<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = this.stream()?.poll_write(cx, bytes);
        this.wrote(outcome, bytes.len())
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = this.stream()?.poll_write_vectored(cx, slices);
        this.wrote(outcome, slices.iter().map(|slice| slice.len()).sum())
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().stream()?.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().stream()?.poll_shutdown(cx)
    }
}

impl<T: Send + 'static> Drop for Socket<T> {
    fn drop(&mut self) {
        if let (true, Some((stream, place))) = (self.pulse.wants_linger(), self.stream.take()) {
            let linger = self.linger;
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(async move {
                    // Either way the stream closes now; there is nobody to tell.
                    let _ = tokio::time::timeout(linger, read_out(stream)).await;
                    drop(place);
                });
            }
        }
    }
}

/// Reads and forgets until the client closes or has sent too much.
async fn read_out(mut stream: Wire) {
    let mut scratch = vec![0; 16 * 1024];
    let mut left = LINGER_BYTES;
    while let Ok(n @ 1..) = stream.read(&mut scratch).await {
        left = left.saturating_sub(n);
        if left == 0 {
            return;
        }
    }
}
