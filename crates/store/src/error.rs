//! The two ways storage fails. "Not found" is an `Option` and "lost the race" is a value of the
//! operation's result; neither is an error.

use std::fmt;

/// A failure of storage itself. The caller answers 503, never "invalid credential".
#[derive(Debug)]
pub enum Error {
    /// Not now: overloaded, unreachable, shutting down, or a deadline passed. Trying again is safe
    /// only where the whole operation is tried again from its first read.
    Busy(Source),
    /// Something that trying again will not mend: a failed statement, a full disk, a row that does
    /// not read.
    Broken(Source),
}

/// What went wrong underneath, for logs.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

impl Error {
    /// A `Busy` with its cause.
    pub fn busy(source: impl Into<Source>) -> Self {
        Self::Busy(source.into())
    }

    /// A `Broken` with its cause.
    pub fn broken(source: impl Into<Source>) -> Self {
        Self::Broken(source.into())
    }

    /// Whether the database itself undid the commit because another one stood in its way (SQLSTATE
    /// 40001, 40P01), so that nothing happened and the same commit may be tried again.
    #[must_use]
    pub fn is_undone(&self) -> bool {
        let undone = |told: &str| ["(40001)", "(40P01)"].iter().any(|code| told.ends_with(code));
        matches!(self, Self::Busy(source) if undone(&source.to_string()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy(source) => write!(f, "storage is busy: {source}"),
            Self::Broken(source) => write!(f, "storage failed: {source}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Busy(source) | Self::Broken(source) => Some(source.as_ref()),
        }
    }
}
