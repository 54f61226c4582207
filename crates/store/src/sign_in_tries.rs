//! Tries to sign in, counted per account, device and network, shared by all doors and nodes. A try is
//! taken before anything is compared, by a write that counts: a thousand at once are no more than
//! one after another.

use keyhaven_protocol::id::{Id, UserId};
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::time::{Seconds, Timestamp};

use crate::engine::{Commit, Statement, Step};
use crate::{Act, Error, Plan, Store, values};

/// How long tries are counted together.
pub const WINDOW: Seconds = Seconds(15 * 60);

/// What tries are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    key: Digest,
    most: i64,
}

impl Counter {
    /// Tries at one canonical address, whether it has an account or not, from browsers that are not
    /// known to it.
    #[must_use]
    pub fn of_account(email: &str) -> Self {
        Self { key: Digest::of(&[b"account\0", email.as_bytes()].concat()), most: 10 }
    }

    /// Tries from one known device of one account: strangers do not use them up (A59).
    #[must_use]
    pub fn of_device(device: Id, user: UserId) -> Self {
        let key = Digest::of(&[b"device\0".as_slice(), &device.0, &user.0.0].concat());
        Self { key, most: 10 }
    }

    /// Letters that were asked for to one address, whether it has an account or not.
    #[must_use]
    pub fn of_letters(email: &str) -> Self {
        Self { key: Digest::of(&[b"letters\0", email.as_bytes()].concat()), most: 5 }
    }

    /// Tries from one network, whatever the account.
    #[must_use]
    pub fn of_network(network: [u8; 16]) -> Self {
        Self { key: Digest::of(&[b"network\0".as_slice(), &network].concat()), most: 300 }
    }
}

impl Store {
    /// Takes a try from each counter, or none. `Some` when one of them has none left: wait this long.
    pub async fn take_sign_in_try(
        &self,
        counters: &[Counter],
        now: Timestamp,
    ) -> Result<Option<Seconds>, Error> {
        let take = |counter: &Counter| {
            let values = values![counter.key, now.plus(WINDOW), now, counter.most];
            Step::one(&TAKE, values)
        };
        let commit = self.engine.commit(counters.iter().map(take).collect()).await?;
        let Commit::Lost(at) = commit else { return Ok(None) };
        let lost = counters.get(at).ok_or_else(|| Error::broken("an unknown counter was lost"))?;
        let rows = self.engine.read(&ENDS, values![lost.key]).await?;
        let ends_at = rows.first().map_or(Ok(now), |row| row.time(0))?;
        Ok(Some(Seconds(ends_at.since(now).0.max(1))))
    }

    /// Writes down that somebody failed to sign in. `account` is the user, where there is one.
    pub async fn note_failed_sign_in(
        &self,
        account: Option<UserId>,
        detail: &str,
        mut act: Act,
    ) -> Result<(), Error> {
        let target = account.map_or_else(|| "user:unknown".to_owned(), |id| format!("user:{id}"));
        let plan = Plan::default().also(act.audit(None, "sign_in.failed", target, detail));
        self.carry_out(plan, act).await?;
        Ok(())
    }
}

/// The steps that give tries back after a success: an account starts anew, a network gets one back.
#[must_use]
pub fn giving_back(account: &[Counter], network: Option<Counter>) -> Plan {
    let mut plan = Plan::default();
    for counter in account {
        plan = plan.also(Step::any(&FORGET, values![counter.key]));
    }
    match network {
        None => plan,
        Some(network) => plan.also(Step::any(&GIVE_BACK, values![network.key])),
    }
}

static TAKE: Statement = Statement::new(
    "sign_in_tries.take",
    "INSERT INTO sign_in_tries (what, tries, ends_at) VALUES ($1, 1, $2)
     ON CONFLICT (what) DO UPDATE
        SET tries = CASE WHEN sign_in_tries.ends_at <= $3 THEN 1 ELSE sign_in_tries.tries + 1 END,
            ends_at = CASE WHEN sign_in_tries.ends_at <= $3 THEN $2 ELSE sign_in_tries.ends_at END
      WHERE sign_in_tries.ends_at <= $3 OR sign_in_tries.tries < $4",
);

static ENDS: Statement =
    Statement::new("sign_in_tries.ends", "SELECT ends_at FROM sign_in_tries WHERE what = $1");

static FORGET: Statement =
    Statement::new("sign_in_tries.forget", "DELETE FROM sign_in_tries WHERE what = $1");

static GIVE_BACK: Statement = Statement::new(
    "sign_in_tries.give_back",
    "UPDATE sign_in_tries SET tries = tries - 1 WHERE what = $1 AND tries > 0",
);

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[&TAKE, &ENDS, &FORGET, &GIVE_BACK];
