//! Writes down which tokens of connections were handed out, many at a time. What cannot be written
//! is tried again: callers wait meanwhile, and none of these rows is dropped while the node lives.

use std::time::Duration;

use tokio::sync::mpsc;

use crate::app::Shared;
use crate::http::stop::Stop;
use crate::vault::reads::Read;

const BATCH: usize = 256;
const PAUSE: Duration = Duration::from_millis(200);

/// How often the last batches are tried once the node stops.
const LAST_TRIES: usize = 10;

pub(super) async fn run(app: Shared, stop: Stop) {
    let Some(mut reads) = app.vault.reads.take_writer() else { return };
    let mut batch = Vec::with_capacity(BATCH);
    let mut stopping = Box::pin(stop.asked());
    loop {
        tokio::select! {
            count = reads.recv_many(&mut batch, BATCH) => {
                if count == 0 {
                    return;
                }
                while !write(&app, &batch).await && !stop.is_asked() {
                    tokio::time::sleep(PAUSE).await;
                }
                batch.clear();
            }
            () = &mut stopping => break,
        }
    }
    reads.close();
    drain(&app, &mut reads).await;
}

async fn drain(app: &Shared, reads: &mut mpsc::Receiver<Read>) {
    let mut batch = Vec::with_capacity(BATCH);
    while reads.recv_many(&mut batch, BATCH).await > 0 {
        for _ in 0..LAST_TRIES {
            if write(app, &batch).await {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        batch.clear();
    }
}

async fn write(app: &Shared, batch: &[Read]) -> bool {
    match app.store.record_token_reads(batch.to_vec()).await {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(count = batch.len(), %error, "token reads wait for storage");
            false
        }
    }
}
