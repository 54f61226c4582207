//! Sign-ins under way: found by a handle, bound to the browser that began them, good for one
//! outcome. Before the first factor a pending sign-in knows where to go on; after it, who is coming
//! and what is still needed. It opens nothing else: there is no session before the last factor.

use keyhaven_protocol::continuation::Continuation;
use keyhaven_protocol::id::{Id, UserId};
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::sign_in::{Method, Methods};
use keyhaven_protocol::time::{Seconds, Timestamp};

use crate::engine::{Commit, Row, Statement, Step};
use crate::sign_in_tries::Counter;
use crate::{Error, Outcome, Plan, Store, values};

/// How long a sign-in may take.
pub const LIVES: Seconds = Seconds(15 * 60);

/// Wrong answers to the second factor before the person must begin again (A63).
pub const MOST_TRIES: i64 = 5;

/// A sign-in under way.
#[derive(Clone, Debug)]
pub struct PendingSignIn {
    /// Its id, part of the handle.
    pub id: Id,
    /// The digest of the handle.
    pub hash: Digest,
    /// The digest of what the browser holds in its cookie.
    pub browser: Digest,
    /// Where it leads.
    pub continue_to: Continuation,
    /// Who has shown a first factor.
    pub user: Option<UserId>,
    /// What was shown so far.
    pub methods: Methods,
    /// What is still needed after the first factor; any one of these.
    pub wanted: Vec<Method>,
    /// What the next factor must answer, such as a WebAuthn challenge or a mailed code's digest.
    pub challenge: Option<Vec<u8>>,
    /// Wrong answers so far.
    pub tries: i64,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Store {
    /// Begins a sign-in, if `counter` has a try left. `Some` when it has none: wait this long.
    pub async fn begin_sign_in(
        &self,
        new: &PendingSignIn,
        counter: Counter,
    ) -> Result<Option<Seconds>, Error> {
        self.take_tries_for(&[counter], vec![begin(new)], new.created_at).await
    }

    /// Goes on after a first factor: the old handle is spent and the new one knows who is coming.
    /// `with` holds what that factor spent. `Moved` when the old handle was spent before.
    pub async fn advance_sign_in(
        &self,
        from: &PendingSignIn,
        to: &PendingSignIn,
        with: Plan,
        act: crate::Act,
    ) -> Result<Outcome, Error> {
        let plan = with.and(spending(from)).also(begin(to));
        self.carry_out(plan, act).await
    }

    /// The sign-in of this handle in this browser, while it lives.
    pub async fn find_sign_in(
        &self,
        handle: &keyhaven_protocol::credential::Presented,
        browser: Digest,
        now: Timestamp,
    ) -> Result<Option<PendingSignIn>, Error> {
        let rows = self.engine.read(&FIND, values![handle.id, now]).await?;
        let found = rows.into_iter().next().map(pending).transpose()?;
        Ok(found.filter(|found| found.hash == handle.digest && found.browser == browser))
    }

    /// Keeps what the next factor must answer.
    pub async fn challenge_sign_in(
        &self,
        pending: &PendingSignIn,
        challenge: &[u8],
    ) -> Result<(), Error> {
        let step = Step::any(&CHALLENGE, values![pending.id, pending.hash, challenge]);
        self.engine.commit(vec![step]).await?;
        Ok(())
    }

    /// Takes one of the tries at the second factor. `false` when none is left: the write counts, so
    /// ten thousand guesses at once are still five.
    pub async fn try_sign_in(&self, pending: &PendingSignIn) -> Result<bool, Error> {
        let step = Step::one(&TRY, values![pending.id, pending.hash, MOST_TRIES]);
        Ok(matches!(self.engine.commit(vec![step]).await?, Commit::Done(_)))
    }
}

/// The step that spends a pending sign-in, to go into the commit of what it was for.
#[must_use]
pub fn spending(pending: &PendingSignIn) -> Plan {
    let step = Step::one(&SPEND, values![pending.id, pending.hash]);
    Plan::default().must(step, Outcome::Moved)
}

fn begin(new: &PendingSignIn) -> Step {
    let wanted: Vec<_> = new.wanted.iter().map(|method| method.as_str()).collect();
    Step::one(
        &BEGIN,
        values![
            new.id,
            new.hash,
            new.browser,
            new.continue_to.as_str(),
            new.user.map(|user| user.0),
            new.methods.to_string(),
            wanted.join(" "),
            new.challenge.as_deref(),
            new.created_at,
            new.expires_at,
        ],
    )
}

fn pending(mut row: Row) -> Result<PendingSignIn, Error> {
    let wanted = Methods::parse(&row.text(6)?).map_err(Error::broken)?;
    Ok(PendingSignIn {
        id: row.id(0)?,
        hash: row.digest(1)?,
        browser: row.digest(2)?,
        continue_to: Continuation::parse(&row.text(3)?).map_err(Error::broken)?,
        user: row.maybe_id(4)?.map(UserId),
        methods: Methods::parse(&row.text(5)?).map_err(Error::broken)?,
        wanted: wanted.iter().collect(),
        challenge: row.maybe_bytes(7)?,
        tries: row.int(8)?,
        created_at: row.time(9)?,
        expires_at: row.time(10)?,
    })
}

static BEGIN: Statement = Statement::new(
    "pending_sign_ins.begin",
    "INSERT INTO pending_sign_ins (id, hash, browser, continue_to, member, methods, wanted, challenge, tries,
                                   created_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10)",
);

static FIND: Statement = Statement::new(
    "pending_sign_ins.find",
    "SELECT id, hash, browser, continue_to, member, methods, wanted, challenge, tries, created_at, expires_at
       FROM pending_sign_ins WHERE id = $1 AND expires_at > $2",
);

static CHALLENGE: Statement = Statement::new(
    "pending_sign_ins.challenge",
    "UPDATE pending_sign_ins SET challenge = $3 WHERE id = $1 AND hash = $2",
);

static TRY: Statement = Statement::new(
    "pending_sign_ins.try",
    "UPDATE pending_sign_ins SET tries = tries + 1 WHERE id = $1 AND hash = $2 AND tries < $3",
);

static SPEND: Statement = Statement::new(
    "pending_sign_ins.spend",
    "DELETE FROM pending_sign_ins WHERE id = $1 AND hash = $2",
);

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[&BEGIN, &FIND, &CHALLENGE, &TRY, &SPEND];
