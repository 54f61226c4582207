//! What every request is given on arrival: an id of ours and the client's address. Handlers take
//! `Extension<Arrival>`; log lines written while a request is being worked on carry its id.
//! An id or address the client claims is never believed.

use std::cell::Cell;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use axum::http::{HeaderName, HeaderValue};

/// The header that carries the id on every answer.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A UUIDv4 (RFC 9562 §5.4) that names one request in answers, logs and refusals. It is no secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId([u8; 16]);

/// The facts of a request that do not come from the client.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// The id, also the `x-request-id` of the answer.
    pub id: RequestId,
    /// The client's address as far as configured proxies let us know it.
    pub client: IpAddr,
}

/// Makes ids: a keyed mixing of a counter, so that no id comes twice and none costs a system call.
#[derive(Debug)]
pub struct RequestIds {
    keys: [u64; 2],
    next: AtomicU64,
}

impl RequestIds {
    /// A source keyed by random bytes, so that two processes do not make the same ids.
    #[must_use]
    pub fn seeded(seed: [u8; 16]) -> Self {
        let seed = u128::from_le_bytes(seed);
        #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
        let keys = [seed as u64, (seed >> 64) as u64];
        Self { keys, next: AtomicU64::new(0) }
    }

    /// A fresh id.
    #[must_use]
    pub fn next(&self) -> RequestId {
        let n = self.next.fetch_add(1, Relaxed);
        let high = mix(n ^ self.keys[0]);
        let low = mix(n.wrapping_add(self.keys[1]));
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&high.to_be_bytes());
        bytes[8..].copy_from_slice(&low.to_be_bytes());
        bytes[6] = 0x40 | (bytes[6] & 0x0f);
        bytes[8] = 0x80 | (bytes[8] & 0x3f);
        RequestId(bytes)
    }
}

/// The finaliser of SplitMix64: a bijection that spreads every bit.
const fn mix(n: u64) -> u64 {
    let n = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

impl RequestId {
    /// The hyphenated form.
    #[must_use]
    pub fn text(&self) -> [u8; 36] {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut out = [b'-'; 36];
        let mut at = 0;
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                at += 1;
            }
            out[at] = HEX[usize::from(byte >> 4)];
            out[at + 1] = HEX[usize::from(byte & 15)];
            at += 2;
        }
        out
    }

    /// The hyphenated form, to be kept.
    #[must_use]
    pub fn to_text(&self) -> String {
        std::str::from_utf8(&self.text()).unwrap_or_default().to_owned()
    }

    /// As a header value.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        // Hexadecimal digits and hyphens are always a header value.
        HeaderValue::from_bytes(&self.text()).unwrap_or(HeaderValue::from_static(""))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

thread_local! {
    static CURRENT: Cell<Option<RequestId>> = const { Cell::new(None) };
}

/// Runs `work` as part of a request. Cheaper than a tracing span, which would be built for every
/// request whether or not it logs anything.
pub(crate) fn during<T>(id: RequestId, work: impl FnOnce() -> T) -> T {
    struct Reset(Option<RequestId>);
    impl Drop for Reset {
        fn drop(&mut self) {
            CURRENT.set(self.0);
        }
    }
    let _reset = Reset(CURRENT.replace(Some(id)));
    work()
}

/// The request this thread is working on.
#[must_use]
pub fn current() -> Option<RequestId> {
    CURRENT.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_different_version_4_uuids() {
        let ids = RequestIds::seeded([7; 16]);
        let many: std::collections::HashSet<String> =
            (0..10_000).map(|_| ids.next().to_string()).collect();
        assert_eq!(many.len(), 10_000);
        for id in &many {
            assert_eq!((id.len(), &id[14..15]), (36, "4"), "{id}");
            assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"), "{id}");
        }
    }

    #[test]
    fn a_request_is_current_only_while_it_is_worked_on() {
        let id = RequestIds::seeded([1; 16]).next();
        assert_eq!(during(id, current), Some(id));
        assert_eq!(current(), None);
        let panicked = std::panic::catch_unwind(|| during(id, || panic!("inside")));
        assert!(panicked.is_err());
        assert_eq!(current(), None, "a panic does not leave its request behind");
    }
}
