//! How many connections are open, in all and from one network. A connection holds a `Place`; the
//! listener turns away whoever gets none.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// The open connections of a listener.
pub(super) struct Connections {
    most: usize,
    most_per_network: usize,
    open: Mutex<Open>,
    left: Notify,
}

#[derive(Default)]
struct Open {
    all: usize,
    networks: HashMap<u64, usize>,
}

/// A connection's place, given back when dropped.
pub(super) struct Place {
    connections: Arc<Connections>,
    network: Option<u64>,
}

impl Connections {
    pub(super) fn new(most: usize, most_per_network: usize) -> Arc<Self> {
        let (open, left) = (Mutex::default(), Notify::new());
        Arc::new(Self { most, most_per_network, open, left })
    }

    /// A place for a client at `address`; `exempt` clients (trusted proxies) count only in all.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr, exempt: bool) -> Option<Place> {
        let network = (!exempt).then(|| network(address));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.all >= self.most {
            return None;
        }
        if let Some(network) = network {
            let count = open.networks.entry(network).or_default();
            if *count >= self.most_per_network {
                return None;
            }
            *count += 1;
        }
        open.all += 1;
        Some(Place { connections: Arc::clone(self), network })
    }

    /// How many are open.
    pub(super) fn count(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).all
    }

    /// Resolves when none is open.
    pub(super) async fn empty(&self) {
        loop {
            let left = self.left.notified();
            if self.count() == 0 {
                return;
            }
            left.await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all -= 1;
        if let Some(network) = self.network
            && let Some(count) = open.networks.get_mut(&network)
        {
            *count -= 1;
            if *count == 0 {
                open.networks.remove(&network);
            }
        }
        drop(open);
        self.connections.left.notify_waiters();
    }
}

/// An IPv4 address, or the /64 of an IPv6 one: what one subscriber usually holds (V6.1.1).
fn network(address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(v4) => u64::from(v4.to_bits()),
        // 2000::/3 and local prefixes all have high bits set, so they never look like IPv4.
        IpAddr::V6(v6) => u64::try_from(v6.to_bits() >> 64).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_cannot_take_every_place() {
        let connections = Connections::new(3, 1);
        let enter = |address: &str| connections.enter(address.parse().unwrap(), false);
        let first = enter("2001:db8::1");
        assert!(first.is_some());
        assert!(enter("2001:db8::2").is_none(), "same /64");
        assert!(enter("2001:db8:0:1::2").is_some(), "its place was given back at once");
        drop(first);
        assert!(enter("2001:db8::2").is_some());
        assert_eq!(connections.count(), 0);
    }

    #[test]
    fn the_total_binds_exempt_clients_too() {
        let connections = Connections::new(2, 1);
        let proxy = "10.0.0.1".parse().unwrap();
        let held = [connections.enter(proxy, true), connections.enter(proxy, true)];
        assert!(held.iter().all(Option::is_some));
        assert!(connections.enter(proxy, true).is_none());
    }
}
