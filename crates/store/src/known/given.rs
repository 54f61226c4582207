//! Codes this node gave a moment ago, with what their people agreed to. A code mostly comes back to
//! the node that gave it, within seconds, and once: its memory is taken with the first look, so that
//! whatever comes after it (a second redeemer, a lost race, a replay) asks storage.
//!
//! Nothing here spends a code; the grant that begins under its id does (`issuing`), and where other
//! nodes write, it begins only while person and session stand in storage too.

use std::sync::Arc;

use keyhaven_protocol::authorization::Authorization;
use keyhaven_protocol::id::{SessionId, TokenId};
use keyhaven_protocol::time::Timestamp;

use super::Known;
use crate::Store;

/// Codes remembered at most.
pub(super) const GIVEN: usize = 65_536;

impl Known {
    /// Remembers a code that was just given; what it says is known by its digest only.
    pub(crate) fn remember_given(&self, authorization: &Authorization) {
        self.given.insert(authorization.id, Arc::new(authorization.clone()));
    }

    /// Takes what is remembered of a code, if its person and session are known to stand: a change of
    /// either forgets them here, and then storage has to say. A session below another is not remembered for
    /// this: storage looks at both.
    fn take_given(&self, id: TokenId, tick: u64) -> Option<Authorization> {
        let (_, given) = self.given.remove(&id)?;
        let session = self.session(SessionId(given.session.0), tick)?;
        let stands = self.is_fresh(tick)
            && self.still_says(&session)
            && session.session.parent.is_none()
            && session.session.user == given.user
            && session.person.user.disabled_at.is_none();
        stands.then(|| Arc::unwrap_or_clone(given))
    }

    /// Forgets codes that have ended.
    pub(super) fn sweep_given(&self, now: Timestamp) {
        self.given.retain(|_, given| given.code_ends_at > now);
    }
}

impl Store {
    /// What a code says, if it was given here a moment ago: from memory while that is fresh at the
    /// monotonic instant `tick`, and once. `None` says nothing about the code.
    #[must_use]
    pub fn recall_authorization(&self, id: TokenId, tick: u64) -> Option<Authorization> {
        self.known.take_given(id, tick)
    }
}
