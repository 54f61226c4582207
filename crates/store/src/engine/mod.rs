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

pub mod postgres;
pub mod sqlite;

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

    /// What the database occupies and what waits.
    fn measure(&self) -> Answer<'_, Measure>;

    /// Whether another process could have written since the last call. `true` when unknown.
    fn changed_elsewhere(&self) -> bool;

    /// `sqlite` or `postgres`.
    fn name(&self) -> &'static str;

    /// Waits for writes already accepted, then refuses new ones.
    fn close(&self) -> Answer<'_, ()>;
}

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
    Bytes(Vec<u8>),
}

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

/// One row of an answer. Columns are taken by position, each once.
#[derive(Clone, Debug)]
pub struct Row {
    statement: &'static str,
    values: Vec<Value>,
}

impl Row {
    /// For engines: a row of `statement`.
    #[must_use]
    pub const fn new(statement: &'static str, values: Vec<Value>) -> Self {
        Self { statement, values }
    }

    /// A BIGINT column that is never null.
    pub fn int(&self, at: usize) -> Result<i64, Error> {
        self.maybe_int(at)?.ok_or_else(|| self.mismatch(at, "BIGINT"))
    }

    /// A BIGINT column that may be null.
    pub fn maybe_int(&self, at: usize) -> Result<Option<i64>, Error> {
        match self.values.get(at) {
            Some(Value::Int(number)) => Ok(Some(*number)),
            Some(Value::Null) => Ok(None),
            _ => Err(self.mismatch(at, "BIGINT")),
        }
    }

    /// An instant that is never null.
    pub fn time(&self, at: usize) -> Result<Timestamp, Error> {
        self.int(at).map(Timestamp)
    }

    /// An instant that may be null.
    pub fn maybe_time(&self, at: usize) -> Result<Option<Timestamp>, Error> {
        Ok(self.maybe_int(at)?.map(Timestamp))
    }

    /// A TEXT column that is never null.
    pub fn text(&mut self, at: usize) -> Result<String, Error> {
        self.maybe_text(at)?.ok_or_else(|| self.mismatch(at, "TEXT"))
    }

    /// A TEXT column that may be null.
    pub fn maybe_text(&mut self, at: usize) -> Result<Option<String>, Error> {
        match self.values.get_mut(at) {
            Some(Value::Text(text)) => Ok(Some(std::mem::take(text))),
            Some(Value::Null) => Ok(None),
            _ => Err(self.mismatch(at, "TEXT")),
        }
    }

    /// A BYTEA column that is never null.
    pub fn bytes(&mut self, at: usize) -> Result<Vec<u8>, Error> {
        self.maybe_bytes(at)?.ok_or_else(|| self.mismatch(at, "BYTEA"))
    }

    /// A BYTEA column that may be null.
    pub fn maybe_bytes(&mut self, at: usize) -> Result<Option<Vec<u8>>, Error> {
        match self.values.get_mut(at) {
            Some(Value::Bytes(bytes)) => Ok(Some(std::mem::take(bytes))),
            Some(Value::Null) => Ok(None),
            _ => Err(self.mismatch(at, "BYTEA")),
        }
    }

    /// A 16-byte id that is never null.
    pub fn id(&self, at: usize) -> Result<Id, Error> {
        self.maybe_id(at)?.ok_or_else(|| self.mismatch(at, "id"))
    }

    /// A 16-byte id that may be null.
    pub fn maybe_id(&self, at: usize) -> Result<Option<Id>, Error> {
        match self.values.get(at) {
            Some(Value::Bytes(bytes)) => {
                let id = bytes.as_slice().try_into().map_err(|_| self.mismatch(at, "id"))?;
                Ok(Some(Id(id)))
            }
            Some(Value::Null) => Ok(None),
            _ => Err(self.mismatch(at, "id")),
        }
    }

    /// A SHA-256 that is never null.
    pub fn digest(&self, at: usize) -> Result<Digest, Error> {
        self.maybe_digest(at)?.ok_or_else(|| self.mismatch(at, "digest"))
    }

    /// A SHA-256 that may be null.
    pub fn maybe_digest(&self, at: usize) -> Result<Option<Digest>, Error> {
        match self.values.get(at) {
            Some(Value::Bytes(bytes)) => {
                let hash = bytes.as_slice().try_into().map_err(|_| self.mismatch(at, "digest"))?;
                Ok(Some(Digest(hash)))
            }
            Some(Value::Null) => Ok(None),
            _ => Err(self.mismatch(at, "digest")),
        }
    }

    fn mismatch(&self, at: usize, wanted: &'static str) -> Error {
        Error::broken(format!("{}: column {at} is no {wanted}", self.statement))
    }
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
    Vec<u8> => |b| Self::Bytes(b);
    &[u8] => |b| Self::Bytes(b.to_vec());
    Id => |id| Self::Bytes(id.0.to_vec());
    Digest => |d| Self::Bytes(d.0.to_vec());
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Builds a parameter list: `values![client.0, name, now]`.
#[macro_export]
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::engine::Value::from($value)),*] };
}
