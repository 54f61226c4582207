//! One refresh per connection at a time in this process: whoever comes later shares the one under
//! way. It runs detached, so a caller that hangs up cancels nothing.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use keyhaven_protocol::id::ConnectionId;
use keyhaven_store::connections::Held;
use tokio::sync::watch;

/// How a refresh ended, for everybody who waited for it.
#[derive(Clone, Debug)]
pub enum Landed {
    /// The row as it is now.
    At(Arc<Held>),
    /// The connection is gone.
    Gone,
    /// The provider's host is paused for so many seconds.
    Paused(i64),
    /// Another node still holds the lease.
    StillLeased,
    /// Storage failed.
    Broken(Arc<keyhaven_store::Error>),
}

type Waiting = watch::Receiver<Option<Landed>>;

/// The refreshes under way.
#[derive(Default)]
pub struct Flights(Arc<Mutex<HashMap<ConnectionId, Waiting>>>);

impl Flights {
    /// Waits for the refresh of `id` under way, or starts `fly` as one.
    pub async fn join<F>(&self, id: ConnectionId, fly: impl FnOnce() -> F) -> Landed
    where
        F: Future<Output = Landed> + Send + 'static,
    {
        let mut waiting = self.board(id, fly);
        match waiting.wait_for(Option::is_some).await {
            Ok(landed) => landed.clone().unwrap_or(Landed::Gone),
            // The task died; what it had written is in the database.
            Err(_) => Landed::StillLeased,
        }
    }

    /// As [`Self::join`], without waiting.
    pub fn send_off<F>(&self, id: ConnectionId, fly: impl FnOnce() -> F)
    where
        F: Future<Output = Landed> + Send + 'static,
    {
        drop(self.board(id, fly));
    }

    fn board<F>(&self, id: ConnectionId, fly: impl FnOnce() -> F) -> Waiting
    where
        F: Future<Output = Landed> + Send + 'static,
    {
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = under_way.get(&id) {
            return waiting.clone();
        }
        let (tell, waiting) = watch::channel(None);
        under_way.insert(id, waiting.clone());
        let flight = Flight { id, under_way: self.0.clone() };
        let refresh = fly();
        tokio::spawn(async move {
            let landed = refresh.await;
            // Off the list first: who comes now must ask anew.
            drop(flight);
            let _ = tell.send(Some(landed));
        });
        waiting
    }

    /// How many are under way.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// Takes itself off the list, also when its task panics.
struct Flight {
    id: ConnectionId,
    under_way: Arc<Mutex<HashMap<ConnectionId, Waiting>>>,
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use keyhaven_protocol::id::Id;
    use tokio::sync::Notify;

    use super::*;

    const ONE: ConnectionId = ConnectionId(Id::v7(1, [1; 10]));

    #[tokio::test]
    async fn whoever_comes_while_one_is_under_way_shares_it() {
        let (flights, flown) = (Flights::default(), Arc::new(AtomicUsize::new(0)));
        let go = Arc::new(Notify::new());
        let join = || {
            flights.join(ONE, || {
                let (flown, go) = (flown.clone(), go.clone());
                async move {
                    flown.fetch_add(1, Ordering::Relaxed);
                    go.notified().await;
                    Landed::Gone
                }
            })
        };
        let many = futures_util::future::join_all((0..50).map(|_| join()));
        let (_, ()) = tokio::join!(many, async {
            while flown.load(Ordering::Relaxed) == 0 {
                tokio::task::yield_now().await;
            }
            go.notify_one();
        });
        assert_eq!((flown.load(Ordering::Relaxed), flights.count()), (1, 0));
    }

    #[tokio::test]
    async fn a_caller_that_hangs_up_cancels_nothing() {
        let (flights, done) = (Flights::default(), Arc::new(Notify::new()));
        let told = done.clone();
        flights.send_off(ONE, || async move {
            tokio::task::yield_now().await;
            told.notify_one();
            Landed::Gone
        });
        done.notified().await;
    }

    #[tokio::test]
    async fn a_refresh_that_panics_leaves_the_list() {
        let flights = Flights::default();
        let landed = flights.join(ONE, || async { panic!("on purpose") }).await;
        assert!(matches!(landed, Landed::StillLeased));
        assert_eq!(flights.count(), 0);
    }
}
