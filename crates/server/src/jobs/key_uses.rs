//! Writes down when keys were last used, in batches. A node that is killed loses what it noted since
//! the last round: ten seconds at most.

use std::time::Duration;

use keyhaven_store::Error;

use super::Round;
use crate::app::Shared;

pub(super) struct KeyUses {
    pub(super) app: Shared,
}

impl Round for KeyUses {
    const NAME: &'static str = "key_uses";
    const PERIOD: Duration = Duration::from_secs(10);

    async fn round(&mut self) -> Result<(), Error> {
        let uses = self.app.key_limits.take_uses();
        if uses.is_empty() {
            return Ok(());
        }
        self.app.store.note_key_uses(uses).await
    }
}
