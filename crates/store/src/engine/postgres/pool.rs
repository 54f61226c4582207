//! Connections that serve one commit at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::connect::{Access, Connector};
use super::failure::Failure;
use super::link::Link;

/// Up to a fixed number of connections, made when needed, the latest used first.
pub(super) struct Pool {
    connector: Arc<Connector>,
    idle: Mutex<Vec<Link>>,
    permits: Semaphore,
    size: u32,
}

impl Pool {
    pub(super) fn new(connector: Arc<Connector>, size: usize) -> Self {
        let size = u32::try_from(size.max(1)).unwrap_or(u32::MAX);
        Self { connector, idle: Mutex::default(), permits: Semaphore::new(size as usize), size }
    }

    /// Waits for a connection.
    pub(super) async fn take(&self) -> Result<Taken<'_>, Failure> {
        let permit = self.permits.acquire().await.map_err(|_| Failure::lost("shutting down"))?;
        let idle = loop {
            let latest = self.idle().pop();
            match latest {
                Some(link) if !link.is_open() => {}
                latest => break latest,
            }
        };
        let link = match idle {
            Some(link) => link,
            None => self.connector.link(Access::Write).await?,
        };
        Ok(Taken { pool: self, link, _permit: permit })
    }

    /// Waits until every connection is back, then refuses to give any out.
    pub(super) async fn close(&self) {
        if let Ok(all) = self.permits.acquire_many(self.size).await {
            all.forget();
        }
        self.permits.close();
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Link>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection in use. Dropping it closes the connection, and with it whatever transaction was
/// open; only [`Taken::give_back`] keeps it.
pub(super) struct Taken<'a> {
    pool: &'a Pool,
    pub(super) link: Link,
    _permit: SemaphorePermit<'a>,
}

impl Taken<'_> {
    /// Returns a connection that has no open transaction.
    pub(super) fn give_back(self) {
        if self.link.is_open() {
            self.pool.idle().push(self.link);
        }
    }
}
