//! What an authenticator must answer. A challenge is kept as a digest, bound to the session or the
//! sign-in it was made for, and spent by its removal in the commit of what it was for.

use keyhaven_protocol::id::Id;
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::time::{Seconds, Timestamp};

use crate::act::Plan;
use crate::engine::{Statement, Step};
use crate::{Error, Outcome, Store, values};

/// How long a ceremony may take.
pub const LIVES: Seconds = Seconds(300);

/// What a challenge is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ceremony {
    /// A new passkey.
    Register,
    /// A sign-in, as first or as second factor.
    SignIn,
}

impl Ceremony {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::SignIn => "sign_in",
        }
    }
}

impl Store {
    /// Keeps a challenge made for `bound`.
    pub async fn keep_passkey_challenge(
        &self,
        ceremony: Ceremony,
        bound: Id,
        hash: Digest,
        now: Timestamp,
    ) -> Result<(), Error> {
        let values = values![hash, ceremony.as_str(), bound, now.plus(LIVES)];
        self.engine.commit(vec![Step::one(&KEEP, values)]).await?;
        Ok(())
    }

    /// Whether this challenge was made for `bound` and may still be answered. Only [`spending`]
    /// spends it.
    pub async fn has_passkey_challenge(
        &self,
        ceremony: Ceremony,
        bound: Id,
        hash: Digest,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let values = values![hash, ceremony.as_str(), bound, now];
        Ok(!self.engine.read(&FIND, values).await?.is_empty())
    }
}

/// Spends a challenge, in the commit of what it was for; `Moved` for everybody who is later.
#[must_use]
pub fn spending(ceremony: Ceremony, bound: Id, hash: Digest, now: Timestamp) -> Plan {
    let values = values![hash, ceremony.as_str(), bound, now];
    Plan::default().must(Step::one(&SPEND, values), Outcome::Moved)
}

static KEEP: Statement = Statement::new(
    "passkey_challenges.keep",
    "INSERT INTO passkey_challenges (hash, purpose, bound, expires_at) VALUES ($1, $2, $3, $4)",
);

static FIND: Statement = Statement::new(
    "passkey_challenges.find",
    "SELECT 1 FROM passkey_challenges
      WHERE hash = $1 AND purpose = $2 AND bound = $3 AND expires_at > $4",
);

static SPEND: Statement = Statement::new(
    "passkey_challenges.spend",
    "DELETE FROM passkey_challenges
      WHERE hash = $1 AND purpose = $2 AND bound = $3 AND expires_at > $4",
);

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[&KEEP, &FIND, &SPEND];
