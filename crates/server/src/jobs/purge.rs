//! Lets expired and spent rows leave in bounded steps, and yields between them.

use std::time::Duration;

use keyhaven_store::Error;

use super::Round;
use crate::app::Shared;
use crate::http::stop::Stop;
use crate::operations::forget_ended::forget_ended;

/// The pause between two steps of one round: purging is never in a hurry.
const BETWEEN: Duration = Duration::from_millis(20);

pub(super) struct Purge {
    pub(super) app: Shared,
    pub(super) stop: Stop,
}

impl Round for Purge {
    const NAME: &'static str = "purge";
    const PERIOD: Duration = Duration::from_secs(10);
    async fn round(&mut self) -> Result<(), Error> {
        let app = &self.app;
        loop {
            let purged = forget_ended(app).await?;
            if !purged.more || self.stop.is_asked() {
                return Ok(());
            }
            tokio::time::sleep(BETWEEN).await;
        }
    }
}
