//! Keeps the signing keys young and memory small.

use std::time::Duration;

use keyhaven_store::Error;

use super::{Round, origin};
use crate::app::Shared;

pub(super) struct Keys {
    pub(super) app: Shared,
}

impl Round for Keys {
    const NAME: &'static str = "keys";
    const PERIOD: Duration = Duration::from_secs(60);

    async fn round(&mut self) -> Result<(), Error> {
        let app = &self.app;
        app.failures.sweep();
        if let Some(lost) = app.store.known().sweep(app.clock.now()) {
            app.store.load_ended(app.clock.now()).await?;
            app.store.known().repaired(lost);
        }
        app.keys.keep(app, &origin(Self::NAME)).await
    }
}
