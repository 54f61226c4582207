//! What the parts of one connection (socket, requests, watchdog) tell each other. All of it is
//! advice for deadlines and for closing; no decision about a request rests on another request's.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// The shared state of one connection.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// Requests taken so far.
    calls: AtomicU32,
    /// Requests without an answer yet.
    open: AtomicU32,
    /// Bytes of the next request have arrived.
    head_begun: AtomicBool,
    /// The client does not read what we write.
    write_blocked: AtomicBool,
    /// The client may still be sending what we will not read.
    linger: AtomicBool,
    /// The connection began with the HTTP/2 preface.
    http2: AtomicBool,
    /// The header section could be read in two ways.
    ambiguous: AtomicBool,
    /// The header section was cut off.
    cut: AtomicBool,
}

macro_rules! flags {
    ($($set:ident $get:ident $flag:ident;)*) => {$(
        pub(super) fn $set(&self, value: bool) {
            // A store is a locked write only when the value changes.
            if self.$flag.load(Relaxed) != value {
                self.$flag.store(value, Relaxed);
            }
        }

        pub(super) fn $get(&self) -> bool {
            self.$flag.load(Relaxed)
        }
    )*};
}

impl Pulse {
    flags! {
        set_head_begun is_head_begun head_begun;
        set_write_blocked is_write_blocked write_blocked;
        set_linger wants_linger linger;
        set_http2 is_http2 http2;
        set_ambiguous is_ambiguous ambiguous;
        set_cut is_cut cut;
    }

    pub(super) fn begin(&self) {
        self.calls.fetch_add(1, Relaxed);
        self.open.fetch_add(1, Relaxed);
        self.set_head_begun(false);
    }

    /// The answer of a request is still arriving: as if it had none yet.
    pub(super) fn hold(&self) {
        self.open.fetch_add(1, Relaxed);
    }

    pub(super) fn end(&self) {
        self.open.fetch_sub(1, Relaxed);
    }

    pub(super) fn calls(&self) -> u32 {
        self.calls.load(Relaxed)
    }

    pub(super) fn is_busy(&self) -> bool {
        self.open.load(Relaxed) > 0
    }
}
