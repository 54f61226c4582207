//! What can go wrong between a request of ours and somebody else's answer.
//!
//! The one distinction that decides over a rotating refresh token: whether a byte of the request may
//! have reached the other side. Nothing here quotes the other side's words.

use std::fmt;

/// A request that got no usable reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What happened.
    pub kind: FailureKind,
    /// Whether the other side may have acted on the request.
    pub sent: Sent,
}

/// Whether the other side may have seen the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Not one byte of it: trying again is harmless.
    Nothing,
    /// Perhaps all of it: a one-time secret in it may be spent.
    MaybeAll,
}

/// What happened. `Debug` and `Display` are for the operator's log; outward the answer is the same
/// for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// Our own rules forbid the URL or where it leads; the text names the rule.
    Refused(&'static str),
    /// The request itself cannot be put on the wire.
    Malformed,
    /// The name has no address.
    Unresolved,
    /// No vetted address took the connection.
    Unconnected,
    /// No TLS session: a bad certificate, or no common version.
    NoTls,
    /// The time for the whole exchange ran out.
    TimedOut,
    /// The connection ended, or what came is not HTTP.
    BrokenOff,
    /// The body is larger than allowed, before or after decompression.
    TooLarge,
    /// The body is compressed in a way we do not read, or its compression is broken.
    BadEncoding,
    /// The reply says it is of a type that was not asked for.
    WrongType,
    /// A reply that had to be 200 had this status.
    Status(u16),
}

impl Failure {
    /// A failure before anything was sent.
    #[must_use]
    pub const fn before(kind: FailureKind) -> Self {
        Self { kind, sent: Sent::Nothing }
    }

    /// A failure after something may have been sent.
    #[must_use]
    pub const fn after(kind: FailureKind) -> Self {
        Self { kind, sent: Sent::MaybeAll }
    }

    /// A fixed word, for metrics and stored reasons.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self.kind {
            FailureKind::Refused(_) => "refused",
            FailureKind::Malformed => "malformed",
            FailureKind::Unresolved => "dns",
            FailureKind::Unconnected => "connect",
            FailureKind::NoTls => "tls",
            FailureKind::TimedOut => "timeout",
            FailureKind::BrokenOff => "broken_off",
            FailureKind::TooLarge => "too_large",
            FailureKind::BadEncoding => "bad_encoding",
            FailureKind::WrongType => "wrong_type",
            FailureKind::Status(_) => "status",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            FailureKind::Refused(rule) => write!(f, "not allowed: {rule}"),
            FailureKind::Status(status) => write!(f, "answered {status}"),
            FailureKind::Malformed
            | FailureKind::Unresolved
            | FailureKind::Unconnected
            | FailureKind::NoTls
            | FailureKind::TimedOut
            | FailureKind::BrokenOff
            | FailureKind::TooLarge
            | FailureKind::BadEncoding
            | FailureKind::WrongType => f.write_str(self.word()),
        }
    }
}

impl std::error::Error for Failure {}
