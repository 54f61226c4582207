//! Between the runtime's threads and the writer's: one wake-up each way per group of commits, not
//! one per commit. A wake-up across threads is a system call and a change of context; with many
//! callers they cost more than SQLite does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc};
use tokio::task::AbortHandle;

use super::group::Outcome;
use super::queue::{Answered, Job};
use super::writer::Writer;

/// A group of commits and what each of them came to.
type Group = (Vec<Job>, Vec<Outcome>);

/// Tells the callers of a group.
pub(super) struct Teller(Option<mpsc::UnboundedSender<Group>>);

impl Teller {
    /// On a runtime, a task of its own tells them: callers woken from inside the runtime cost no
    /// system call. Elsewhere the writer's thread does.
    pub(super) fn new() -> Self {
        Self(Handle::try_current().ok().map(|runtime| {
            let (answers, mut groups) = mpsc::unbounded_channel::<Group>();
            runtime.spawn(async move {
                while let Some(group) = groups.recv().await {
                    tell_all(group);
                }
            });
            answers
        }))
    }

    /// `outcomes` is as long as `jobs`.
    pub(super) fn tell(&self, jobs: Vec<Job>, outcomes: Vec<Outcome>) {
        match &self.0 {
            // A runtime that is gone has no callers left who could wait.
            Some(answers) => drop(answers.send((jobs, outcomes))),
            None => tell_all((jobs, outcomes)),
        }
    }
}

fn tell_all((jobs, outcomes): Group) {
    jobs.into_iter().zip(outcomes).for_each(|(job, outcome)| tell(job, outcome));
}

/// A caller whose waker panics must not take the others' answers along.
fn tell(Job { steps, answer }: Job, outcome: Outcome) {
    let answered = Answered { outcome, steps };
    let told = catch_unwind(AssertUnwindSafe(|| drop(answer.send(answered))));
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

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::engine::{Commit, Statement, Step};

    #[test]
    fn every_caller_hears_its_own_outcome_and_gets_its_steps_back() {
        static STATEMENT: Statement = Statement::new("test.nothing", "SELECT 1");
        let step = || Step::any(&STATEMENT, Vec::new());
        let line_up = |steps: Vec<Step>| {
            let (answer, heard) = oneshot::channel();
            (Job { steps, answer }, heard)
        };
        let (first, mut hears_first) = line_up(vec![step()]);
        let (second, mut hears_second) = line_up(vec![step(), step()]);
        let outcomes = vec![Ok(Commit::Lost(7)), Err(crate::Error::busy("locked"))];
        Teller::new().tell(vec![first, second], outcomes);
        let (first, second) = (hears_first.try_recv().unwrap(), hears_second.try_recv().unwrap());
        assert!(matches!(first.outcome, Ok(Commit::Lost(7))));
        assert!(matches!(second.outcome, Err(crate::Error::Busy(_))));
        assert_eq!((first.steps.len(), second.steps.len()), (1, 2));
    }
}
