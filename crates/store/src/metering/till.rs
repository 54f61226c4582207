//! The task that writes charges. It takes all that wait and writes them as one commit; while that
//! is under way the next batch grows. One that does not fit costs its neighbours one more commit,
//! never their place.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::batch::{Batch, Job};
use super::{Metered, Metering};
use crate::Error;
use crate::engine::Engine;

/// More charges in one commit gain nothing and make the first one wait.
const LARGEST_BATCH: usize = 256;

/// Charges that may wait; one more is answered `Busy` at once.
const WAITING: usize = 4_096;

/// How often a commit that the database undid (a deadlock with another node) is tried again.
const ATTEMPTS: u32 = 4;

/// Where charges wait. The task starts with the first charge and ends with the store.
#[derive(Default)]
pub(crate) struct Till(Mutex<Option<mpsc::Sender<Job>>>);

impl Till {
    pub(super) async fn meter(
        &self,
        engine: &Arc<dyn Engine>,
        metering: Metering,
    ) -> Result<Metered, Error> {
        let (answer, outcome) = oneshot::channel();
        let job = Job { metering, answer };
        self.sender(engine).try_send(job).map_err(|_| Error::busy("too many charges wait"))?;
        outcome
            .await
            .unwrap_or_else(|_| Err(Error::busy("the charges were given up; outcome unknown")))
    }

    /// The way to the task; a task that died is replaced.
    fn sender(&self, engine: &Arc<dyn Engine>) -> mpsc::Sender<Job> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match slot.as_ref().filter(|sender| !sender.is_closed()) {
            Some(sender) => sender.clone(),
            None => {
                let (sender, jobs) = mpsc::channel(WAITING);
                tokio::spawn(serve(Arc::clone(engine), jobs));
                slot.insert(sender).clone()
            }
        }
    }
}

/// Writes batches until the store is gone.
async fn serve(engine: Arc<dyn Engine>, mut jobs: mpsc::Receiver<Job>) {
    let mut waiting = Vec::new();
    while jobs.recv_many(&mut waiting, LARGEST_BATCH).await > 0 {
        // Those woken by the last batch are about to charge again; let them in.
        tokio::task::yield_now().await;
        while waiting.len() < LARGEST_BATCH {
            let Ok(job) = jobs.try_recv() else { break };
            waiting.push(job);
        }
        // Whoever gave up must not be charged later.
        waiting.retain(|job| !job.answer.is_closed());
        write_all(&*engine, std::mem::take(&mut waiting)).await;
    }
}

/// Writes what waits, as few commits as the charges allow.
async fn write_all(engine: &dyn Engine, jobs: Vec<Job>) {
    let mut rest = jobs;
    while !rest.is_empty() {
        let (batch, next) = Batch::of(rest);
        rest = next;
        write(engine, batch).await;
    }
}

async fn write(engine: &dyn Engine, mut batch: Batch) {
    let mut undone = 0;
    // Each round answers at least one charge, or another node was faster.
    let mut rounds = batch.len() + 8;
    while !batch.is_empty() {
        rounds -= 1;
        match batch.write(engine).await {
            Ok(()) => {}
            Err(error) if error.is_undone() && undone < ATTEMPTS => {
                undone += 1;
                tokio::time::sleep(batch.pause(undone)).await;
            }
            Err(error) => return batch.fail(&error),
        }
        if rounds == 0 {
            return batch.fail(&Error::busy("other nodes charge the same budgets; try again"));
        }
    }
}

impl Batch {
    /// How long to wait before the next try: longer each time, and different on each node, because
    /// the ids of their charges are.
    fn pause(&self, tries: u32) -> Duration {
        Duration::from_millis(u64::from(2_u32.pow(tries) + self.chance() % 16))
    }
}
