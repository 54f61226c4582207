//! What an error of the driver or the server means for the caller and for the connection. Only
//! the server's message is passed on: its detail quotes values.

use std::error::Error as _;

use tokio_postgres::error::Severity;

use crate::Error;

/// A failed request.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    /// The connection is of no more use; what it was asked last may or may not have happened.
    pub(super) lost: bool,
}

impl Failure {
    /// From an error of the statement or command `at`.
    pub(super) fn new(at: &str, error: &tokio_postgres::Error) -> Self {
        let Some(told) = error.as_db_error() else {
            let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
            return Self::lost(format!("{at}: {error}{source}"));
        };
        let code = told.code().code();
        let fatal = matches!(told.parsed_severity(), Some(Severity::Fatal | Severity::Panic));
        let message = format!("{at}: {} ({code})", told.message());
        let passes = PASSES.iter().any(|prefix| code.starts_with(prefix)) && code != DISK_FULL;
        let stale = STALE.contains(&code);
        Self {
            error: if passes || stale { Error::busy(message) } else { Error::broken(message) },
            lost: fatal || stale,
        }
    }

    /// A connection that answers no more.
    pub(super) fn lost(message: impl Into<String>) -> Self {
        Self { error: Error::busy(message.into()), lost: true }
    }

    /// A request that can never succeed.
    pub(super) fn broken(message: impl Into<String>) -> Self {
        Self { error: Error::broken(message.into()), lost: false }
    }
}

/// Error classes that pass: connection, serialization and deadlock, resources, lock not available,
/// operator intervention and time-outs.
const PASSES: [&str; 7] = ["08", "40", "53", "55P03", "57", "25P03", "25P04"];

/// A full disk does not pass by itself.
const DISK_FULL: &str = "53100";

/// The connection itself is stale: it leads to a standby since a failover (25006), or what was
/// prepared on it is gone (26000) or describes an older schema (0A000).
const STALE: [&str; 3] = ["25006", "26000", "0A000"];
