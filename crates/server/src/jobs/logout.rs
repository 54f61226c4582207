//! Tells clients of ended sessions, a bounded number per round.

use std::time::Duration;

use keyhaven_store::Error;

use super::{Round, origin};
use crate::app::Shared;
use crate::operations::tell_logout::tell_logouts;

pub(super) struct Logout {
    pub(super) app: Shared,
}

impl Round for Logout {
    const NAME: &'static str = "logout";
    const PERIOD: Duration = Duration::from_secs(2);

    async fn round(&mut self) -> Result<(), Error> {
        tell_logouts(&self.app, &origin(Self::NAME)).await.map(|_| ())
    }
}
