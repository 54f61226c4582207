//! Codes sent by mail: one per sign-in under way, recognised by a keyed digest, with few tries. A
//! code's life begins when it was sent, because the letter is written at that moment.

use keyhaven_protocol::id::{Id, UserId};
use keyhaven_protocol::mail_code::{LIFE, TRIES};
use keyhaven_protocol::secret::{Digest, Secret};
use keyhaven_protocol::time::Timestamp;

use crate::act::Plan;
use crate::engine::{Commit, Statement, Step};
use crate::seal::Place;
use crate::{Error, Outcome, Store, values};

/// What a typed code turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// The right one. It is spent by [`spending`], in the commit of what it was for.
    Right(Sent),
    /// Not the one that was sent to this user; a try is gone.
    Wrong(UserId),
    /// Nothing was sent, or its time or its tries are over.
    Nothing,
}

/// A code that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Whom it proves.
    pub user: UserId,
    /// The address it was sent to.
    pub address: String,
    bound: Id,
    mac: Digest,
}

impl Store {
    /// Keeps the code that is about to be sent for the sign-in `bound`, in place of an earlier one.
    /// Its tries are those of the sign-in: asking again brings no new ones.
    pub async fn keep_mail_code(
        &self,
        bound: Id,
        user: UserId,
        address: &str,
        code: &Secret,
        now: Timestamp,
    ) -> Result<(), Error> {
        let mac = self.sealer.mark(place(&bound), code)?;
        let values = values![bound, user.0, address, mac, now.plus(LIFE)];
        self.engine.commit(vec![Step::one(&KEEP, values)]).await?;
        Ok(())
    }

    /// Takes one of the tries, then compares: ten thousand guesses at once are still five.
    pub async fn try_mail_code(
        &self,
        bound: Id,
        typed: &Secret,
        now: Timestamp,
    ) -> Result<Tried, Error> {
        let step = Step::one(&TRY, values![bound, now, TRIES]);
        let Commit::Done(done) = self.engine.commit(vec![step]).await? else {
            return Ok(Tried::Nothing);
        };
        let row = done.into_iter().next().and_then(|stepped| stepped.returned.into_iter().next());
        let mut row = row.ok_or_else(|| Error::broken("mail_codes.try returned no row"))?;
        let (user, address, mac) = (UserId(row.id(0)?), row.text(1)?, row.digest(2)?);
        if !self.sealer.is_mark_of(place(&bound), typed, mac) {
            return Ok(Tried::Wrong(user));
        }
        Ok(Tried::Right(Sent { user, address, bound, mac }))
    }
}

/// Spends a code, in the commit of what it was for; `Moved` for everybody who is later.
#[must_use]
pub fn spending(sent: &Sent, now: Timestamp) -> Plan {
    let values = values![sent.bound, sent.mac, now];
    Plan::default().must(Step::one(&SPEND, values), Outcome::Moved)
}

pub(crate) fn forget(user: UserId) -> Step {
    Step::any(&FORGET, values![user.0])
}

fn place(bound: &Id) -> Place<'_> {
    Place { column: "mail_codes.mac", row: &bound.0 }
}

static KEEP: Statement = Statement::new(
    "mail_codes.keep",
    "INSERT INTO mail_codes (bound, owner, address, mac, tries, expires_at) VALUES ($1, $2, $3, $4, 0, $5)
     ON CONFLICT (bound) DO UPDATE SET owner = excluded.owner, address = excluded.address,
                                       mac = excluded.mac, expires_at = excluded.expires_at",
);

static TRY: Statement = Statement::new(
    "mail_codes.try",
    "UPDATE mail_codes SET tries = tries + 1
      WHERE bound = $1 AND expires_at > $2 AND tries < $3
     RETURNING owner, address, mac",
);

static SPEND: Statement = Statement::new(
    "mail_codes.spend",
    "DELETE FROM mail_codes WHERE bound = $1 AND mac = $2 AND expires_at > $3",
);

static FORGET: Statement =
    Statement::new("mail_codes.forget", "DELETE FROM mail_codes WHERE owner = $1");

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[&KEEP, &TRY, &SPEND, &FORGET];
