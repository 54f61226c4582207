//! Writes down when the wall clock jumped: times in the audit trail mean little across a jump (F07).

use std::time::Duration;

use keyhaven_store::Error;

use super::{Round, origin};
use crate::app::Shared;

pub(super) struct Clock {
    pub(super) app: Shared,
}

impl Round for Clock {
    const NAME: &'static str = "clock";
    const PERIOD: Duration = Duration::from_secs(1);

    async fn round(&mut self) -> Result<(), Error> {
        let app = &self.app;
        let Some(jump) = app.pace.jumped(&app.clock) else { return Ok(()) };
        tracing::warn!(seconds = jump.0, "the clock has jumped");
        app.store.note_clock_jump(jump, app.act("system", &origin(Self::NAME))).await?;
        app.pace.written(jump);
        Ok(())
    }
}
