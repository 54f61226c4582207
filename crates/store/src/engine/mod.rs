//! The seam between what the store means and the database that keeps it: two verbs.
//!
//! `read` runs one statement; `commit` runs guarded steps as one transaction, all or nothing, and
//! answers only after it is durable. Which step lost a race comes back as a value. An engine knows
//! nothing of OAuth; a room knows nothing of drivers.

use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;

use crate::Error;
use keyhaven_protocol::id::Id;
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::time::Timestamp;

mod blob;
mod migrate;
mod open;
mod postgres;
mod row;
mod sqlite;

pub use blob::Blob;
pub use open::{Location, Options, open};
pub use row::Row;

/// A boxed future, so that an engine is one object the rooms share.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// A database that keeps both promises. Implemented by SQLite and PostgreSQL.
pub trait Engine: Send + Sync + 'static {
    /// Runs one reading statement. Sees every commit acknowledged before the call on this node.
    fn read<'a>(
        &'a self,
        statement: &'static Statement,
        values: Vec<Value>,
    ) -> Answer<'a, Vec<Row>>;

    /// Runs `steps` in order as one transaction. Durable before it answers.
    fn commit(&self, steps: Vec<Step>) -> Answer<'_, Commit>;

    /// Prepares a statement without running it, so that a test can show that every text is
    /// understood by every engine.
    fn prepare(&self, statement: &'static Statement) -> Answer<'_, ()>;

    /// What the database occupies and what waits.
    fn measure(&self) -> Answer<'_, Measure>;

    /// Whether another process could have written since the last call. `true` when unknown, which
    /// on PostgreSQL is always.
    fn changed_elsewhere(&self) -> bool;

    /// `sqlite` or `postgres`.
    fn name(&self) -> &'static str;

    /// Waits for writes already accepted, then refuses new ones.
    fn close(&self) -> Answer<'_, ()>;
}

/// Stands in a statement for the database's own clock in whole seconds: the one clock all nodes
/// share. Leases are measured by it; everything else takes `now` as a parameter.
pub(crate) const DATABASE_NOW: &str = "{database_now}";

/// A named SQL text, `$1` markers, the same on every engine.
pub struct Statement {
    /// `room.what_happens`, unique; used in errors, metrics and prepared-statement caches.
    pub name: &'static str,
    /// The text in the common subset of both engines.
    pub sql: &'static str,
    /// Whether many single-row runs of it may become one multi-row run (plain
    /// `INSERT INTO t (…) VALUES ($1, …, $n)` with nothing behind it).
    pub batches: bool,
    /// The text as the engine at hand wants it, made once.
    pub(crate) translated: OnceLock<String>,
}

impl Statement {
    /// A statement whose guard or shape allows no batching.
    #[must_use]
    pub const fn new(name: &'static str, sql: &'static str) -> Self {
        Self { name, sql, batches: false, translated: OnceLock::new() }
    }

    /// A plain one-row append that engines may gather into one multi-row insert.
    #[must_use]
    pub const fn append(name: &'static str, sql: &'static str) -> Self {
        Self { name, sql, batches: true, translated: OnceLock::new() }
    }
}

/// One parameter or column value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// BIGINT: numbers and instants.
    Int(i64),
    /// TEXT.
    Text(String),
    /// BYTEA.
    Bytes(Blob),
}

// Statements take up to a dozen, moved a few times each.
const _: () = assert!(size_of::<Value>() == 40);

/// How many rows a step must change or return for the commit to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Exactly this many; anything else rolls the whole commit back.
    Exactly(u64),
    /// Any number, none included.
    Any,
}

/// One guarded statement of a commit.
pub struct Step {
    /// What to run.
    pub statement: &'static Statement,
    /// Its parameters, in marker order.
    pub values: Vec<Value>,
    /// The guard.
    pub rows: Rows,
}

impl Step {
    /// A step that must change exactly one row.
    #[must_use]
    pub const fn one(statement: &'static Statement, values: Vec<Value>) -> Self {
        Self { statement, values, rows: Rows::Exactly(1) }
    }

    /// A step that may change any number of rows.
    #[must_use]
    pub const fn any(statement: &'static Statement, values: Vec<Value>) -> Self {
        Self { statement, values, rows: Rows::Any }
    }
}

/// How a commit ended.
#[derive(Debug)]
pub enum Commit {
    /// Durable. For each step its `RETURNING` rows and how many rows it changed.
    Done(Vec<Stepped>),
    /// The step with this index missed its guard; nothing happened.
    Lost(usize),
}

/// What one step did.
#[derive(Debug, Default)]
pub struct Stepped {
    /// Rows of its `RETURNING` clause, if it has one.
    pub returned: Vec<Row>,
    /// Rows changed (or returned).
    pub changed: u64,
}

/// The database's size and backlog, for metrics.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measure {
    /// Bytes on disk, write-ahead log included where known.
    pub bytes: u64,
    /// Bytes of the write-ahead log.
    pub log_bytes: u64,
    /// Commits waiting for the writer.
    pub waiting: u64,
}

macro_rules! values_from {
    ($($from:ty => |$it:ident| $make:expr;)*) => {$(
        impl From<$from> for Value {
            fn from($it: $from) -> Self {
                $make
            }
        }
    )*};
}

values_from! {
    i64 => |n| Self::Int(n);
    Timestamp => |t| Self::Int(t.0);
    String => |s| Self::Text(s);
    &str => |s| Self::Text(s.to_owned());
    Vec<u8> => |b| Self::Bytes(Blob::Long(b));
    &[u8] => |b| Self::Bytes(Blob::from(b));
    Id => |id| Self::Bytes(Blob::Id(id.0));
    Digest => |d| Self::Bytes(Blob::Digest(d.0));
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// PostgreSQL cannot keep U+0000 in TEXT, so neither engine does; refusing it here keeps a bad
/// value from failing the commits it is grouped with.
fn refuse_nul(statement: &'static Statement, values: &[Value]) -> Result<(), Error> {
    let holds = |value: &Value| matches!(value, Value::Text(text) if text.contains('\0'));
    match values.iter().position(holds) {
        Some(at) => Err(Error::broken(format!("{}: ${} holds U+0000", statement.name, at + 1))),
        None => Ok(()),
    }
}

/// Builds a parameter list: `values![client.0, name, now]`.
#[macro_export]
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::engine::Value::from($value)),*] };
}
