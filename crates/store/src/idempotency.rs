//! Answers kept under a caller's idempotency key, so that a request sent twice happens once.
//!
//! The answer is written in the commit of the change it answers for: there is no moment in which
//! one exists without the other, so nothing is ever "in flight" and a crash leaves no orphan. A
//! second request under the key waits for the first and gets its answer. Answers arrive sealed.

use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::time::{Seconds, Timestamp};

use crate::engine::{Statement, Step};
use crate::{Error, Store, values};

/// How long an answer of the native interface is kept.
pub const KEPT_FOR: Seconds = Seconds(24 * 60 * 60);

/// How long tokens are kept for a client that did not hear the answer: they are secrets, so no longer
/// than such a client takes to ask again.
pub const TOKENS_KEPT_FOR: Seconds = Seconds(60);

/// An answer and the request it belongs to.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Who asked.
    pub caller: String,
    /// The caller's name for the request.
    pub name: String,
    /// Digest of method, path and body: the same key with another request is refused.
    pub fingerprint: Digest,
    /// The answer's status.
    pub status: u16,
    /// The sealed body.
    pub body: String,
}

impl Answer {
    /// The step that keeps it; misses when the key already has an answer that has not expired.
    pub(crate) fn step(self, kept_for: Seconds, now: Timestamp) -> Step {
        Step::one(
            &KEEP,
            values![
                self.caller,
                self.name,
                self.fingerprint,
                i64::from(self.status),
                self.body,
                now.plus(kept_for),
                now,
            ],
        )
    }
}

impl Store {
    /// The answer kept for `caller` under `name`, unless it has expired.
    pub async fn find_answer(
        &self,
        caller: &str,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<Answer>, Error> {
        let rows = self.engine.read(&FIND, values![caller, name, now]).await?;
        let Some(mut row) = rows.into_iter().next() else { return Ok(None) };
        Ok(Some(Answer {
            caller: caller.to_owned(),
            name: name.to_owned(),
            fingerprint: row.digest(0)?,
            status: u16::try_from(row.int(1)?)
                .map_err(|_| Error::broken("a kept answer has an impossible status"))?,
            body: row.text(2)?,
        }))
    }
}

static KEEP: Statement = Statement::new(
    "idempotency.keep",
    "INSERT INTO idempotency (caller, name, fingerprint, status, answer, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (caller, name) DO UPDATE
        SET fingerprint = excluded.fingerprint, status = excluded.status,
            answer = excluded.answer, expires_at = excluded.expires_at
      WHERE idempotency.expires_at <= $7",
);

static FIND: Statement = Statement::new(
    "idempotency.find",
    "SELECT fingerprint, status, answer FROM idempotency
      WHERE caller = $1 AND name = $2 AND expires_at > $3",
);

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[&KEEP, &FIND];
