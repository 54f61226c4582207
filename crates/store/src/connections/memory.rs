//! Connections this node remembers, sealed as they were read: a token is opened for each caller anew.
//! Whatever happens to a connection is told to every node (`timeline`), and forgets it here; a change
//! of what stands around it forgets all of them.

use std::sync::{Arc, Mutex, PoisonError};

use keyhaven_protocol::connection::state::Status;
use keyhaven_protocol::id::ConnectionId;
use quick_cache::sync::Cache;

use super::Held;
use crate::{Reach, Store};

/// Connections remembered at most.
const CONNECTIONS: usize = 8_192;

/// How long a connection is remembered, in milliseconds. Shorter than ended grants are, as for keys.
const REMEMBERED: u64 = 300_000;

/// The connections of one node.
pub struct ConnectionMemory {
    connections: Cache<ConnectionId, (Arc<Held>, u64)>,
    generation: Mutex<u64>,
}

impl Default for ConnectionMemory {
    fn default() -> Self {
        Self { connections: Cache::new(CONNECTIONS), generation: Mutex::default() }
    }
}

impl ConnectionMemory {
    fn find(&self, id: ConnectionId, tick: u64) -> Option<Arc<Held>> {
        let (held, read_at) = self.connections.get(&id)?;
        (tick.saturating_sub(read_at) < REMEMBERED).then_some(held)
    }

    /// To be taken before the read whose result is remembered.
    fn generation(&self) -> u64 {
        *self.generation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a connection, unless one changed since `generation`.
    fn remember(&self, held: &Arc<Held>, tick: u64, generation: u64) {
        let current = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        if *current == generation {
            self.connections.insert(held.connection.id, (held.clone(), tick));
        }
    }

    /// Forgets one connection.
    pub(crate) fn forget(&self, id: ConnectionId) {
        let mut generation = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        *generation += 1;
        self.connections.remove(&id);
    }

    /// Forgets all connections.
    pub(crate) fn forget_all(&self) {
        let mut generation = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        *generation += 1;
        self.connections.clear();
    }
}

impl Store {
    /// The connection within reach, from memory while that is fresh at the monotonic instant `tick`.
    /// Only ones whose access token can be handed out are remembered; `None` says nothing.
    #[must_use]
    pub fn recall_held(&self, reach: Reach, id: ConnectionId, tick: u64) -> Option<Arc<Held>> {
        let held = self.known.connections.find(id, tick)?;
        let within = reach.includes(Some(held.connection.organization));
        (within && self.known.is_fresh(tick)).then_some(held)
    }

    /// As [`Self::find_held`], remembered for the calls that come.
    pub async fn find_held_for_callers(
        &self,
        reach: Reach,
        id: ConnectionId,
        tick: u64,
    ) -> Result<Option<Arc<Held>>, crate::Error> {
        let generation = self.known.connections.generation();
        let held = self.find_held(reach, id).await?.map(Arc::new);
        if let Some(held) = held.as_ref().filter(|held| held.can_be_remembered()) {
            self.known.connections.remember(held, tick, generation);
        }
        Ok(held)
    }
}

impl Held {
    fn can_be_remembered(&self) -> bool {
        let active = self.connection.standing.status == Status::Active;
        active && self.is_first() && self.has_access() && !self.grant_revoked
    }
}
