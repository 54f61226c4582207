//! What happened, who did it and to whom: appended in the same commit as the change itself, never
//! altered. Holds no secrets; leaves only by the purge of the audit window.

use keyhaven_protocol::id::{Id, OrganizationId, UserId};
use keyhaven_protocol::time::{Seconds, Timestamp};

use crate::act::Plan;
use crate::engine::{Commit, Row, Statement, Step};
use crate::{Act, Error, Listed, Outcome, Page, Reach, Store, values};

/// An audit row before it is written.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The tenant concerned; `None` for the instance.
    pub organization: Option<OrganizationId>,
    /// Who did it, for example `client:kh_client_…`.
    pub actor: String,
    /// `noun.verb` in the past tense, for example `client.registered`.
    pub action: String,
    /// What it was done to, for example `client:kh_client_…`.
    pub target: String,
    /// JSON object with what changed. Never secrets.
    pub detail: String,
    /// Correlation id of the request.
    pub request: String,
}

impl Entry {
    /// The step that writes it, to be appended to the change's commit.
    #[must_use]
    pub fn step(self, id: Id, at: Timestamp) -> Step {
        Step::one(
            &APPEND,
            values![
                id,
                at,
                self.organization.map(|organization| organization.0),
                self.actor,
                self.action,
                self.target,
                self.detail,
                self.request,
            ],
        )
    }
}

/// An audit row as written.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its id, growing with time.
    pub id: Id,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub entry: Entry,
}

impl Store {
    /// Writes down that this node's wall clock jumped by `jump`.
    pub async fn note_clock_jump(&self, jump: Seconds, mut act: Act) -> Result<Outcome, Error> {
        let detail = format!(r#"{{"seconds":{}}}"#, jump.0);
        let plan = Plan::default().also(act.audit(None, "clock.jumped", "node", detail));
        self.carry_out(plan, act).await
    }

    /// Writes down which tokens of connections were handed out, many at a time.
    pub async fn record_token_reads(
        &self,
        reads: Vec<(Id, Timestamp, Entry)>,
    ) -> Result<(), Error> {
        let steps = reads.into_iter().map(|(id, at, entry)| entry.step(id, at)).collect();
        match self.engine.commit(steps).await? {
            Commit::Done(_) => Ok(()),
            Commit::Lost(_) => Err(Error::broken("an audit row was not appended")),
        }
    }

    /// What happened within reach, newest first; `action` keeps one kind only.
    pub async fn list_audit(
        &self,
        reach: Reach,
        action: Option<&str>,
        page: Page,
    ) -> Result<Listed<Recorded>, Error> {
        let rows = match reach {
            Reach::Organization(organization) => {
                let values = values![organization.0, action, page.below(), page.fetch()];
                self.engine.read(&NEWEST_IN_ORGANIZATION, values).await?
            }
            Reach::Instance => {
                self.engine.read(&NEWEST, values![action, page.below(), page.fetch()]).await?
            }
        };
        page.of(rows, recorded, |row| row.id)
    }

    /// The history of one person's sign-ins, newest first.
    pub async fn list_sign_ins(&self, user: UserId, page: Page) -> Result<Listed<Recorded>, Error> {
        let values = values![format!("user:{user}"), page.below(), page.fetch()];
        let rows = self.engine.read(&SIGN_INS, values).await?;
        page.of(rows, recorded, |row| row.id)
    }

    /// What happened within reach after the cursor, oldest first. `before` is the smallest id not
    /// yet settled: nodes commit out of id order, and a follower must not step over a late row.
    pub async fn follow_audit(
        &self,
        reach: Reach,
        action: Option<&str>,
        before: Id,
        page: Page,
    ) -> Result<Listed<Recorded>, Error> {
        let rows = match reach {
            Reach::Organization(organization) => {
                let values = values![organization.0, action, page.above(), before, page.fetch()];
                self.engine.read(&FOLLOWING_IN_ORGANIZATION, values).await?
            }
            Reach::Instance => {
                let values = values![action, page.above(), before, page.fetch()];
                self.engine.read(&FOLLOWING, values).await?
            }
        };
        page.of(rows, recorded, |row| row.id)
    }
}

fn recorded(mut row: Row) -> Result<Recorded, Error> {
    Ok(Recorded {
        id: row.id(0)?,
        at: row.time(1)?,
        entry: Entry {
            organization: row.maybe_id(2)?.map(OrganizationId),
            actor: row.text(3)?,
            action: row.text(4)?,
            target: row.text(5)?,
            detail: row.text(6)?,
            request: row.text(7)?,
        },
    })
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, at, organization, actor, action, target, detail, request FROM audit ",
            $rest
        )
    };
}

static APPEND: Statement = Statement::append(
    "audit.append",
    "INSERT INTO audit (id, at, organization, actor, action, target, detail, request)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
);

static NEWEST_IN_ORGANIZATION: Statement = Statement::new(
    "audit.newest_in_organization",
    select!(
        "WHERE organization = $1 AND action = COALESCE($2, action) AND id < $3
         ORDER BY id DESC LIMIT $4"
    ),
);

static NEWEST: Statement = Statement::new(
    "audit.newest",
    select!("WHERE action = COALESCE($1, action) AND id < $2 ORDER BY id DESC LIMIT $3"),
);

static FOLLOWING_IN_ORGANIZATION: Statement = Statement::new(
    "audit.following_in_organization",
    select!(
        "WHERE organization = $1 AND action = COALESCE($2, action) AND id > $3 AND id < $4
         ORDER BY id LIMIT $5"
    ),
);

static FOLLOWING: Statement = Statement::new(
    "audit.following",
    select!("WHERE action = COALESCE($1, action) AND id > $2 AND id < $3 ORDER BY id LIMIT $4"),
);

// The actions are those of the index that this walks (migration of people), and written as there: with
// a list in it, SQLite would build a table for that list at every audit row.
static SIGN_INS: Statement = Statement::new(
    "audit.sign_ins",
    select!(
        "WHERE target = $1 AND (action = 'session.begun' OR action = 'session.ended' OR \
         action = 'sessions.ended' OR action = 'sign_in.failed') AND id < $2 \
         ORDER BY id DESC LIMIT $3"
    ),
);

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] =
    &[&APPEND, &NEWEST_IN_ORGANIZATION, &NEWEST, &FOLLOWING_IN_ORGANIZATION, &FOLLOWING, &SIGN_INS];
