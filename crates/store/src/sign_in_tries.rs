//! Tries that cost something when they are many: passwords and second factors, letters, sign-ins that
//! are begun. Counted in a window per account, device and network, shared by all doors and nodes. A
//! try is taken before anything is compared, by a write that counts: a thousand at once are no more
//! than one after another.

use keyhaven_protocol::id::{Id, UserId};
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::time::{Seconds, Timestamp};

use crate::engine::{Commit, Statement, Step};
use crate::{Act, Error, Plan, Store, values};

/// How long most tries are counted together.
pub const WINDOW: Seconds = Seconds(15 * 60);

/// What tries are counted by, and how many there are in a window, which begins with the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    key: Digest,
    most: i64,
    window: Seconds,
}

impl Counter {
    fn new(parts: &[&[u8]], most: i64, window: Seconds) -> Self {
        Self { key: Digest::of(&parts.concat()), most, window }
    }

    /// Tries at one canonical address, whether it has an account or not, from browsers that are not
    /// known to it.
    #[must_use]
    pub fn of_account(email: &str) -> Self {
        Self::new(&[b"account\0", email.as_bytes()], 10, WINDOW)
    }

    /// Tries from one known device of one account: strangers do not use them up (A59).
    #[must_use]
    pub fn of_device(device: Id, user: UserId) -> Self {
        Self::new(&[b"device\0", &device.0, &user.0.0], 10, WINDOW)
    }

    /// Tries from one network, whatever the account.
    #[must_use]
    pub fn of_network(network: [u8; 16]) -> Self {
        Self::new(&[b"network\0", &network], 300, WINDOW)
    }

    /// Second factors of one account, over all its sign-ins; from one known device of it, if `device`
    /// is one. Ten guesses an hour at six digits of which three count: one in fourteen hundred
    /// accounts in a day of guessing by somebody who has the password.
    #[must_use]
    pub fn of_second_factors(user: UserId, device: Option<Id>) -> Self {
        let device = device.map(|device| device.0).unwrap_or_default();
        Self::new(&[b"second factor\0", &user.0.0, &device], 10, Seconds(3_600))
    }

    /// Letters that are asked for to one address, whether it has an account or not: enough for a bad
    /// day, not enough to fill a mailbox.
    #[must_use]
    pub fn of_mail_to(address: &str) -> Self {
        Self::new(&[b"mail to\0", address.as_bytes()], 5, WINDOW)
    }

    /// Letters that one network asks for.
    #[must_use]
    pub fn of_mail_from(network: [u8; 16]) -> Self {
        Self::new(&[b"mail by network\0", &network], 50, WINDOW)
    }

    /// Sign-ins that one network begins, and challenges it is given: each is kept for a while, before
    /// anybody has shown anything (A80).
    #[must_use]
    pub fn of_openings(network: [u8; 16]) -> Self {
        Self::new(&[b"openings\0", &network], 5_000, WINDOW)
    }
}

impl Store {
    /// Takes a try from each counter, or none. `Some` when one of them has none left: wait this long.
    pub async fn take_sign_in_try(
        &self,
        counters: &[Counter],
        now: Timestamp,
    ) -> Result<Option<Seconds>, Error> {
        self.take_tries_for(counters, Vec::new(), now).await
    }

    /// The same, and `steps` in one commit with it.
    pub(crate) async fn take_tries_for(
        &self,
        counters: &[Counter],
        steps: Vec<Step>,
        now: Timestamp,
    ) -> Result<Option<Seconds>, Error> {
        let take = |counter: &Counter| {
            let values = values![counter.key, now.plus(counter.window), now, counter.most];
            Step::one(&TAKE, values)
        };
        let steps = counters.iter().map(take).chain(steps).collect();
        let commit = self.engine.commit(steps).await?;
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
