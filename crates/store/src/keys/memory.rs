//! Keys this node remembers, with what decides about them. A change of any key, budget, owner or
//! tenant forgets all of them: changes are rare, checks are not. What ended a grant is asked
//! besides, and is remembered longer than anything here (`known`).

use std::sync::{Arc, Mutex, PoisonError};

use keyhaven_protocol::api_key::ApiKey;
use keyhaven_protocol::id::KeyId;
use keyhaven_protocol::scope::Scopes;
use quick_cache::sync::Cache;

use crate::budgets::BudgetRef;

/// Keys remembered at most.
const KEYS: usize = 65_536;

/// How long a key is remembered, in milliseconds. Shorter than ended grants are, so a key read
/// before its grant ended is never believed after that end was forgotten.
const REMEMBERED: u64 = 300_000;

/// A key with everything that decides about it.
#[derive(Debug)]
pub struct KnownKey {
    /// What it is and who stands behind it.
    pub key: ApiKey,
    /// What it opens: nothing that a key above it does not open.
    pub scopes: Scopes,
    /// The budgets a use of it is charged to, from the bottom up.
    pub path: Vec<BudgetRef>,
}

/// The keys of one node.
pub struct KeyMemory {
    keys: Cache<KeyId, (Arc<KnownKey>, u64)>,
    generation: Mutex<u64>,
}

impl Default for KeyMemory {
    fn default() -> Self {
        Self { keys: Cache::new(KEYS), generation: Mutex::default() }
    }
}

impl KeyMemory {
    pub(super) fn find(&self, id: KeyId, tick: u64) -> Option<Arc<KnownKey>> {
        let (key, read_at) = self.keys.get(&id)?;
        (tick.saturating_sub(read_at) < REMEMBERED).then_some(key)
    }

    /// To be taken before the read whose result is remembered.
    pub(super) fn generation(&self) -> u64 {
        *self.generation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a key, unless something changed since `generation`.
    pub(super) fn remember(&self, id: KeyId, key: &Arc<KnownKey>, tick: u64, generation: u64) {
        let current = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        if *current == generation {
            self.keys.insert(id, (key.clone(), tick));
        }
    }

    /// Forgets all keys.
    pub fn forget(&self) {
        let mut generation = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        *generation += 1;
        self.keys.clear();
    }
}
