//! How a change ended that what is already there may refuse. A value, never an error: only the
//! edges decide what a caller is told.

/// The end of a guarded change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Durable.
    Done,
    /// What should change, or the tenant it belongs to, is not there for this caller.
    Absent,
    /// Another object already has this value of a member that must be unique.
    Taken(&'static str),
    /// The object a member points at is not there; for lists, which one.
    Unknown(&'static str, usize),
    /// There are already as many as there may be; the rule says of what.
    Full(&'static str),
    /// Somebody else changed it since it was read: read again, decide again.
    Moved,
    /// The caller's idempotency key has been answered meanwhile; that answer counts.
    Answered,
}
