//! Gives back what holds that are over still hold, so that balances read right even while nobody
//! charges. A charge that does not fit looks for itself.

use std::time::Duration;

use keyhaven_store::Error;

use super::Round;
use crate::app::Shared;

pub(super) struct Holds {
    pub(super) app: Shared,
}

impl Round for Holds {
    const NAME: &'static str = "holds";
    const PERIOD: Duration = Duration::from_secs(1);

    async fn round(&mut self) -> Result<(), Error> {
        while self.app.store.free_holds(self.app.clock.now()).await? > 0 {}
        Ok(())
    }
}
