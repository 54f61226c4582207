//! A database that counts what is read and fails when told to, over the real one.

use std::cell::RefCell;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use keyhaven_store::Error;
use keyhaven_store::engine::{Answer, Commit, Engine, Measure, Row, Statement, Step, Value};

/// The real engine behind a switch.
pub(crate) struct Watched {
    real: Arc<dyn Engine>,
    reads_fail: AtomicBool,
    commits_fail: AtomicBool,
    undone: AtomicU64,
    reads: Mutex<Vec<&'static str>>,
    commits: AtomicU64,
}

/// What one task did with the database.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Deeds {
    /// The names of the statements it read.
    pub(crate) reads: Vec<&'static str>,
    /// How many commits it made.
    pub(crate) commits: u64,
}

tokio::task_local! {
    static DEEDS: RefCell<Deeds>;
}

/// What comes of `deed`, and what it did with the database itself: jobs and other tasks beside it do not
/// count.
pub(crate) async fn watching<T>(deed: impl Future<Output = T>) -> (T, Deeds) {
    DEEDS
        .scope(RefCell::default(), async {
            let done = deed.await;
            (done, DEEDS.with(RefCell::take))
        })
        .await
}

/// Notes a deed of the task that is watched, if this is one.
fn note(deed: impl FnOnce(&mut Deeds)) {
    let _ = DEEDS.try_with(|deeds| deed(&mut deeds.borrow_mut()));
}

impl Watched {
    pub(super) fn new(real: Arc<dyn Engine>) -> Self {
        Self {
            real,
            reads_fail: false.into(),
            commits_fail: false.into(),
            undone: AtomicU64::new(0),
            reads: Mutex::default(),
            commits: AtomicU64::new(0),
        }
    }

    /// From now on every call fails, as when the database cannot be reached.
    pub(crate) fn fail(&self) {
        self.reads_fail.store(true, Ordering::SeqCst);
        self.fail_commits();
    }

    /// From now on nothing can be written, as on a full disk.
    pub(crate) fn fail_commits(&self) {
        self.commits_fail.store(true, Ordering::SeqCst);
    }

    /// The next commits, this many, are undone by the database, as after a deadlock.
    pub(crate) fn undo_commits(&self, count: u64) {
        self.undone.store(count, Ordering::SeqCst);
    }

    /// From now on calls reach the database again.
    pub(crate) fn repair(&self) {
        self.reads_fail.store(false, Ordering::SeqCst);
        self.commits_fail.store(false, Ordering::SeqCst);
    }

    /// The names of the statements read since the last call.
    pub(crate) fn reads(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.reads.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many commits there were so far.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::SeqCst)
    }
}

fn refuse(switch: &AtomicBool) -> Result<(), Error> {
    if switch.load(Ordering::SeqCst) {
        return Err(Error::busy("the test took the database away"));
    }
    Ok(())
}

impl Engine for Watched {
    fn read<'a>(
        &'a self,
        statement: &'static Statement,
        values: Vec<Value>,
    ) -> Answer<'a, Vec<Row>> {
        Box::pin(async move {
            refuse(&self.reads_fail)?;
            self.reads.lock().unwrap_or_else(PoisonError::into_inner).push(statement.name);
            note(|deeds| deeds.reads.push(statement.name));
            self.real.read(statement, values).await
        })
    }

    fn commit(&self, steps: Vec<Step>) -> Answer<'_, Commit> {
        Box::pin(async move {
            refuse(&self.commits_fail)?;
            self.commits.fetch_add(1, Ordering::SeqCst);
            note(|deeds| deeds.commits += 1);
            let less = |left: u64| left.checked_sub(1);
            if self.undone.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok() {
                return Err(Error::busy("deadlock detected (40P01)"));
            }
            self.real.commit(steps).await
        })
    }

    fn prepare(&self, statement: &'static Statement) -> Answer<'_, ()> {
        self.real.prepare(statement)
    }

    fn measure(&self) -> Answer<'_, Measure> {
        self.real.measure()
    }

    fn changed_elsewhere(&self) -> bool {
        self.real.changed_elsewhere()
    }

    fn name(&self) -> &'static str {
        self.real.name()
    }

    fn close(&self) -> Answer<'_, ()> {
        self.real.close()
    }
}
