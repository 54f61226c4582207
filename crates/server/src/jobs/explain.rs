//! Writes refusals beside their codes, many at a time. What cannot be written is logged and
//! dropped: an explanation is not worth a queue without an end.

use keyhaven_store::refusals::Explanation;
use tokio::sync::mpsc;

use crate::app::Shared;
use crate::http::stop::Stop;

const BATCH: usize = 256;

pub(super) async fn run(app: Shared, mut refusals: mpsc::Receiver<Explanation>, stop: Stop) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut stopping = Box::pin(stop.asked());
    loop {
        tokio::select! {
            count = refusals.recv_many(&mut batch, BATCH) => {
                if count == 0 {
                    return;
                }
                write(&app, std::mem::take(&mut batch)).await;
            }
            () = &mut stopping => break,
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
