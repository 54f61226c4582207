//! Between the runtime's threads and the writer's: one wake-up each way per group of commits, not
//! one per commit. A wake-up across threads is a system call and a change of context; with many
//! callers they cost more than SQLite does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::AbortHandle;

use super::group::Outcome;
use super::writer::Writer;

/// What one caller is told.
pub(super) type Told = (oneshot::Sender<Outcome>, Outcome);

/// Tells the callers of a group.
pub(super) struct Teller(Option<mpsc::UnboundedSender<Vec<Told>>>);

impl Teller {
    /// On a runtime, a task of its own tells them: callers woken from inside the runtime cost no
    /// system call. Elsewhere the writer's thread does.
    pub(super) fn new() -> Self {
        Self(Handle::try_current().ok().map(|runtime| {
            let (answers, mut groups) = mpsc::unbounded_channel::<Vec<Told>>();
            runtime.spawn(async move {
                while let Some(group) = groups.recv().await {
                    group.into_iter().for_each(tell);
                }
            });
            answers
        }))
    }

    pub(super) fn tell(&self, group: Vec<Told>) {
        match &self.0 {
            // A runtime that is gone has no callers left who could wait.
            Some(answers) => drop(answers.send(group)),
            None => group.into_iter().for_each(tell),
        }
    }
}

/// A caller whose waker panics must not take the others' answers along.
fn tell((caller, outcome): Told) {
    let told = catch_unwind(AssertUnwindSafe(|| drop(caller.send(outcome))));
    if told.is_err() {
        tracing::error!("a caller panicked on hearing of its commit");
    }
}

/// Calls the writer once everything that was ready to commit has lined up.
pub(super) struct Gatherer {
    ready: Arc<Notify>,
    task: Option<AbortHandle>,
}

impl Gatherer {
    pub(super) fn new(writer: &Arc<Writer>) -> Self {
        let ready = Arc::new(Notify::new());
        let task = Handle::try_current().ok().map(|runtime| {
            let gathering = gather(Arc::clone(&ready), Arc::downgrade(writer));
            runtime.spawn(gathering).abort_handle()
        });
        Self { ready, task }
    }

    /// The first commit of a group was lined up.
    pub(super) fn lined_up(&self, writer: &Writer) {
        match self.task {
            Some(_) => self.ready.notify_one(),
            None => writer.queue.call_writer(),
        }
    }
}

impl Drop for Gatherer {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn gather(ready: Arc<Notify>, writer: Weak<Writer>) {
    loop {
        ready.notified().await;
        // Behind every task that can run now.
        tokio::task::yield_now().await;
        let Some(writer) = writer.upgrade() else { return };
        writer.queue.call_writer();
    }
}
