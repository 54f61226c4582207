//! Keeps the signing keys young and memory small.

use std::time::Duration;

use keyhaven_store::Error;

use super::{Round, origin};
use crate::app::Shared;
use crate::operations::forget_ended::sweep_memory;

pub(super) struct Keys {
    pub(super) app: Shared,
}

impl Round for Keys {
    const NAME: &'static str = "keys";
    const PERIOD: Duration = Duration::from_secs(60);

    async fn round(&mut self) -> Result<(), Error> {
        let app = &self.app;
        sweep_memory(app).await?;
        app.keys.keep(app, &origin(Self::NAME)).await
    }
}
