//! Visits to another provider under way: found by the state, bound to one browser, one provider and
//! one session or sign-in, spent by the first answer whatever it says.

use keyhaven_protocol::credential::Presented;
use keyhaven_protocol::id::Id;
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::time::{Seconds, Timestamp};
use zeroize::Zeroizing;

use crate::engine::{Commit, Row, Statement, Step};
use crate::seal::Place;
use crate::{Error, Store, values};

/// How long a visit may take.
pub const LIVES: Seconds = Seconds(600);

/// Visits one browser may have under way.
pub const MOST: i64 = 10;

/// What a visit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To sign in.
    SignIn,
    /// To link the person who is signed in.
    Link,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Link => "link",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::SignIn, Self::Link].into_iter().find(|purpose| purpose.as_str() == word)
    }
}

/// A visit.
#[derive(Debug)]
pub struct UpstreamFlow {
    /// Its id, part of the state.
    pub id: Id,
    /// The digest of the state.
    pub hash: Digest,
    /// The provider that is visited.
    pub provider: Id,
    /// The digest of what the browser holds in its cookie.
    pub browser: Digest,
    /// The session or the pending sign-in it is for.
    pub bound: Id,
    /// What it is for.
    pub purpose: Purpose,
    /// The digest of the nonce.
    pub nonce: Digest,
    /// What the visit goes on with: the PKCE verifier and the like. Kept sealed.
    pub luggage: Zeroizing<Vec<u8>>,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Store {
    /// Begins a visit; `false` when the browser has too many under way.
    pub async fn begin_upstream_flow(
        &self,
        flow: &UpstreamFlow,
        nonce: [u8; 12],
        now: Timestamp,
    ) -> Result<bool, Error> {
        let sealed = self.sealer.seal(place(&flow.id), &flow.luggage, nonce)?;
        let values = values![
            flow.id,
            flow.hash,
            flow.provider,
            flow.browser,
            flow.bound,
            flow.purpose.as_str(),
            flow.nonce,
            sealed,
            flow.expires_at,
            now,
            MOST,
        ];
        Ok(matches!(self.engine.commit(vec![Step::one(&BEGIN, values)]).await?, Commit::Done(_)))
    }

    /// Ends the visit that a state names: of all answers that come for it one gets it. `None` when
    /// there is none, it is of another browser or provider, or its time is over.
    pub async fn end_upstream_flow(
        &self,
        state: &Presented,
        provider: Id,
        browser: Digest,
        now: Timestamp,
    ) -> Result<Option<UpstreamFlow>, Error> {
        let values = values![state.id, state.digest, provider, browser, now];
        let Commit::Done(done) = self.engine.commit(vec![Step::one(&END, values)]).await? else {
            return Ok(None);
        };
        let row = done.into_iter().next().and_then(|stepped| stepped.returned.into_iter().next());
        row.map(|row| self.flow(row)).transpose()
    }

    fn flow(&self, mut row: Row) -> Result<UpstreamFlow, Error> {
        let id = row.id(0)?;
        let purpose = row.text(5)?;
        let sealed = row.bytes(7)?;
        Ok(UpstreamFlow {
            id,
            hash: row.digest(1)?,
            provider: row.id(2)?,
            browser: row.digest(3)?,
            bound: row.id(4)?,
            purpose: Purpose::parse(&purpose)
                .ok_or_else(|| Error::broken("upstream_flows.purpose is unknown"))?,
            nonce: row.digest(6)?,
            luggage: self.sealer.open(place(&id), &sealed)?,
            expires_at: row.time(8)?,
        })
    }
}

fn place(id: &Id) -> Place<'_> {
    Place { column: "upstream_flows.sealed", row: &id.0 }
}

static BEGIN: Statement = Statement::new(
    "upstream_flows.begin",
    "INSERT INTO upstream_flows (id, hash, provider, browser, bound, purpose, nonce, sealed, expires_at)
     SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9
      WHERE (SELECT COUNT(*) FROM upstream_flows WHERE browser = $4 AND expires_at > $10) < $11",
);

// A foreign browser or provider does not spend the visit: who only knows the state must not be able
// to end somebody's sign-in.
static END: Statement = Statement::new(
    "upstream_flows.end",
    "DELETE FROM upstream_flows
      WHERE id = $1 AND hash = $2 AND provider = $3 AND browser = $4 AND expires_at > $5
     RETURNING id, hash, provider, browser, bound, purpose, nonce, sealed, expires_at",
);

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[&BEGIN, &END];
