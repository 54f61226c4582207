//! Tries that cost something when they are many: second factors of an account, letters to an
//! address. Counted in a window under a digest; taking a try is the write that allows it.

use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::time::{Seconds, Timestamp};

use crate::act::Plan;
use crate::engine::{Commit, Statement, Step};
use crate::{Error, Store, values};

/// How many tries there are within a window.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// Tries.
    pub most: i64,
    /// The window, which begins with the first try.
    pub window: Seconds,
}

impl Store {
    /// Takes a try of `what`; `false` when none is left in this window.
    pub async fn take_factor_try(
        &self,
        what: Digest,
        allowance: Allowance,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let values = values![what, now, now.plus(allowance.window), allowance.most];
        Ok(matches!(self.engine.commit(vec![Step::one(&TAKE, values)]).await?, Commit::Done(_)))
    }
}

/// Gives all tries back, in the commit of a success.
#[must_use]
pub fn forgiving(what: Digest) -> Plan {
    Plan::default().also(Step::any(&FORGIVE, values![what]))
}

static TAKE: Statement = Statement::new(
    "factor_tries.take",
    "INSERT INTO sign_in_tries (what, tries, ends_at) VALUES ($1, 1, $3)
     ON CONFLICT (what) DO UPDATE
        SET tries = CASE WHEN sign_in_tries.ends_at <= $2 THEN 1 ELSE sign_in_tries.tries + 1 END,
            ends_at = CASE WHEN sign_in_tries.ends_at <= $2 THEN $3 ELSE sign_in_tries.ends_at END
      WHERE sign_in_tries.ends_at <= $2 OR sign_in_tries.tries < $4",
);

static FORGIVE: Statement =
    Statement::new("factor_tries.forgive", "DELETE FROM sign_in_tries WHERE what = $1");

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[&TAKE, &FORGIVE];
