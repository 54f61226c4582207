//! Hears of changes made elsewhere: other nodes, or the command line beside an embedded database.
//!
//! Changes are read by a window of time that reaches back further than clocks may differ and
//! commits may take, so none slips through; those already applied are skipped. Memory is trusted
//! only while this keeps up (`Known::is_fresh`).

use std::collections::HashSet;
use std::time::Duration;

use keyhaven_protocol::id::Id;
use keyhaven_store::Error;
use keyhaven_store::changes::{Kind, MOST_AT_ONCE};

use super::Round;
use crate::app::Shared;

/// How far back the window reaches: five seconds of clock difference (F08) and as much for a
/// commit under way.
const WINDOW_MILLIS: u64 = 10_000;

pub(super) struct Hear {
    app: Shared,
    /// The wall clock at the last complete reading.
    heard_to: u64,
    /// Changes applied within the window.
    applied: HashSet<Id>,
}

impl Hear {
    pub(super) fn new(app: Shared) -> Self {
        Self { heard_to: app.clock.millis(), app, applied: HashSet::new() }
    }

    async fn listen(&mut self) -> Result<(), Error> {
        let store = &self.app.store;
        let floor = Id::floor(self.heard_to.saturating_sub(WINDOW_MILLIS));
        let changes = store.list_changes_since(floor).await?;
        if i64::try_from(changes.len()).is_ok_and(|count| count >= MOST_AT_ONCE) {
            store.known().forget_everything();
            store.load_ended(self.app.clock.now()).await?;
            self.app.keys.reload(store).await?;
        }
        let mut window = HashSet::with_capacity(changes.len());
        for (id, change) in changes {
            window.insert(id);
            if self.applied.contains(&id) {
                continue;
            }
            store.known().apply(change, self.app.clock.now());
            if change.kind == Kind::SigningKeys {
                self.app.keys.reload(store).await?;
            }
        }
        self.applied = window;
        Ok(())
    }
}

impl Round for Hear {
    const NAME: &'static str = "hear";
    const PERIOD: Duration = Duration::from_millis(200);

    async fn round(&mut self) -> Result<(), Error> {
        let (tick, millis) = (self.app.clock.tick(), self.app.clock.millis());
        if self.app.store.engine().changed_elsewhere() {
            self.listen().await?;
        }
        self.heard_to = millis;
        self.app.store.known().heard(tick);
        Ok(())
    }
}
