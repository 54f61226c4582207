//! Lets expired and spent rows leave in bounded steps, and yields between them.

use std::time::Duration;

use keyhaven_protocol::time::Seconds;
use keyhaven_store::Error;

use super::Round;
use crate::app::Shared;
use crate::http::stop::Stop;

/// The pause between two steps of one round: purging is never in a hurry.
const BETWEEN: Duration = Duration::from_millis(20);

/// The longest grace window a client can have: successors older than this are erased.
const LONGEST_GRACE: Seconds = Seconds(300);

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
            let now = app.clock.now();
            let purged = app.store.purge(LONGEST_GRACE, app.settings.audit_window, now).await?;
            if !purged.more || self.stop.is_asked() {
                return Ok(());
            }
            tokio::time::sleep(BETWEEN).await;
        }
    }
}
