//! Sessions and the people behind them in memory. A remembered session points at the person it was
//! read with; when the person is forgotten, every session of theirs is read again.

use std::sync::{Arc, PoisonError};

use keyhaven_protocol::id::{SessionId, UserId};
use keyhaven_protocol::time::Timestamp;

use super::{Known, MOST_SEEN, SESSION_KEPT};
use crate::people::Person;
use crate::sessions::SignedIn;

impl Known {
    /// A session remembered not too long before the monotonic instant `tick`.
    pub(crate) fn session(&self, id: SessionId, tick: u64) -> Option<Arc<SignedIn>> {
        let (signed_in, read_at) = self.sessions.get(&id)?;
        (tick.saturating_sub(read_at) < SESSION_KEPT).then_some(signed_in)
    }

    pub(crate) fn person(&self, id: UserId) -> Option<Arc<Person>> {
        self.people.get(&id)
    }

    /// Whether a remembered session has not ended and its person has not changed since.
    pub(crate) fn still_says(&self, known: &SignedIn) -> bool {
        let session = &known.session;
        let person = self.people.get(&session.user);
        person.is_some_and(|person| Arc::ptr_eq(&person, &known.person))
            && !self.has_ended(session.id.0)
            && !session.parent.is_some_and(|parent| self.has_ended(parent.0))
    }

    pub(crate) fn remember_session(&self, signed_in: Arc<SignedIn>, tick: u64, generation: u64) {
        let current = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        if *current == generation {
            self.people.insert(signed_in.session.user, signed_in.person.clone());
            self.sessions.insert(signed_in.session.id, (signed_in, tick));
        }
    }

    pub(crate) fn remember_person(&self, person: Arc<Person>, generation: u64) {
        let current = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        if *current == generation {
            self.people.insert(person.user.id, person);
        }
    }

    pub(super) fn forget_session(&self, id: SessionId) {
        let mut generation = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        *generation += 1;
        self.sessions.remove(&id);
    }

    pub(super) fn forget_person(&self, id: UserId) {
        let mut generation = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        *generation += 1;
        self.people.remove(&id);
    }

    pub(super) fn forget_people(&self) {
        let mut generation = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        *generation += 1;
        self.people.clear();
        self.sessions.clear();
    }

    /// When a session was last seen here, as far as that is not written down yet.
    pub(crate) fn seen(&self, id: SessionId) -> Timestamp {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(&id).copied().unwrap_or(Timestamp(i64::MIN))
    }

    /// Notes when a session was seen; `false` when there is no room.
    pub(crate) fn note_seen(&self, id: SessionId, at: Timestamp) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MOST_SEEN && !seen.contains_key(&id) {
            return false;
        }
        seen.insert(id, at);
        true
    }

    pub(crate) fn noted_seen(&self, most: usize) -> Vec<(SessionId, Timestamp)> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().take(most).map(|(id, at)| (*id, *at)).collect()
    }

    /// These were written down; what was seen again meanwhile stays noted.
    pub(crate) fn written_seen(&self, written: &[(SessionId, Timestamp)]) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, at) in written {
            if seen.get(id) == Some(at) {
                seen.remove(id);
            }
        }
        if seen.is_empty() {
            seen.shrink_to(1_024);
        }
    }
}
