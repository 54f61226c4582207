//! One breaker and one bound per provider host: a host that limits or fails is left alone for a
//! while, and the others are not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests under way to one host.
pub const MOST_AT_ONCE: usize = 16;

/// Hosts remembered; beyond that, idle ones are forgotten.
const MOST_HOSTS: usize = 4_096;

/// Server errors in a row that pause a host.
const TOO_MANY_ERRORS: u32 = 3;

const FIRST_PAUSE: u64 = 5_000;
const LONGEST_PAUSE: u64 = 300_000;

/// The state of every host that was asked.
#[derive(Default)]
pub struct Hosts(Mutex<HashMap<String, Host>>);

struct Host {
    room: Arc<Semaphore>,
    errors: u32,
    pauses: u32,
    paused_until: u64,
}

/// A place among the requests to a host.
pub struct Slot {
    _place: OwnedSemaphorePermit,
}

/// Why there is no place now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSlot {
    /// The host is paused for so many milliseconds.
    Paused(u64),
    /// As many requests as may be are under way.
    Full,
}

/// What a host answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// It works, whatever it said.
    Well,
    /// 429, with the wait it asked for in milliseconds.
    Limited(Option<u64>),
    /// A server error, or nothing.
    Badly,
}

impl Hosts {
    /// A place among the requests to `host` at the monotonic instant `tick`, without waiting.
    pub fn try_enter(&self, host: &str, tick: u64) -> Result<Slot, NoSlot> {
        let room = self.room(host, tick).map_err(NoSlot::Paused)?;
        let place = room.try_acquire_owned().map_err(|_| NoSlot::Full)?;
        Ok(Slot { _place: place })
    }

    /// As [`Self::try_enter`], waiting for room.
    pub async fn enter(&self, host: &str, tick: u64) -> Result<Slot, NoSlot> {
        let room = self.room(host, tick).map_err(NoSlot::Paused)?;
        let place = room.acquire_owned().await.map_err(|_| NoSlot::Full)?;
        Ok(Slot { _place: place })
    }

    fn room(&self, host: &str, tick: u64) -> Result<Arc<Semaphore>, u64> {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if hosts.len() >= MOST_HOSTS && !hosts.contains_key(host) {
            hosts.retain(|_, host| host.is_of_interest(tick));
        }
        let host = hosts.entry(host.to_owned()).or_insert_with(Host::new);
        match host.paused_until.checked_sub(tick) {
            Some(left) if left > 0 => Err(left),
            _ => Ok(host.room.clone()),
        }
    }

    /// Notes what `host` answered. A 429 or three server errors in a row pause it, each time twice
    /// as long; one good answer forgets that.
    pub fn note(&self, host: &str, answered: Answered, tick: u64) {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(host) = hosts.get_mut(host) else { return };
        match answered {
            Answered::Well => (host.errors, host.pauses) = (0, 0),
            Answered::Limited(wait) => host.pause(wait, tick),
            Answered::Badly => {
                host.errors = host.errors.saturating_add(1);
                if host.errors >= TOO_MANY_ERRORS {
                    host.pause(None, tick);
                }
            }
        }
    }

    /// How many hosts are paused at `tick`.
    #[must_use]
    pub fn count_paused(&self, tick: u64) -> usize {
        let hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.values().filter(|host| host.paused_until > tick).count()
    }
}

impl Host {
    fn new() -> Self {
        Self { room: Arc::new(Semaphore::new(MOST_AT_ONCE)), errors: 0, pauses: 0, paused_until: 0 }
    }

    fn pause(&mut self, wait: Option<u64>, tick: u64) {
        let doubled = FIRST_PAUSE.saturating_mul(1 << self.pauses.min(16)).min(LONGEST_PAUSE);
        let wait = wait.unwrap_or(0).clamp(doubled, LONGEST_PAUSE);
        self.pauses = self.pauses.saturating_add(1);
        self.paused_until = tick.saturating_add(wait);
        // After the pause one more error is enough.
        self.errors = TOO_MANY_ERRORS - 1;
    }

    fn is_of_interest(&self, tick: u64) -> bool {
        self.paused_until > tick || self.room.available_permits() < MOST_AT_ONCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_paused(hosts: &Hosts, host: &str, tick: u64) -> bool {
        matches!(hosts.try_enter(host, tick), Err(NoSlot::Paused(_)))
    }

    #[test]
    fn three_errors_in_a_row_pause_that_host_only() {
        let hosts = Hosts::default();
        for host in ["a", "b"] {
            assert!(!is_paused(&hosts, host, 0));
        }
        for _ in 0..2 {
            hosts.note("a", Answered::Badly, 0);
        }
        assert!(!is_paused(&hosts, "a", 0));
        hosts.note("a", Answered::Badly, 0);
        assert!(is_paused(&hosts, "a", 4_999) && !is_paused(&hosts, "b", 4_999));
        assert!(!is_paused(&hosts, "a", 5_000));
        hosts.note("a", Answered::Badly, 5_000);
        assert!(is_paused(&hosts, "a", 14_999), "the second pause is twice as long");
    }

    #[test]
    fn a_good_answer_forgets_the_bad_ones() {
        let hosts = Hosts::default();
        assert!(!is_paused(&hosts, "a", 0));
        for answered in [Answered::Badly, Answered::Badly, Answered::Well, Answered::Badly] {
            hosts.note("a", answered, 0);
        }
        assert!(!is_paused(&hosts, "a", 0));
    }

    #[test]
    fn a_rate_limit_pauses_as_long_as_the_host_asks_up_to_five_minutes() {
        let hosts = Hosts::default();
        assert!(!is_paused(&hosts, "a", 0) && !is_paused(&hosts, "b", 0));
        hosts.note("a", Answered::Limited(Some(60_000)), 0);
        hosts.note("b", Answered::Limited(Some(u64::MAX)), 0);
        assert!(is_paused(&hosts, "a", 59_999) && !is_paused(&hosts, "a", 60_000));
        assert!(is_paused(&hosts, "b", 299_999) && !is_paused(&hosts, "b", 300_000));
    }

    #[test]
    fn a_host_has_so_many_places() {
        let hosts = Hosts::default();
        let slots: Vec<_> = (0..MOST_AT_ONCE).map(|_| hosts.try_enter("a", 0)).collect();
        assert!(slots.iter().all(Result::is_ok));
        assert!(matches!(hosts.try_enter("a", 0), Err(NoSlot::Full)));
        drop(slots);
        assert!(hosts.try_enter("a", 0).is_ok());
    }
}
