//! The bounded queue between every task that commits and the one thread that writes.

use std::sync::{Condvar, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::group::Outcome;
use crate::Error;
use crate::engine::Step;

/// A commit that waits, and whom to tell.
pub(super) struct Job {
    pub(super) steps: Vec<Step>,
    pub(super) answer: oneshot::Sender<Answered>,
}

/// What a commit came to, and its steps back: freeing them is cheap for the callers' threads, which
/// soon allocate as much again. The writer's never does.
pub(super) struct Answered {
    pub(super) outcome: Outcome,
    pub(super) steps: Vec<Step>,
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
    /// Somebody gathers what is about to line up, and will call the writer.
    gathering: bool,
    /// The writer may begin: what was about to line up has.
    called: bool,
}

impl Queue {
    pub(super) fn new(bound: usize) -> Self {
        Self { state: Mutex::default(), arrived: Condvar::new(), bound }
    }

    /// Lines a commit up. `true` for the first of a group: whoever brought it sees to it that the
    /// writer is called. Busy or not, the writer waits for that call, or a fast disk would get small groups
    /// while many more were about to commit.
    pub(super) fn push(&self, job: Job) -> Result<bool, Error> {
        let mut state = self.lock();
        if state.closed {
            return Err(Error::busy("shutting down"));
        }
        if state.jobs.len() + state.taken >= self.bound {
            return Err(Error::busy("too many commits wait"));
        }
        state.jobs.push(job);
        Ok(!std::mem::replace(&mut state.gathering, true))
    }

    /// After a push that asked for it.
    pub(super) fn call_writer(&self) {
        let mut state = self.lock();
        state.called = !state.jobs.is_empty();
        drop(state);
        self.arrived.notify_one();
    }

    /// Waits for the call and moves up to `most` jobs into `group`. `false` once the queue is closed
    /// and empty.
    pub(super) fn take(&self, group: &mut Vec<Job>, most: usize) -> bool {
        let mut state = self.lock();
        while state.jobs.is_empty() || !(state.called || state.closed) {
            if state.closed {
                return false;
            }
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.jobs.len() <= most {
            std::mem::swap(group, &mut state.jobs);
            (state.gathering, state.called) = (false, false);
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
        let mut state = self.lock();
        (state.gathering, state.called) = (false, false);
        std::mem::take(&mut state.jobs)
    }

    /// Refuses new jobs; those already in line are still written.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> Job {
        Job { steps: Vec::new(), answer: oneshot::channel().0 }
    }

    #[test]
    fn a_group_is_all_that_lined_up_until_the_call() {
        let queue = Queue::new(10);
        assert!(queue.push(job()).unwrap(), "the first sees to the call");
        assert!(!queue.push(job()).unwrap(), "the others need not");
        queue.call_writer();
        let mut group = Vec::new();
        assert!(queue.take(&mut group, 10));
        assert_eq!(group.len(), 2);
        assert!(queue.push(job()).unwrap(), "the next group has a first again");
    }

    #[test]
    fn what_does_not_fit_one_group_needs_no_other_call() {
        let queue = Queue::new(10);
        for _ in 0..5 {
            queue.push(job()).unwrap();
        }
        queue.call_writer();
        let mut sizes = Vec::new();
        for _ in 0..3 {
            let mut group = Vec::new();
            assert!(queue.take(&mut group, 2));
            sizes.push(group.len());
        }
        assert_eq!(sizes, [2, 2, 1]);
    }

    #[test]
    fn a_call_that_finds_nothing_is_forgotten() {
        let queue = Queue::new(10);
        queue.push(job()).unwrap();
        assert_eq!(queue.take_rest().len(), 1);
        queue.call_writer();
        assert!(queue.push(job()).unwrap(), "nobody gathers any more");
        queue.close();
        let mut group = Vec::new();
        assert!(queue.take(&mut group, 10), "what lined up is still written");
        assert!(!queue.take(&mut group, 10));
    }
}
