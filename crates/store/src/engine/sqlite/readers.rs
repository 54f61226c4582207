//! Reads run where they are asked, on this thread's own read-only connection: no hop, no pool, and
//! as many connections as runtime threads. In WAL mode a read waits for no writer and sees every
//! commit acknowledged before it.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use rusqlite::Connection;

use super::connection::{open_reader, prepare, run};
use crate::Error;
use crate::engine::{Row, Statement, Value};

/// The reading half of one engine.
pub(super) struct Readers {
    /// Its address tells engines of one process apart; when it is gone, so may the connections be.
    file: Arc<PathBuf>,
}

thread_local! {
    static CONNECTIONS: RefCell<Vec<(Weak<PathBuf>, Connection)>> = const { RefCell::new(Vec::new()) };
}

impl Readers {
    pub(super) fn new(file: PathBuf) -> Self {
        Self { file: Arc::new(file) }
    }

    pub(super) fn read(
        &self,
        statement: &'static Statement,
        values: &[Value],
    ) -> Result<Vec<Row>, Error> {
        self.with(|connection| {
            let mut prepared = prepare(connection, statement)?;
            run(connection, &mut prepared, statement, values)
        })
        .map(|stepped| stepped.returned)
        .map_err(|error| told(statement, &error))
    }

    pub(super) fn prepare(&self, statement: &'static Statement) -> Result<(), Error> {
        self.with(|connection| prepare(connection, statement).map(|_| ()))
            .map_err(|error| told(statement, &error))
    }

    fn with<T>(&self, f: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        CONNECTIONS.with_borrow_mut(|connections| {
            let ours = |(owner, _): &(Weak<PathBuf>, Connection)| {
                std::ptr::eq(owner.as_ptr(), Arc::as_ptr(&self.file))
            };
            if let Some(at) = connections.iter().position(ours) {
                return f(&connections[at].1);
            }
            connections.retain(|(owner, _)| owner.strong_count() > 0);
            let connection = open_reader(&self.file)?;
            let answer = f(&connection);
            connections.push((Arc::downgrade(&self.file), connection));
            answer
        })
    }
}

fn told(statement: &'static Statement, error: &rusqlite::Error) -> Error {
    let message = format!("{}: {error}", statement.name);
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
            Error::busy(message)
        }
        _ => Error::broken(message),
    }
}
