//! Keeps the write-ahead log bounded without stopping commits: a thread copies most of it into
//! the database while commits go on; the writer, between two groups, copies the little that came
//! since and starts the log again. Under continuous load the first alone would never end.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

use super::connection::{LOCK_WAIT, PAGE_BYTES, open_writer};

/// The write-ahead log as the writer and the checkpointer see it.
pub(super) struct Log {
    /// Pages in it, told by SQLite at each commit.
    pages: Arc<AtomicU64>,
    limit: u64,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    phase: Phase,
    /// Pages at which the next round begins.
    next: u64,
    /// The thread is inside a checkpoint, which holds SQLite's checkpoint lock.
    inside: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    Copying,
    Copied,
    Stopped,
}

impl Log {
    pub(super) fn new(limit_bytes: u64) -> Self {
        let limit = (limit_bytes / PAGE_BYTES).max(16);
        let state = State { phase: Phase::Idle, next: limit, inside: false };
        Self { pages: Arc::default(), limit, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Has SQLite tell the log's length at each commit of `connection`.
    pub(super) fn follow(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        // A log that once grew past its bound gives the space back when it starts again.
        let bytes = i64::try_from(self.limit * MOST * PAGE_BYTES).unwrap_or(i64::MAX);
        connection.pragma_update(None, "journal_size_limit", bytes)?;
        let pages = Arc::clone(&self.pages);
        connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, in_log| {
            pages.store(u64::try_from(in_log).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))
    }

    /// For the writer, after each group: starts a round, or ends one.
    pub(super) fn after_group(&self, connection: &Connection) {
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < self.limit {
            return;
        }
        let mut state = self.lock();
        if state.phase == Phase::Idle && pages >= state.next {
            state.phase = Phase::Copying;
            self.changed.notify_all();
        }
        while state.phase == Phase::Copying && pages >= self.limit * MOST {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.phase != Phase::Copied {
            return;
        }
        let restarted = restart(connection);
        // A reader of another process can hold the log; then let it grow a little before trying
        // again, or every group would wait for that reader.
        state.next = if restarted { self.limit } else { pages + self.limit / 4 };
        state.phase = Phase::Idle;
    }

    /// The thread's work, until [`Log::stop`].
    pub(super) fn copy_when_asked(&self, file: &Path) {
        let mut connection = None;
        loop {
            let mut state = self.lock();
            while !matches!(state.phase, Phase::Copying | Phase::Stopped) {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.phase == Phase::Stopped {
                return;
            }
            state.inside = true;
            drop(state);
            let copied = copy(&mut connection, file);
            let mut state = self.lock();
            state.inside = false;
            if state.phase == Phase::Copying {
                state.phase = if copied { Phase::Copied } else { Phase::Idle };
                if !copied {
                    state.next = self.pages.load(Ordering::Relaxed) + self.limit / 4;
                }
            }
            self.changed.notify_all();
        }
    }

    /// Ends the thread, and waits until a checkpoint it is inside has ended: the last one of all
    /// would find the lock taken and leave the log as it is.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.phase = Phase::Stopped;
        self.changed.notify_all();
        while state.inside {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Past this many times the limit, commits wait for the copy.
const MOST: u64 = 4;

/// How long a restart waits for readers. Ours take microseconds.
const READER_WAIT: Duration = Duration::from_millis(20);

/// Copies the whole log into the database and empties the file, waiting little for others.
pub(super) fn truncate(connection: &Connection) {
    checkpoint(connection, "PRAGMA wal_checkpoint(TRUNCATE)");
}

fn restart(connection: &Connection) -> bool {
    checkpoint(connection, "PRAGMA wal_checkpoint(RESTART)")
}

fn checkpoint(connection: &Connection, pragma: &'static str) -> bool {
    let run = || {
        connection.busy_timeout(READER_WAIT)?;
        let busy: i64 = connection.prepare_cached(pragma)?.query_row([], |row| row.get(0))?;
        connection.busy_timeout(LOCK_WAIT)?;
        Ok::<_, rusqlite::Error>(busy == 0)
    };
    run().unwrap_or_else(|error| {
        tracing::warn!(%error, "checkpoint failed; it will be tried again");
        let _ = connection.busy_timeout(LOCK_WAIT);
        false
    })
}

fn copy(slot: &mut Option<Connection>, file: &Path) -> bool {
    let mut run = || {
        let connection = match slot.take() {
            Some(connection) => connection,
            None => open_writer(file, None)?,
        };
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        Ok::<_, rusqlite::Error>(connection)
    };
    match run() {
        Ok(connection) => {
            *slot = Some(connection);
            true
        }
        Err(error) => {
            tracing::warn!(%error, "checkpoint failed; it will be tried again");
            false
        }
    }
}
