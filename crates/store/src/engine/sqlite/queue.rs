//! The bounded queue between every task that commits and the one thread that writes.

use std::sync::{Condvar, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::Error;
use crate::engine::{Commit, Step};

/// A commit that waits, and whom to tell.
pub(super) struct Job {
    pub(super) steps: Vec<Step>,
    pub(super) answer: oneshot::Sender<Result<Commit, Error>>,
}

/// Jobs in order of arrival. A full or closed queue refuses at once; it never makes a caller wait.
pub(super) struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
    bound: usize,
}

#[derive(Default)]
struct State {
    jobs: Vec<Job>,
    /// Jobs of the group being written; they count against the bound too.
    taken: usize,
    closed: bool,
    writer_sleeps: bool,
}

impl Queue {
    pub(super) fn new(bound: usize) -> Self {
        Self { state: Mutex::default(), arrived: Condvar::new(), bound }
    }

    /// Lines a commit up. `true` when the writer sleeps and must be woken.
    pub(super) fn push(&self, job: Job) -> Result<bool, Error> {
        let mut state = self.lock();
        if state.closed {
            return Err(Error::busy("shutting down"));
        }
        if state.jobs.len() + state.taken >= self.bound {
            return Err(Error::busy("too many commits wait"));
        }
        state.jobs.push(job);
        Ok(std::mem::take(&mut state.writer_sleeps))
    }

    /// After a push that asked for it.
    pub(super) fn wake_writer(&self) {
        self.arrived.notify_one();
    }

    /// Waits for jobs and moves up to `most` of them into `group`. `false` once the queue is
    /// closed and empty.
    pub(super) fn take(&self, group: &mut Vec<Job>, most: usize) -> bool {
        let mut state = self.lock();
        while state.jobs.is_empty() {
            if state.closed {
                return false;
            }
            state.writer_sleeps = true;
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.jobs.len() <= most {
            std::mem::swap(group, &mut state.jobs);
        } else {
            group.extend(state.jobs.drain(..most));
        }
        state.taken = group.len();
        true
    }

    /// The group taken last is about to be answered; its callers may come back at once.
    pub(super) fn answering(&self) {
        self.lock().taken = 0;
    }

    /// Takes everything that waits, for a writer that cannot write.
    pub(super) fn take_rest(&self) -> Vec<Job> {
        std::mem::take(&mut self.lock().jobs)
    }

    /// Refuses new jobs; those already in line are still written.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.writer_sleeps = false;
        drop(state);
        self.arrived.notify_one();
    }

    /// How many commits have no answer yet.
    pub(super) fn len(&self) -> usize {
        let state = self.lock();
        state.jobs.len() + state.taken
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
