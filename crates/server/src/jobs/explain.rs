//! Writes refusals beside their codes, many at a time. What cannot be written is logged and
//! dropped: an explanation is not worth a queue without an end.

use keyhaven_store::refusals::Explanation;
use tokio::sync::mpsc;

use super::Stop;
use crate::app::Shared;

const BATCH: usize = 256;

pub(super) async fn run(app: Shared, mut refusals: mpsc::Receiver<Explanation>, mut stop: Stop) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            count = refusals.recv_many(&mut batch, BATCH) => {
                if count == 0 {
                    return;
                }
                write(&app, std::mem::take(&mut batch)).await;
            }
            _ = stop.changed() => break,
        }
    }
    refusals.close();
    while refusals.recv_many(&mut batch, BATCH).await > 0 {
        write(&app, std::mem::take(&mut batch)).await;
    }
}

async fn write(app: &Shared, batch: Vec<Explanation>) {
    let count = batch.len();
    if let Err(error) = app.store.record_refusals(batch).await {
        tracing::warn!(count, %error, "refusals will not be explained");
    }
}
