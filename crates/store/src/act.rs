//! One deed: who does it, when, under which request, and the ids it may use up.
//!
//! The clock reading and the randomness come from outside, once per deed; ids are spread from that
//! seed. Ids are no secrets: what must not be guessed gets its own random bytes.

use keyhaven_protocol::id::{Id, OrganizationId};
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::time::Timestamp;

use crate::audit::Entry;
use crate::changes::Change;
use crate::engine::{Commit, Step};
use crate::idempotency::{Answer, KEPT_FOR};
use crate::{Error, Outcome, Store};

/// Who acts, when and with which ids. Consumed by the operation that carries the deed out.
pub struct Act {
    /// The instant of the deed.
    pub now: Timestamp,
    millis: u64,
    seed: [u8; 32],
    drawn: u32,
    actor: String,
    request: String,
    answer: Option<Answer>,
    published: Vec<Change>,
}

impl Act {
    /// A deed of `actor` at a millisecond clock reading, with 32 random bytes for its ids.
    /// `request` is the correlation id of the request that asked for it.
    #[must_use]
    pub fn new(
        unix_millis: u64,
        seed: [u8; 32],
        actor: impl Into<String>,
        request: impl Into<String>,
    ) -> Self {
        Self {
            now: Timestamp(i64::try_from(unix_millis / 1000).unwrap_or(i64::MAX)),
            millis: unix_millis,
            seed,
            drawn: 0,
            actor: actor.into(),
            request: request.into(),
            answer: None,
            published: Vec::new(),
        }
    }

    /// The next id of this deed.
    pub fn id(&mut self) -> Id {
        let mut material = [0; 36];
        material[..32].copy_from_slice(&self.seed);
        material[32..].copy_from_slice(&self.drawn.to_be_bytes());
        self.drawn += 1;
        let mut random = [0; 10];
        random.copy_from_slice(&Digest::of(&material).0[..10]);
        Id::v7(self.millis, random)
    }

    /// Who does it.
    pub(crate) fn actor(&self) -> &str {
        &self.actor
    }

    /// A deed of the same actor at the same instant, for work done in several commits. Its ids go on
    /// from this one's.
    pub(crate) fn part(&mut self) -> Self {
        let seed =
            Digest::of(&[self.seed.as_slice(), b"part", &self.drawn.to_be_bytes()].concat()).0;
        self.drawn += 1;
        Self::new(self.millis, seed, self.actor.clone(), self.request.clone())
    }

    /// Keeps `answer` under the caller's idempotency key in the same commit as the deed.
    pub fn remember(&mut self, answer: Answer) {
        self.answer = Some(answer);
    }

    /// The audit row of this deed.
    pub(crate) fn audit(
        &mut self,
        organization: Option<OrganizationId>,
        action: &'static str,
        target: impl std::fmt::Display,
        detail: impl Into<String>,
    ) -> Step {
        let entry = Entry {
            organization,
            actor: self.actor.clone(),
            action: action.to_owned(),
            target: target.to_string(),
            detail: detail.into(),
            request: self.request.clone(),
        };
        let id = self.id();
        entry.step(id, self.now)
    }

    /// Tells other nodes of this deed.
    pub(crate) fn publish(&mut self, change: Change) -> Step {
        self.published.push(change);
        let id = self.id();
        change.step(id)
    }
}

/// The steps of a deed, each with what it means when its guard misses. Rooms make them; outside the
/// store a plan can only be passed on, to go into the same commit as another room's deed.
#[derive(Default)]
pub struct Plan {
    steps: Vec<Step>,
    misses: Vec<Outcome>,
}

impl Plan {
    /// A guarded step: when it misses, nothing happens and the deed ends with `miss`.
    pub(crate) fn must(mut self, step: Step, miss: Outcome) -> Self {
        self.steps.push(step);
        self.misses.push(miss);
        self
    }

    /// The steps of another room, in the same commit.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.steps.extend(other.steps);
        self.misses.extend(other.misses);
        self
    }

    /// The steps alone, for a commit that tells nobody.
    pub(crate) fn into_steps(self) -> Vec<Step> {
        self.steps
    }

    /// A step that cannot miss.
    pub(crate) fn also(self, step: Step) -> Self {
        self.must(step, Outcome::Absent)
    }
}

impl Store {
    /// Carries a plan out as one commit and applies its changes here before anyone hears of it. The
    /// kept answer goes first: of two deeds under one idempotency key the second must learn that it
    /// was answered, not that its slug is taken.
    ///
    /// Runs to its end even when the caller goes away while it waits for the disk: what becomes
    /// durable must be in force here too, and nobody else would tell this node.
    pub(crate) async fn carry_out(&self, plan: Plan, act: Act) -> Result<Outcome, Error> {
        let store = self.clone();
        let deed = tokio::spawn(async move { store.carry_out_here(plan, act).await });
        deed.await.unwrap_or_else(|_| Err(Error::broken("the deed failed; outcome unknown")))
    }

    async fn carry_out_here(&self, plan: Plan, act: Act) -> Result<Outcome, Error> {
        let Plan { mut steps, mut misses } = plan;
        if let Some(answer) = act.answer {
            steps.insert(0, answer.step(KEPT_FOR, act.now));
            misses.insert(0, Outcome::Answered);
        }
        match self.engine.commit(steps).await? {
            Commit::Done(_) => {
                for change in act.published {
                    self.known.apply(change, act.now);
                }
                Ok(Outcome::Done)
            }
            Commit::Lost(at) => misses
                .get(at)
                .copied()
                .ok_or_else(|| Error::broken(format!("the engine lost step {at} of fewer"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_deed_never_uses_an_id_twice() {
        let mut act = Act::new(1_700_000_000_000, [7; 32], "a", "r");
        let ids: Vec<Id> = (0..100).map(|_| act.id()).collect();
        let mut distinct = ids.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(ids.len(), distinct.len());
    }

    #[test]
    fn the_instant_is_the_whole_second_of_the_clock_reading() {
        assert_eq!(Act::new(1_999, [0; 32], "a", "r").now, Timestamp(1));
    }
}
