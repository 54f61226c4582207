//! One shared connection that comes back by itself.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use tokio::sync::Mutex;

use super::connect::{Access, Connector};
use super::failure::Failure;
use super::link::Link;

/// A connection several tasks share; made when first needed and again when it is gone.
pub(super) struct Lane {
    connector: Arc<Connector>,
    access: Access,
    link: ArcSwapOption<Link>,
    connecting: Mutex<()>,
}

impl Lane {
    pub(super) fn new(connector: Arc<Connector>, access: Access) -> Self {
        Self { connector, access, link: ArcSwapOption::empty(), connecting: Mutex::const_new(()) }
    }

    /// The open connection, connecting first where there is none.
    pub(super) async fn link(&self) -> Result<Arc<Link>, Failure> {
        if let Some(link) = self.open_link() {
            return Ok(link);
        }
        let _one_at_a_time = self.connecting.lock().await;
        if let Some(link) = self.open_link() {
            return Ok(link);
        }
        let link = Arc::new(self.connector.link(self.access).await?);
        self.link.store(Some(Arc::clone(&link)));
        Ok(link)
    }

    /// Gives up a connection that did not answer in time.
    pub(super) fn spoil(&self) {
        if let Some(link) = self.link.swap(None) {
            link.spoil();
        }
    }

    fn open_link(&self) -> Option<Arc<Link>> {
        self.link.load_full().filter(|link| link.is_open())
    }
}
