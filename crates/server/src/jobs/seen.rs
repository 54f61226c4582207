//! Writes down when sessions were last seen, many at a time, and once more before the node stops.

use std::time::Duration;

use keyhaven_store::Error;

use super::{Round, again};
use crate::app::Shared;
use crate::http::stop::Stop;

struct Seen {
    app: Shared,
}

impl Round for Seen {
    const NAME: &'static str = "seen";
    const PERIOD: Duration = Duration::from_secs(5);

    async fn round(&mut self) -> Result<(), Error> {
        while self.app.store.write_seen().await? {}
        Ok(())
    }
}

pub(super) async fn run(app: Shared, stop: Stop) {
    again(Seen { app: app.clone() }, stop).await;
    if let Err(error) = (Seen { app }).round().await {
        tracing::warn!(%error, "when sessions were last seen is not written down");
    }
}
