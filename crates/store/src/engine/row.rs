//! One row of an answer: columns by position, each as the type its room expects. A column of
//! another type is a broken database, reported with the statement's name and never with its value.

use keyhaven_protocol::id::Id;
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::time::Timestamp;

use super::Value;
use crate::Error;

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

    /// A column of whatever type it has, for keys that are passed back as they came.
    pub(crate) fn value(&self, at: usize) -> Result<Value, Error> {
        self.values.get(at).cloned().ok_or_else(|| self.mismatch(at, "column"))
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
            Some(Value::Bytes(bytes)) => Ok(Some(bytes.take())),
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
