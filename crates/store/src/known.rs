//! What this node may answer from memory: immutable facts, and versioned ones that a change drops.
//!
//! A revocation is applied here before its own commit is acknowledged and reaches other nodes
//! through `changes`, read every fifth of a second. A node that has not heard for a second stops
//! trusting its memory and asks the database (F04): no remembered "allow" outlives that bound.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use keyhaven_protocol::authorization::Authorization;
use keyhaven_protocol::client::Client;
use keyhaven_protocol::id::{ClientId, ConnectionId, GrantId, Id, SessionId, TokenId, UserId};
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::time::{Seconds, Timestamp};
use keyhaven_protocol::token::AccessToken;
use quick_cache::sync::Cache;

use crate::changes::{Change, Kind};
use crate::connections::ConnectionMemory;
use crate::keys::KeyMemory;
use crate::people::Person;
use crate::sessions::SignedIn;
use crate::{Error, Store};

mod given;
mod people;

/// The longest life of an access token (security bar: ten minutes), and so the longest that an
/// ended grant must be remembered for tokens issued just before.
pub const MAX_ACCESS_LIFE: Seconds = Seconds(600);

/// Memory older than this is not trusted when other nodes may write.
pub const FRESH_MILLIS: u64 = 1_000;

const CLIENTS: usize = 10_000;
const TOKENS: usize = 65_536;
const ANCESTORS: usize = 65_536;
const SESSIONS: usize = 65_536;
const PEOPLE: usize = 16_384;

/// A session is read again this often, in milliseconds. Shorter than an end is remembered, so that one which ended
/// with the session above it is never believed after that end is forgotten.
const SESSION_KEPT: u64 = MAX_ACCESS_LIFE.0.unsigned_abs() * 1_000 / 2;

/// "Last seen" waiting to be written down.
const MOST_SEEN: usize = 131_072;
const SHARDS: usize = 16;

/// Ends remembered per shard before memory stops being trusted for "not ended".
const ENDS_PER_SHARD: usize = 65_536;

/// The memory of one node.
pub struct Known {
    clients: Cache<ClientId, Arc<Client>>,
    tokens: Cache<[u8; 32], Arc<AccessToken>>,
    ancestors: Cache<GrantId, Arc<[Id]>>,
    sessions: Cache<SessionId, (Arc<SignedIn>, u64)>,
    people: Cache<UserId, Arc<Person>>,
    given: Cache<TokenId, Arc<Authorization>>,
    seen: Mutex<HashMap<SessionId, Timestamp>>,
    ended: [RwLock<HashMap<Id, Timestamp>>; SHARDS],
    /// Ends that found no room, and how many of those were in memory's last full reload.
    lost: AtomicU64,
    repaired: AtomicU64,
    generation: Mutex<u64>,
    heard_at: AtomicU64,
    alone: AtomicBool,
    /// API keys with what decides about them.
    pub keys: KeyMemory,
    /// Connections whose tokens callers ask for, sealed.
    pub connections: ConnectionMemory,
}

impl Known {
    /// An empty memory. `alone` when no other node can write without this process noticing.
    #[must_use]
    pub fn new(alone: bool) -> Self {
        Self {
            clients: Cache::new(CLIENTS),
            tokens: Cache::new(TOKENS),
            ancestors: Cache::new(ANCESTORS),
            sessions: Cache::new(SESSIONS),
            people: Cache::new(PEOPLE),
            given: Cache::new(given::GIVEN),
            seen: Mutex::default(),
            ended: std::array::from_fn(|_| RwLock::default()),
            lost: AtomicU64::new(0),
            repaired: AtomicU64::new(0),
            generation: Mutex::new(0),
            heard_at: AtomicU64::new(0),
            alone: AtomicBool::new(alone),
            keys: KeyMemory::default(),
            connections: ConnectionMemory::default(),
        }
    }

    /// From here on others may serve this database too, as beside a command: memory answers only
    /// while it hears of their changes, and they hear of ours a moment later.
    pub fn share(&self) {
        self.alone.store(false, Ordering::Relaxed);
    }

    /// Whether no other process has to hear of a change before it counts.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.alone.load(Ordering::Relaxed)
    }

    /// Whether memory may answer at the monotonic instant `tick` (milliseconds).
    #[must_use]
    pub fn is_fresh(&self, tick: u64) -> bool {
        if self.lost.load(Ordering::Relaxed) != self.repaired.load(Ordering::Relaxed) {
            return false;
        }
        self.is_alone()
            || tick.saturating_sub(self.heard_at.load(Ordering::Relaxed)) <= FRESH_MILLIS
    }

    /// Every change up to the monotonic instant `tick` has been applied.
    pub fn heard(&self, tick: u64) {
        self.heard_at.store(tick, Ordering::Relaxed);
    }

    /// A remembered client.
    #[must_use]
    pub fn client(&self, id: ClientId) -> Option<Arc<Client>> {
        self.clients.get(&id)
    }

    /// The generation to pass to [`Self::remember_client`], taken before the read.
    #[must_use]
    pub fn generation(&self) -> u64 {
        *self.generation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a client, unless something changed since `generation`: a row read before a change
    /// must not be remembered after it.
    pub fn remember_client(&self, client: Arc<Client>, generation: u64) {
        let current = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        if *current == generation {
            self.clients.insert(client.id, client);
        }
    }

    /// Forgets one client.
    pub fn forget_client(&self, id: ClientId) {
        let mut generation = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        *generation += 1;
        self.clients.remove(&id);
    }

    /// Forgets all clients: an organization changed.
    pub fn forget_clients(&self) {
        let mut generation = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        *generation += 1;
        self.clients.clear();
    }

    /// A token recognised before, by the digest of its text.
    #[must_use]
    pub fn token(&self, digest: &Digest) -> Option<Arc<AccessToken>> {
        self.tokens.get(&digest.0)
    }

    /// Remembers a recognised token. What it says never changes; whether it stands is asked anew.
    pub fn remember_token(&self, digest: &Digest, token: Arc<AccessToken>) {
        self.tokens.insert(digest.0, token);
    }

    pub(crate) fn ancestors(&self, grant: GrantId) -> Option<Arc<[Id]>> {
        self.ancestors.get(&grant)
    }

    pub(crate) fn remember_ancestors(&self, grant: GrantId, ids: Arc<[Id]>) {
        self.ancestors.insert(grant, ids);
    }

    /// Remembers that `id`, a token or a grant, has ended. It matters until `until`.
    pub fn end(&self, id: Id, until: Timestamp) {
        let mut shard = self.shard(id).write().unwrap_or_else(PoisonError::into_inner);
        if shard.len() >= ENDS_PER_SHARD && !shard.contains_key(&id) {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        shard.insert(id, until);
    }

    /// Whether `id` has ended.
    #[must_use]
    pub fn has_ended(&self, id: Id) -> bool {
        let shard = self.shard(id).read().unwrap_or_else(PoisonError::into_inner);
        !shard.is_empty() && shard.contains_key(&id)
    }

    /// Drops ends that no living token can depend on. `Some` when ends were lost for want of room:
    /// load them all again, then call [`Self::repaired`] with the number.
    #[must_use]
    pub fn sweep(&self, now: Timestamp) -> Option<u64> {
        self.sweep_given(now);
        for shard in &self.ended {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.retain(|_, until| *until > now);
            shard.shrink_to(1_024);
        }
        let lost = self.lost.load(Ordering::Relaxed);
        (lost != self.repaired.load(Ordering::Relaxed)).then_some(lost)
    }

    /// Everything lost up to this number has been loaded again.
    pub fn repaired(&self, lost: u64) {
        self.repaired.store(lost, Ordering::Relaxed);
    }

    /// Applies a change, from here or from another node.
    pub fn apply(&self, change: Change, now: Timestamp) {
        if matches!(change.kind, Kind::Key | Kind::User | Kind::Organization) {
            self.keys.forget();
        }
        if matches!(change.kind, Kind::Connector | Kind::User | Kind::Organization) {
            self.connections.forget_all();
        }
        match change.kind {
            Kind::Client => self.forget_client(ClientId(change.subject)),
            Kind::Organization => {
                self.forget_clients();
                self.forget_people();
            }
            Kind::Grant => {
                self.end(change.subject, now.plus(MAX_ACCESS_LIFE));
                self.forget_session(SessionId(change.subject));
                self.connections.forget(ConnectionId(change.subject));
            }
            Kind::Token => self.end(change.subject, now.plus(MAX_ACCESS_LIFE)),
            // Grants of the user may have ended with no notice of their own, such as all sessions
            // but one: until their tokens are over, the database is asked.
            Kind::User => {
                self.end(change.subject, now.plus(MAX_ACCESS_LIFE));
                self.forget_person(UserId(change.subject));
            }
            Kind::Session => self.forget_session(SessionId(change.subject)),
            Kind::Connection => self.connections.forget(ConnectionId(change.subject)),
            Kind::SigningKeys | Kind::Key | Kind::Connector => {}
        }
    }

    /// Forgets everything that a change could have made stale: more changed than can be told.
    pub fn forget_everything(&self) {
        self.forget_clients();
        self.forget_people();
        self.keys.forget();
        self.connections.forget_all();
    }

    fn shard(&self, id: Id) -> &RwLock<HashMap<Id, Timestamp>> {
        &self.ended[usize::from(id.0[15]) % SHARDS]
    }
}

impl Store {
    /// The client, from memory while that is fresh, else from the database. Unknown clients are
    /// not remembered: guesses must not fill memory.
    pub async fn recall_client(
        &self,
        id: ClientId,
        tick: u64,
    ) -> Result<Option<Arc<Client>>, Error> {
        if self.known.is_fresh(tick)
            && let Some(client) = self.known.client(id)
        {
            return Ok(Some(client));
        }
        let generation = self.known.generation();
        let client = self.find_client(id).await?.map(Arc::new);
        if let Some(client) = &client {
            self.known.remember_client(client.clone(), generation);
        }
        Ok(client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Id = Id::v7(1, [1; 10]);

    #[test]
    fn memory_is_trusted_for_a_second_after_it_was_heard() {
        let known = Known::new(false);
        known.heard(5_000);
        assert!(known.is_fresh(6_000));
        assert!(!known.is_fresh(6_001));
        assert!(Known::new(true).is_fresh(u64::MAX));
    }

    #[test]
    fn memory_that_is_shared_must_hear() {
        let known = Known::new(true);
        known.share();
        assert!(!known.is_alone());
        assert!(!known.is_fresh(u64::MAX));
    }

    #[test]
    fn an_end_is_kept_until_it_cannot_matter() {
        let known = Known::new(true);
        known.end(ID, Timestamp(10));
        assert_eq!(known.sweep(Timestamp(9)), None);
        assert!(known.has_ended(ID));
        assert_eq!(known.sweep(Timestamp(10)), None);
        assert!(!known.has_ended(ID));
    }

    #[test]
    fn a_memory_that_overflows_is_not_trusted_until_swept() {
        let known = Known::new(true);
        for n in 0..=ENDS_PER_SHARD as u64 {
            known.end(Id::v7(n, [0; 10]), Timestamp(10));
        }
        assert!(!known.is_fresh(0));
        let lost = known.sweep(Timestamp(10)).unwrap();
        assert!(!known.is_fresh(0));
        known.repaired(lost);
        assert!(known.is_fresh(0));
    }
}
