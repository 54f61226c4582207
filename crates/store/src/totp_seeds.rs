//! Authenticator apps (RFC 6238): one sealed seed per person, confirmed by a first code. That a step
//! works once is the guard of every statement that uses one.

use keyhaven_protocol::id::UserId;
use keyhaven_protocol::sign_in::Method;
use keyhaven_protocol::time::Timestamp;
use keyhaven_protocol::totp::{Seed, Step as TotpStep};

use crate::act::Plan;
use crate::changes::{Change, Kind};
use crate::engine::{Row, Statement, Step};
use crate::people;
use crate::seal::Place;
use crate::users;
use crate::{Act, Error, Outcome, Store, values};

/// A person's authenticator app.
#[derive(Clone, Debug)]
pub struct TotpSeed {
    /// What the app knows.
    pub seed: Seed,
    /// When it was shown.
    pub created_at: Timestamp,
    /// Since when it counts; `None` until a first code was typed.
    pub confirmed_at: Option<Timestamp>,
    /// When it was used last.
    pub used_at: Option<Timestamp>,
    sealed: Vec<u8>,
}

impl Store {
    /// Shows a person a new seed, in place of one that was never confirmed. `Taken("totp")` when a
    /// confirmed one is there: it is removed first, so that nobody swaps it unnoticed.
    pub async fn offer_totp(
        &self,
        user: UserId,
        seed: &Seed,
        nonce: [u8; 12],
        act: Act,
    ) -> Result<Outcome, Error> {
        let sealed = self.sealer.seal(place(&user), seed.bytes(), nonce)?;
        let plan = Plan::default()
            .must(users::hold(user), Outcome::Absent)
            .must(Step::one(&OFFER, values![user.0, sealed, act.now]), Outcome::Taken("totp"));
        self.carry_out(plan, act).await
    }

    /// The app of a person, confirmed or not.
    pub async fn find_totp(&self, user: UserId) -> Result<Option<TotpSeed>, Error> {
        let rows = self.engine.read(&FIND, values![user.0]).await?;
        rows.into_iter().next().map(|row| self.totp(user, row)).transpose()
    }

    /// Makes a shown seed count, after the code of `step` was typed. `Moved` when another seed was
    /// shown meanwhile or this one counts already.
    pub async fn confirm_totp(
        &self,
        user: UserId,
        shown: &TotpSeed,
        step: TotpStep,
        with: Plan,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let values = values![user.0, shown.sealed.as_slice(), step.0, act.now];
        let plan = Plan::default()
            .must(users::hold(user), Outcome::Absent)
            .must(Step::one(&CONFIRM, values), Outcome::Moved)
            .and(people::enrolling(user, Method::Totp, act.now))
            .also(act.audit(None, "factor.added", target(user), METHOD))
            .also(act.publish(Change::of(Kind::User, user.0)))
            .and(with);
        self.carry_out(plan, act).await
    }

    /// Takes the app away.
    pub async fn remove_totp(
        &self,
        user: UserId,
        with: Plan,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let plan = Plan::default()
            .must(Step::one(&REMOVE, values![user.0]), Outcome::Absent)
            .and(people::leaving(user, Method::Totp))
            .also(act.audit(None, "factor.removed", target(user), METHOD))
            .also(act.publish(Change::of(Kind::User, user.0)))
            .and(with);
        self.carry_out(plan, act).await
    }

    fn totp(&self, user: UserId, mut row: Row) -> Result<TotpSeed, Error> {
        let sealed = row.bytes(0)?;
        let seed = Seed::from_slice(&self.sealer.open(place(&user), &sealed)?);
        Ok(TotpSeed {
            seed: seed.ok_or_else(|| Error::broken("totp_seeds.sealed is no seed"))?,
            created_at: row.time(1)?,
            confirmed_at: row.maybe_time(2)?,
            used_at: row.maybe_time(3)?,
            sealed,
        })
    }
}

/// Uses a code up, in the commit of what it was for. Of many who type it at once one wins; the
/// others, and everybody later, hear `Moved`.
#[must_use]
pub fn spending(user: UserId, step: TotpStep, now: Timestamp) -> Plan {
    Plan::default().must(Step::one(&SPEND, values![user.0, step.0, now]), Outcome::Moved)
}

/// For the audit.
const METHOD: &str = r#"{"method":"totp"}"#;

fn target(user: UserId) -> String {
    format!("user:{user}")
}

pub(crate) fn forget(user: UserId) -> Step {
    Step::any(&REMOVE, values![user.0])
}

fn place(user: &UserId) -> Place<'_> {
    Place { column: "totp_seeds.sealed", row: &user.0.0 }
}

static OFFER: Statement = Statement::new(
    "totp_seeds.offer",
    "INSERT INTO totp_seeds (owner, sealed, created_at, last_step) VALUES ($1, $2, $3, 0)
     ON CONFLICT (owner) DO UPDATE SET sealed = excluded.sealed, created_at = excluded.created_at
      WHERE totp_seeds.confirmed_at IS NULL",
);

static FIND: Statement = Statement::new(
    "totp_seeds.find",
    "SELECT sealed, created_at, confirmed_at, used_at FROM totp_seeds WHERE owner = $1",
);

static CONFIRM: Statement = Statement::new(
    "totp_seeds.confirm",
    "UPDATE totp_seeds SET confirmed_at = $4, used_at = $4, last_step = $3
      WHERE owner = $1 AND sealed = $2 AND confirmed_at IS NULL AND last_step < $3",
);

static SPEND: Statement = Statement::new(
    "totp_seeds.spend",
    "UPDATE totp_seeds SET last_step = $2, used_at = $3
      WHERE owner = $1 AND confirmed_at IS NOT NULL AND last_step < $2",
);

static REMOVE: Statement =
    Statement::new("totp_seeds.remove", "DELETE FROM totp_seeds WHERE owner = $1");

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[&OFFER, &FIND, &CONFIRM, &SPEND, &REMOVE];
