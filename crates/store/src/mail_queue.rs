//! Letters that wait to be sent. What they say is sealed; a node takes one by moving its due time,
//! so that of many nodes one sends it. The queue has a bound, and a letter has an end.

use keyhaven_protocol::id::Id;
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::time::{Seconds, Timestamp};
use zeroize::Zeroizing;

use crate::act::Plan;
use crate::engine::{Commit, Row, Statement, Step};
use crate::seal::Place;
use crate::{Error, Outcome, Store, values};

/// Letters that may wait at once. Beyond, what asked for another is told to come back later.
pub const MOST: i64 = 10_000;

/// How long a node has to send a letter before another one may try.
pub const TAKEN_FOR: Seconds = Seconds(60);

/// How long a letter that comes once a day is remembered.
const DAY: Seconds = Seconds(86_400);

/// A letter that waits.
#[derive(Debug)]
pub struct Queued {
    /// Its id.
    pub id: Id,
    /// What it says, opened; an error when it does not open (F21).
    pub letter: Result<Zeroizing<Vec<u8>>, Error>,
    /// How often it was tried.
    pub tries: i64,
    /// When it was asked for.
    pub created_at: Timestamp,
    due_at: Timestamp,
}

impl Store {
    /// The steps that queue a letter, to go into the commit of what it tells of. `Full("mail")` when
    /// too many wait.
    pub fn queueing(
        &self,
        id: Id,
        letter: &[u8],
        nonce: [u8; 12],
        now: Timestamp,
    ) -> Result<Plan, Error> {
        let sealed = self.sealer.seal(place(&id), letter, nonce)?;
        let step = Step::one(&QUEUE, values![id, sealed, now, MOST]);
        Ok(Plan::default().must(step, Outcome::Full("mail")))
    }

    /// The step before a letter that nobody should get twice within a day, `about` what it is: in the same
    /// commit. `Taken("mail")` for the second.
    #[must_use]
    pub fn once_a_day(about: &[u8], now: Timestamp) -> Plan {
        let step = Step::one(&ONCE, values![Digest::of(about), now.plus(DAY), now]);
        Plan::default().must(step, Outcome::Taken("mail"))
    }

    /// Queues a letter by itself.
    pub async fn queue_mail(&self, plan: Plan) -> Result<Outcome, Error> {
        match self.engine.commit(plan.into_steps()).await? {
            Commit::Done(_) => Ok(Outcome::Done),
            Commit::Lost(_) => Ok(Outcome::Full("mail")),
        }
    }

    /// Letters that are due, oldest first.
    pub async fn list_due_mail(&self, limit: u32, now: Timestamp) -> Result<Vec<Queued>, Error> {
        let rows = self.engine.read(&DUE, values![now, i64::from(limit)]).await?;
        rows.into_iter().map(|row| self.queued(row)).collect()
    }

    /// Takes a letter for [`TAKEN_FOR`]; `false` when another node was faster.
    pub async fn take_mail(&self, mail: &Queued, now: Timestamp) -> Result<bool, Error> {
        let until = now.plus(TAKEN_FOR);
        let step = Step::one(&TAKE, values![mail.id, mail.due_at, mail.tries, until]);
        Ok(matches!(self.engine.commit(vec![step]).await?, Commit::Done(_)))
    }

    /// Puts a letter off that could not be sent.
    pub async fn put_mail_off(&self, mail: &Queued, until: Timestamp) -> Result<(), Error> {
        let step = Step::any(&PUT_OFF, values![mail.id, mail.tries + 1, until]);
        self.engine.commit(vec![step]).await?;
        Ok(())
    }

    /// Removes a letter: sent, pointless or given up.
    pub async fn remove_mail(&self, mail: &Queued) -> Result<(), Error> {
        self.engine.commit(vec![Step::any(&REMOVE, values![mail.id])]).await?;
        Ok(())
    }

    fn queued(&self, mut row: Row) -> Result<Queued, Error> {
        let id = row.id(0)?;
        let sealed = row.bytes(1)?;
        Ok(Queued {
            id,
            letter: self.sealer.open(place(&id), &sealed),
            tries: row.int(2)?,
            created_at: row.time(3)?,
            due_at: row.time(4)?,
        })
    }
}

fn place(id: &Id) -> Place<'_> {
    Place { column: "mail_queue.sealed", row: &id.0 }
}

static QUEUE: Statement = Statement::new(
    "mail_queue.queue",
    "INSERT INTO mail_queue (id, sealed, tries, created_at, due_at)
     SELECT $1, $2, 0, $3, $3 WHERE (SELECT COUNT(*) FROM mail_queue) < $4",
);

static ONCE: Statement = Statement::new(
    "mail_queue.once",
    "INSERT INTO spent_once (hash, expires_at) VALUES ($1, $2)
     ON CONFLICT (hash) DO UPDATE SET expires_at = excluded.expires_at
      WHERE spent_once.expires_at <= $3",
);

static DUE: Statement = Statement::new(
    "mail_queue.due",
    "SELECT id, sealed, tries, created_at, due_at FROM mail_queue
      WHERE due_at <= $1 ORDER BY due_at, id LIMIT $2",
);

static TAKE: Statement = Statement::new(
    "mail_queue.take",
    "UPDATE mail_queue SET due_at = $4, tries = tries + 1
      WHERE id = $1 AND due_at = $2 AND tries = $3",
);

static PUT_OFF: Statement = Statement::new(
    "mail_queue.put_off",
    "UPDATE mail_queue SET due_at = $3 WHERE id = $1 AND tries = $2",
);

static REMOVE: Statement =
    Statement::new("mail_queue.remove", "DELETE FROM mail_queue WHERE id = $1");

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[&QUEUE, &ONCE, &DUE, &TAKE, &PUT_OFF, &REMOVE];
