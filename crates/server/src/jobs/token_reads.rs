//! Writes down which tokens of connections were handed out, many at a time. What cannot be written
//! is tried again: callers wait meanwhile, and none of these rows is dropped while the node lives.

use std::time::Duration;

use crate::app::Shared;
use crate::http::stop::Stop;
use crate::vault::reads::{self, Taken};

/// Rows of one commit.
const BATCH: usize = 256;

/// Between two writes: what one caller takes meanwhile is one row, and what a kill may lose.
const PAUSE: Duration = Duration::from_millis(25);

/// How often the last rows are tried once the node stops.
const LAST_TRIES: usize = 10;

pub(super) async fn run(app: Shared, stop: Stop) {
    if !app.vault.reads.begin_writing() {
        return;
    }
    let mut stopping = Box::pin(stop.asked());
    while !stop.is_asked() {
        tokio::select! {
            () = app.vault.reads.arrive() => write_all(&app, &stop).await,
            () = &mut stopping => break,
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = &mut stopping => break,
        }
    }
    app.vault.reads.end_writing();
    write_all(&app, &stop).await;
}

/// Writes what waits, however long that takes; once the node stops, as long as a few tries take.
async fn write_all(app: &Shared, stop: &Stop) {
    for batch in app.vault.reads.take().chunks(BATCH) {
        let mut last_tries = 0;
        while !write(app, batch).await && last_tries < LAST_TRIES {
            last_tries += usize::from(stop.is_asked());
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn write(app: &Shared, batch: &[Taken]) -> bool {
    match reads::write(app, batch).await {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(count = batch.len(), %error, "token reads wait for storage");
            false
        }
    }
}
