//! Recovery codes: digests, each of which works once. Making new ones ends all old ones.

use keyhaven_protocol::id::UserId;
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::sign_in::Method;
use keyhaven_protocol::time::Timestamp;

use crate::act::Plan;
use crate::changes::{Change, Kind};
use crate::engine::{Statement, Step};
use crate::people;
use crate::users;
use crate::{Act, Error, Outcome, Store, values};

/// How many codes a person has left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecoveryCodes {
    /// Not used yet.
    pub left: i64,
    /// When they were made; `None` when there are none.
    pub made_at: Option<Timestamp>,
}

impl Store {
    /// Gives a person new codes; the old ones are worthless from then on.
    pub async fn replace_recovery_codes(
        &self,
        user: UserId,
        hashes: &[Digest],
        with: Plan,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let mut plan = Plan::default()
            .must(users::hold(user), Outcome::Absent)
            .also(Step::any(&DROP, values![user.0]));
        for hash in hashes {
            plan = plan.also(Step::one(&ADD, values![user.0, *hash, act.now]));
        }
        let plan = plan
            .and(people::enrolling(user, Method::RecoveryCode, act.now))
            .also(act.audit(None, "recovery_codes.made", target(user), METHOD))
            .also(act.publish(Change::of(Kind::User, user.0)))
            .and(with);
        self.carry_out(plan, act).await
    }

    /// Takes all codes away.
    pub async fn remove_recovery_codes(
        &self,
        user: UserId,
        with: Plan,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let plan = Plan::default()
            .must(users::hold(user), Outcome::Absent)
            .must(Step::one(&ANY, values![user.0]), Outcome::Absent)
            .also(Step::any(&DROP, values![user.0]))
            .and(people::leaving(user, Method::RecoveryCode))
            .also(act.audit(None, "factor.removed", target(user), METHOD))
            .also(act.publish(Change::of(Kind::User, user.0)))
            .and(with);
        self.carry_out(plan, act).await
    }

    /// How many are left. The codes themselves are nowhere.
    pub async fn count_recovery_codes(&self, user: UserId) -> Result<RecoveryCodes, Error> {
        let rows = self.engine.read(&COUNT, values![user.0]).await?;
        let Some(row) = rows.into_iter().next() else { return Ok(RecoveryCodes::default()) };
        Ok(RecoveryCodes { left: row.int(0)?, made_at: row.maybe_time(1)? })
    }

    /// Whether a typed code is one of the person's that was not used yet. Only [`spending`] uses it.
    pub async fn has_recovery_code(&self, user: UserId, hash: Digest) -> Result<bool, Error> {
        Ok(!self.engine.read(&FIND, values![user.0, hash]).await?.is_empty())
    }
}

/// Uses a code up, in the commit of what it was for; `Moved` for everybody who is later.
#[must_use]
pub fn spending(user: UserId, hash: Digest, now: Timestamp) -> Plan {
    Plan::default().must(Step::one(&SPEND, values![user.0, hash, now]), Outcome::Moved)
}

/// For the audit.
const METHOD: &str = r#"{"method":"recovery_code"}"#;

fn target(user: UserId) -> String {
    format!("user:{user}")
}

pub(crate) fn forget(user: UserId) -> Step {
    Step::any(&DROP, values![user.0])
}

static DROP: Statement =
    Statement::new("recovery_codes.drop", "DELETE FROM recovery_codes WHERE owner = $1");

// The owner is held, so nothing is made or dropped in between.
static ANY: Statement = Statement::new(
    "recovery_codes.any",
    "UPDATE users SET created_at = created_at
      WHERE id = $1 AND EXISTS (SELECT 1 FROM recovery_codes WHERE owner = $1)",
);

static ADD: Statement = Statement::new(
    "recovery_codes.add",
    "INSERT INTO recovery_codes (owner, hash, created_at) VALUES ($1, $2, $3)",
);

static COUNT: Statement = Statement::new(
    "recovery_codes.count",
    "SELECT SUM(CASE WHEN used_at IS NULL THEN 1 ELSE 0 END), MAX(created_at)
       FROM recovery_codes WHERE owner = $1 HAVING COUNT(*) > 0",
);

static FIND: Statement = Statement::new(
    "recovery_codes.find",
    "SELECT 1 FROM recovery_codes WHERE owner = $1 AND hash = $2 AND used_at IS NULL",
);

static SPEND: Statement = Statement::new(
    "recovery_codes.spend",
    "UPDATE recovery_codes SET used_at = $3 WHERE owner = $1 AND hash = $2 AND used_at IS NULL",
);

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[&DROP, &ANY, &ADD, &COUNT, &FIND, &SPEND];
