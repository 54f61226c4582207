//! Where a database is, and opening it: the one place that knows both engines.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::postgres::Postgres;
use super::sqlite::Sqlite;
use super::{Answer, Engine};
use crate::Error;

/// Where the database is. Never prints a connection string: it holds a password.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// A data directory with `keyhaven.db` inside; made when missing.
    Sqlite(PathBuf),
    /// A `postgres://` URL.
    Postgres(String),
}

impl Location {
    /// Reads `postgres://…`, `postgresql://…` or `sqlite:DIR`.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Some(Self::Postgres(url.to_owned()));
        }
        let directory = url.strip_prefix("sqlite:").filter(|directory| !directory.is_empty())?;
        Some(Self::Sqlite(PathBuf::from(directory)))
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(directory) => write!(f, "sqlite:{}", directory.display()),
            Self::Postgres(_) => f.write_str("postgres://(redacted)"),
        }
    }
}

/// Bounds of an engine. The defaults suit a server.
#[derive(Clone, Debug)]
pub struct Options {
    /// Commits that may wait; one more is answered `Busy` at once.
    pub waiting: usize,
    /// After this long without an answer from the database, the answer is `Busy`.
    pub deadline: Duration,
    /// PostgreSQL: connections that share all reads.
    pub read_connections: usize,
    /// PostgreSQL: connections for transactions, each used by one commit at a time.
    pub write_connections: usize,
    /// SQLite: write-ahead log size at which checkpointing begins; the log stays within four
    /// times this plus one group of commits, unless another process holds a read open.
    pub log_bytes: u64,
    /// SQLite: size the database file may not pass. A commit that needs more fails as on a full
    /// disk.
    pub most_bytes: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            waiting: 4096,
            deadline: Duration::from_millis(1800),
            read_connections: 4,
            write_connections: 8,
            log_bytes: 16 << 20,
            most_bytes: None,
        }
    }
}

/// Opens the database, brings its schema up to date and starts its engine. Call it on the runtime
/// that will use it.
pub fn open(location: &Location, options: Options) -> Answer<'_, Arc<dyn Engine>> {
    Box::pin(async move {
        let engine: Arc<dyn Engine> = match location {
            Location::Sqlite(directory) => Arc::new(Sqlite::open(directory, &options)?),
            Location::Postgres(url) => Arc::new(Postgres::open(url, options).await?),
        };
        Ok::<_, Error>(engine)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_read_from_its_scheme() {
        assert_eq!(Location::parse("sqlite:data"), Some(Location::Sqlite("data".into())));
        for url in ["postgres://h/d", "postgresql://u:p@h/d"] {
            assert_eq!(Location::parse(url), Some(Location::Postgres(url.into())));
        }
        for other in ["sqlite:", "mysql://h/d", "data", ""] {
            assert_eq!(Location::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_location_never_prints_its_password() {
        let location = Location::Postgres("postgres://u:hunter2@h/d".into());
        assert!(!format!("{location:?}").contains("hunter2"));
    }
}
