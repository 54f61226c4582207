//! One group of commits as one transaction. A commit that loses or fails leaves its neighbours
//! alone; a failure of the file or the disk fails the whole group, and nothing of it stands.

use rusqlite::{CachedStatement, Connection, ErrorCode};

use super::connection::{prepare, run};
use super::queue::Job;
use crate::Error;
use crate::engine::{Commit, Rows, Statement, Step, Stepped};

/// Why nothing of a group was written.
pub(super) struct Spoiled {
    message: String,
    /// The database is locked by another process.
    pub(super) busy: bool,
    /// The connection can no longer be trusted.
    pub(super) reopen: bool,
}

impl Spoiled {
    /// From an error met at the step or command `at`.
    pub(super) fn new(at: &str, error: &rusqlite::Error) -> Self {
        let code = error.sqlite_error_code();
        Self {
            message: format!("{at}: {error}"),
            busy: matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)),
            reopen: code != Some(ErrorCode::DiskFull),
        }
    }

    /// What every caller of the group is told.
    pub(super) fn error(&self) -> Error {
        if self.busy {
            Error::busy(self.message.clone())
        } else {
            Error::broken(self.message.clone())
        }
    }
}

/// Writes all of `jobs` durably; one outcome for each. `look` runs once the write lock is held.
pub(super) fn write(
    connection: &Connection,
    jobs: &[Job],
    look: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> Result<Vec<Outcome>, Spoiled> {
    command(connection, "BEGIN IMMEDIATE")?;
    let written = look(connection)
        .map_err(|error| Stop::spoiled("data_version", &error))
        .and_then(|()| run_all(connection, jobs, Savepoints::WhereNeeded))
        .or_else(|stop| match stop {
            Stop::HalfDone => {
                // Rare: a commit without a savepoint changed something, and then was lost or failed.
                command(connection, "ROLLBACK")?;
                command(connection, "BEGIN IMMEDIATE")?;
                run_all(connection, jobs, Savepoints::Everywhere)
            }
            Stop::Spoiled(_) => Err(stop),
        })
        .and_then(|outcomes| command(connection, "COMMIT").map(|()| outcomes).map_err(Stop::from));
    written.map_err(|stop| {
        let mut spoiled = match stop {
            Stop::Spoiled(spoiled) => spoiled,
            Stop::HalfDone => Spoiled { message: HALF_DONE.to_owned(), busy: false, reopen: true },
        };
        if !connection.is_autocommit() && connection.execute_batch("ROLLBACK").is_err() {
            spoiled.reopen = true;
        }
        spoiled
    })
}

/// What one commit of a group came to.
pub(super) type Outcome = Result<Commit, Error>;

const HALF_DONE: &str = "a commit could not be undone on its own";

/// Which commits run inside a savepoint of their own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Savepoints {
    /// Those that may be lost halfway. The others nearly never leave anything to undo: a first step
    /// that misses its guard changed nothing, and a step that fails is undone by SQLite itself. A
    /// savepoint keeps a copy of every page it changes, which costs more than the commit does.
    WhereNeeded,
    /// All, because in this group a commit without one was lost or failed and left something behind.
    Everywhere,
}

/// Why a group cannot go on.
enum Stop {
    Spoiled(Spoiled),
    HalfDone,
}

impl Stop {
    fn spoiled(at: &str, error: &rusqlite::Error) -> Self {
        Self::Spoiled(Spoiled::new(at, error))
    }
}

impl From<Spoiled> for Stop {
    fn from(spoiled: Spoiled) -> Self {
        Self::Spoiled(spoiled)
    }
}

fn run_all(
    connection: &Connection,
    jobs: &[Job],
    savepoints: Savepoints,
) -> Result<Vec<Outcome>, Stop> {
    let mut open = Open { connection, prepared: Vec::new() };
    let mut outcomes = Vec::with_capacity(jobs.len());
    for job in jobs {
        let apart = savepoints == Savepoints::Everywhere || may_be_lost_halfway(&job.steps);
        outcomes.push(if apart {
            open.run_apart(&job.steps)?
        } else {
            open.run_along(&job.steps)?
        });
    }
    Ok(outcomes)
}

/// Whether a step after the first has a guard that it may miss. Plain appends can only fail.
fn may_be_lost_halfway(steps: &[Step]) -> bool {
    steps.iter().skip(1).any(|step| step.rows != Rows::Any && !step.statement.batches)
}

/// Whether a commit that was lost or failed left changes that somebody must undo.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leaves {
    Nothing,
    Something,
}

impl Leaves {
    const fn of(changed: u64) -> Self {
        if changed == 0 { Self::Nothing } else { Self::Something }
    }
}

/// The statements a group has in hand. Groups repeat few statements many times, so a short list
/// beats the connection's cache, which hashes the text.
struct Open<'c> {
    connection: &'c Connection,
    prepared: Vec<(&'static Statement, CachedStatement<'c>)>,
}

impl Open<'_> {
    /// Runs a commit inside a savepoint.
    fn run_apart(&mut self, steps: &[Step]) -> Result<Outcome, Stop> {
        command(self.connection, "SAVEPOINT apart")?;
        let (outcome, _) = self.run(steps)?;
        if !matches!(outcome, Ok(Commit::Done(_))) {
            command(self.connection, "ROLLBACK TO apart")?;
        }
        command(self.connection, "RELEASE apart")?;
        Ok(outcome)
    }

    /// Runs a commit that only the whole group could undo.
    fn run_along(&mut self, steps: &[Step]) -> Result<Outcome, Stop> {
        match self.run(steps)? {
            (_, Leaves::Something) => Err(Stop::HalfDone),
            (outcome, Leaves::Nothing) => Ok(outcome),
        }
    }

    fn run(&mut self, steps: &[Step]) -> Result<(Outcome, Leaves), Stop> {
        let mut done: Vec<Stepped> = Vec::with_capacity(steps.len());
        for (at, step) in steps.iter().enumerate() {
            let changed = |more: u64| done.iter().map(|step| step.changed).sum::<u64>() + more;
            match self.step(step) {
                Ok(stepped) if step.rows.hold(stepped.changed) => done.push(stepped),
                Ok(stepped) => {
                    return Ok((Ok(Commit::Lost(at)), Leaves::of(changed(stepped.changed))));
                }
                Err(error) if self.spoils(&error) => {
                    return Err(Stop::spoiled(step.statement.name, &error));
                }
                Err(error) => {
                    let failed = Error::broken(format!("{}: {error}", step.statement.name));
                    return Ok((Err(failed), Leaves::of(changed(0))));
                }
            }
        }
        Ok((Ok(Commit::Done(done)), Leaves::Nothing))
    }

    fn step(&mut self, step: &Step) -> rusqlite::Result<Stepped> {
        let known = self.prepared.iter().position(|(s, _)| std::ptr::eq(*s, step.statement));
        let at = match known {
            Some(at) => at,
            None => {
                self.prepared.push((step.statement, prepare(self.connection, step.statement)?));
                self.prepared.len() - 1
            }
        };
        run(self.connection, &mut self.prepared[at].1, step.statement, &step.values)
    }

    /// Whether an error concerns more than the statement that met it.
    fn spoils(&self, error: &rusqlite::Error) -> bool {
        let beyond = matches!(
            error.sqlite_error_code(),
            Some(
                ErrorCode::DiskFull
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::DatabaseCorrupt
                    | ErrorCode::NotADatabase
                    | ErrorCode::ReadOnly
                    | ErrorCode::CannotOpen
                    | ErrorCode::OutOfMemory
                    | ErrorCode::OperationInterrupted
                    | ErrorCode::FileLockingProtocolFailed
            )
        );
        beyond || self.connection.is_autocommit()
    }
}

impl Rows {
    /// Whether a step that changed this many rows keeps its guard.
    pub(in crate::engine) const fn hold(self, changed: u64) -> bool {
        match self {
            Self::Exactly(wanted) => wanted == changed,
            Self::Any => true,
        }
    }
}

fn command(connection: &Connection, text: &'static str) -> Result<(), Spoiled> {
    let ran = connection.prepare_cached(text).and_then(|mut prepared| prepared.raw_execute());
    ran.map(|_| ()).map_err(|error| Spoiled::new(text, &error))
}
