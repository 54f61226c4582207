//! The one thread that writes: takes every waiting commit, writes them as one group, answers after
//! the group is durable. A failing disk, a lock held elsewhere or a panic ends a group, never the
//! thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use rusqlite::Connection;
use tokio::sync::watch;

use super::checkpoint::{self, Log};
use super::connection::open_writer;
use super::group::{self, Outcome, Spoiled};
use super::handover::Teller;
use super::queue::{Job, Queue};

/// The writing half of the engine, shared by its thread and its callers.
pub(super) struct Writer {
    file: PathBuf,
    most_bytes: Option<u64>,
    pub(super) queue: Queue,
    pub(super) log: Log,
    teller: Teller,
    slot: Mutex<Slot>,
    /// Another process has written, and nobody was told yet.
    elsewhere: AtomicBool,
    /// False only while the writer holds the database's write lock and has looked for other
    /// processes' writes.
    unsure: AtomicBool,
    finished: watch::Sender<bool>,
}

/// The write connection and the last `data_version` it saw, which only other connections change.
struct Slot {
    connection: Option<Connection>,
    version: i64,
}

impl Writer {
    /// A writer over an open, migrated connection.
    pub(super) fn new(
        file: PathBuf,
        most_bytes: Option<u64>,
        mut connection: Connection,
        waiting: usize,
        log: Log,
    ) -> rusqlite::Result<Self> {
        log.follow(&mut connection)?;
        let version = data_version(&connection)?;
        Ok(Self {
            file,
            most_bytes,
            queue: Queue::new(waiting),
            log,
            teller: Teller::new(),
            slot: Mutex::new(Slot { connection: Some(connection), version }),
            elsewhere: AtomicBool::new(false),
            unsure: AtomicBool::new(true),
            finished: watch::Sender::new(false),
        })
    }

    /// The thread's work: groups until the queue is closed and empty, then one last checkpoint.
    pub(super) fn write_until_closed(&self) {
        let mut jobs = Vec::new();
        while self.queue.take(&mut jobs, LARGEST_GROUP) {
            let group = std::mem::take(&mut jobs);
            // A dropped job tells its caller that the outcome is unknown.
            if catch_unwind(AssertUnwindSafe(|| self.write_group(group))).is_err() {
                self.queue.answering();
                tracing::error!("the writer panicked; its connection is opened again");
                self.lock().connection = None;
            }
        }
        self.log.stop();
        if let Some(connection) = self.lock().connection.take() {
            checkpoint::truncate(&connection);
        }
        self.finished.send_replace(true);
    }

    /// Closes the queue and waits until the last commit in it is written.
    pub(super) async fn close(&self) {
        self.queue.close();
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.finished.subscribe().wait_for(|finished| *finished).await;
    }

    /// Whether another process could have written since the last call.
    pub(super) fn changed_elsewhere(&self) -> bool {
        let sure = match self.slot.try_lock() {
            Ok(mut slot) => self.look(&mut slot),
            Err(TryLockError::Poisoned(_)) => false,
            Err(TryLockError::WouldBlock) => !self.unsure.load(Ordering::Acquire),
        };
        self.elsewhere.swap(false, Ordering::AcqRel) || !sure
    }

    fn look(&self, slot: &mut Slot) -> bool {
        let seen = slot.connection.as_ref().map(data_version);
        let Some(Ok(version)) = seen else { return false };
        if version != slot.version {
            slot.version = version;
            self.elsewhere.store(true, Ordering::Release);
        }
        true
    }

    fn write_group(&self, jobs: Vec<Job>) {
        let mut slot = self.lock();
        let outcomes = self.try_write(&mut slot, &jobs);
        drop(slot);
        self.queue.answering();
        match outcomes {
            Ok(outcomes) => self.teller.tell(jobs, outcomes),
            Err(spoiled) => self.fail(jobs, &spoiled),
        }
        let slot = self.lock();
        if let Some(connection) = &slot.connection {
            self.log.after_group(connection);
        }
    }

    fn try_write(&self, slot: &mut Slot, jobs: &[Job]) -> Result<Vec<Outcome>, Spoiled> {
        let connection = match slot.connection.take() {
            Some(connection) => connection,
            None => self.reopen()?,
        };
        let version = &mut slot.version;
        let look = |connection: &Connection| {
            let seen = data_version(connection)?;
            if std::mem::replace(version, seen) != seen {
                self.elsewhere.store(true, Ordering::Release);
            }
            self.unsure.store(false, Ordering::Release);
            Ok(())
        };
        let written = group::write(&connection, jobs, look);
        self.unsure.store(true, Ordering::Release);
        if !matches!(&written, Err(spoiled) if spoiled.reopen && !spoiled.busy) {
            slot.connection = Some(connection);
        }
        written
    }

    fn reopen(&self) -> Result<Connection, Spoiled> {
        self.elsewhere.store(true, Ordering::Release);
        let opened = open_writer(&self.file, self.most_bytes)
            .and_then(|mut connection| self.log.follow(&mut connection).map(|()| connection));
        opened.map_err(|error| Spoiled::new("opening the database again", &error))
    }

    fn fail(&self, mut jobs: Vec<Job>, spoiled: &Spoiled) {
        tracing::warn!(error = %spoiled.error(), commits = jobs.len(), "a group of commits failed");
        // Who waits behind a lock held elsewhere would wait just as long again.
        if spoiled.busy {
            jobs.append(&mut self.queue.take_rest());
        }
        let outcomes = jobs.iter().map(|_| Err(spoiled.error())).collect();
        self.teller.tell(jobs, outcomes);
    }

    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// More commits than this in one transaction gain nothing and make the first one wait.
const LARGEST_GROUP: usize = 1024;

fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}
