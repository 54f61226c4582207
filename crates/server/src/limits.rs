//! Slowing down those who guess client secrets: failures are counted per client and network, so a
//! stranger's guesses never lock the owner out, and a right secret always works.

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use keyhaven_protocol::id::ClientId;
use keyhaven_protocol::time::Seconds;

/// Failures one network may collect on one client before it is told to wait.
const BURST: NonZeroU32 = NonZeroU32::new(20).expect("20 is not zero");

/// Counters kept before old ones are dropped early: bounds memory under a flood of client ids.
const MOST_KEYS: usize = 100_000;

type Key = (ClientId, [u8; 16]);

/// Counts failed client authentications.
pub struct FailureLimit {
    limiter: RateLimiter<Key, DefaultKeyedStateStore<Key>, DefaultClock>,
    clock: DefaultClock,
}

impl Default for FailureLimit {
    fn default() -> Self {
        let quota = Quota::per_second(NonZeroU32::MIN).allow_burst(BURST);
        Self { limiter: RateLimiter::keyed(quota), clock: DefaultClock::default() }
    }
}

impl FailureLimit {
    /// Counts a failure. `Some` when there were too many: wait this long.
    pub fn failed(&self, client: ClientId, address: IpAddr) -> Option<Seconds> {
        if self.limiter.len() > MOST_KEYS {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        let until = self.limiter.check_key(&(client, network(address))).err()?;
        let wait = until.wait_time_from(self.clock.now());
        Some(Seconds(i64::try_from(wait.as_secs()).unwrap_or(i64::MAX).saturating_add(1)))
    }

    /// Forgets counters that are full again.
    pub fn sweep(&self) {
        self.limiter.retain_recent();
    }
}

/// An IPv4 address, or the /64 of an IPv6 address: what one customer line holds.
#[must_use]
pub fn network(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => {
            let mut octets = v6.octets();
            octets[8..].fill(0);
            octets
        }
    }
}

#[cfg(test)]
mod tests {
    use keyhaven_protocol::id::Id;

    use super::*;

    const CLIENT: ClientId = ClientId(Id::v7(1, [1; 10]));

    fn fail(limit: &FailureLimit, address: &str, times: usize) -> Option<Seconds> {
        (0..times).fold(None, |_, _| limit.failed(CLIENT, address.parse().unwrap()))
    }

    #[test]
    fn the_twenty_first_failure_in_a_row_is_told_to_wait() {
        let limit = FailureLimit::default();
        assert_eq!(fail(&limit, "192.0.2.1", 20), None);
        assert!(fail(&limit, "192.0.2.1", 1).is_some_and(|wait| wait.0 >= 1));
    }

    #[test]
    fn another_network_keeps_its_own_allowance_and_one_ipv6_line_shares_one() {
        let limit = FailureLimit::default();
        assert_eq!(fail(&limit, "2001:db8::1", 20), None);
        assert_eq!(fail(&limit, "192.0.2.1", 1), None);
        assert!(fail(&limit, "2001:db8::2", 1).is_some());
    }
}
