//! Sends the letters that wait, batch after batch.

use std::time::Duration;

use keyhaven_store::Error;

use super::Round;
use crate::app::Shared;
use crate::http::stop::Stop;
use crate::operations::deliver_mail::deliver_mail;

pub(super) struct Mail {
    pub(super) app: Shared,
    pub(super) stop: Stop,
}

impl Round for Mail {
    const NAME: &'static str = "mail";
    const PERIOD: Duration = Duration::from_secs(1);

    async fn round(&mut self) -> Result<(), Error> {
        while deliver_mail(&self.app).await? > 0 && !self.stop.is_asked() {}
        Ok(())
    }
}
