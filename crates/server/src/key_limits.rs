//! How far the rate limits of keys are used up, and when keys were last used: kept in memory of this
//! node, so that a check writes nothing. Each node counts on its own; what must hold over all nodes
//! is a budget. The rule is `protocol::rate_limit`.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use keyhaven_protocol::api_key::{ApiKey, Terms};
use keyhaven_protocol::id::KeyId;
use keyhaven_protocol::rate_limit::{Exhausted, RateLimit};
use keyhaven_protocol::time::Timestamp;

const SHARDS: usize = 16;

/// Keys kept per shard before those that are full again are dropped.
const KEYS_PER_SHARD: usize = 8_192;

/// A limit after a use, for the headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Its name.
    pub name: String,
    /// How many uses.
    pub most: u64,
    /// In how many seconds.
    pub window: u64,
    /// How many are left now.
    pub remaining: u64,
    /// Seconds until all are there again.
    pub resets_in: u64,
}

/// A limit that is used up.
#[derive(Clone, Debug)]
pub struct UsedUp {
    /// Which one.
    pub limit: RateLimit,
    /// How long to wait.
    pub exhausted: Exhausted,
}

/// What this node remembers of the use of keys.
#[derive(Default)]
pub struct KeyLimits {
    /// For each key, when all of each limit will have been earned back, in microseconds.
    until: [Mutex<HashMap<KeyId, Vec<u64>>>; SHARDS],
    used: [Mutex<HashMap<KeyId, Timestamp>>; SHARDS],
}

impl KeyLimits {
    /// Counts one use of the key, and of every key above it. `tick` is the monotonic clock in
    /// milliseconds. A use that one limit refuses may have been counted by another.
    pub fn spend(&self, key: &ApiKey, tick: u64) -> (Vec<Limit>, Option<UsedUp>) {
        let mut limits = Vec::new();
        for terms in key.line().filter(|terms| !terms.rate_limits.is_empty()) {
            if let Some(used_up) = self.spend_own(terms, tick.saturating_mul(1_000), &mut limits) {
                return (limits, Some(used_up));
            }
        }
        (limits, None)
    }

    fn spend_own(&self, terms: &Terms, now: u64, limits: &mut Vec<Limit>) -> Option<UsedUp> {
        let mut shard = lock(&self.until[shard(terms.id)]);
        if shard.len() >= KEYS_PER_SHARD && !shard.contains_key(&terms.id) {
            shard.retain(|_, until| until.iter().any(|until| *until > now));
        }
        let until = shard.entry(terms.id).or_default();
        until.resize(terms.rate_limits.len(), 0);
        let mut next = until.clone();
        for (limit, until) in terms.rate_limits.iter().zip(&mut next) {
            let (remaining, resets_in, refused) = match limit.spend(*until, now) {
                Ok(spent) => {
                    *until = spent.until;
                    (spent.remaining, spent.resets_in, None)
                }
                Err(exhausted) => (0, exhausted.resets_in, Some(exhausted)),
            };
            limits.push(Limit {
                name: limit.name.clone(),
                most: limit.most,
                window: limit.window,
                remaining,
                resets_in,
            });
            if let Some(exhausted) = refused {
                return Some(UsedUp { limit: limit.clone(), exhausted });
            }
        }
        *until = next;
        None
    }

    /// Notes that a key was used. When too many wait to be written down, the use is not noted.
    pub fn note(&self, key: KeyId, now: Timestamp) {
        let mut shard = lock(&self.used[shard(key)]);
        if shard.len() < KEYS_PER_SHARD || shard.contains_key(&key) {
            shard.insert(key, now);
        }
    }

    /// Takes what was noted since the last call.
    pub fn take_uses(&self) -> Vec<(KeyId, Timestamp)> {
        self.used.iter().flat_map(|shard| std::mem::take(&mut *lock(shard))).collect()
    }
}

fn shard(key: KeyId) -> usize {
    usize::from(key.0.0[15]) % SHARDS
}

fn lock<T>(shard: &Mutex<T>) -> MutexGuard<'_, T> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
