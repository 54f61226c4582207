//! Sessions: begun with a grant of the same id, recognised by hash, seen, switched, ended.
//!
//! A look-up is answered from memory while that is fresh (`recall_session`); ends and switches reach
//! other nodes through `changes` within a second. "Last seen" is written behind, at most every
//! [`SEEN_EVERY`]: a crash loses that much of it and the job's own period, so an idle end may come
//! that much early, never late. Who may sign in is not decided here.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use keyhaven_protocol::credential::Presented;
use keyhaven_protocol::id::{OrganizationId, ProjectId, SessionId, UserId};
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::session::{Account, Ended, Session};
use keyhaven_protocol::sign_in::Methods;
use keyhaven_protocol::time::{Seconds, Timestamp};

use crate::changes::{Change, Kind};
use crate::engine::{Row, Step};
use crate::people::Person;
use crate::{Act, Error, Outcome, Plan, Store, values};

mod begin;
mod ending;
mod listing;
mod statements;

pub use begin::{MOST_SESSIONS, NewSession};
pub(crate) use ending::ending_all_and_apps;
pub use ending::{Why, ending_others};
pub use listing::SessionRecord;
pub use statements::STATEMENTS;

/// How much of "last seen" is not worth a write.
pub const SEEN_EVERY: Seconds = Seconds(60);

/// A session as this node knows it, with the person behind it.
#[derive(Debug)]
pub struct SignedIn {
    /// What the session says.
    pub session: Session,
    /// Who is signed in.
    pub person: Arc<Person>,
    pub(crate) hash: Digest,
    pub(crate) ended: Ended,
    seen_at: AtomicI64,
}

impl SignedIn {
    /// When it was last used, as far as this node knows.
    #[must_use]
    pub fn seen_at(&self) -> Timestamp {
        Timestamp(self.seen_at.load(Ordering::Relaxed))
    }

    /// Whether the person may act.
    #[must_use]
    pub fn account(&self) -> Account {
        self.person.account()
    }

    /// Whether somebody ended it.
    #[must_use]
    pub const fn ended(&self) -> Ended {
        self.ended
    }
}

impl Store {
    /// The session a credential names, if its secret fits, with the person behind it. `None` also
    /// when either is gone. From memory while that is fresh at the monotonic instant `tick`.
    pub async fn recall_session(
        &self,
        presented: &Presented,
        tick: u64,
        now: Timestamp,
    ) -> Result<Option<Arc<SignedIn>>, Error> {
        let id = SessionId(presented.id);
        let fresh = self.known.is_fresh(tick);
        if let (true, Some(known)) = (fresh, self.known.session(id, tick)) {
            if known.hash != presented.digest {
                return Ok(None);
            }
            // Another node may have seen it used: before "idle" is believed, the database is asked.
            if self.known.still_says(&known) && !known.session.is_idle(known.seen_at(), now) {
                return Ok(Some(known));
            }
        }
        let generation = self.known.generation();
        let Some((session, hash, ended, seen_at)) = self.read_session(id).await? else {
            return Ok(None);
        };
        if hash != presented.digest {
            return Ok(None);
        }
        let person = if fresh { self.known.person(session.user) } else { None };
        let person = match person {
            Some(person) => person,
            None => match self.find_person(session.user).await? {
                Some(person) => Arc::new(person),
                None => return Ok(None),
            },
        };
        let seen_at = AtomicI64::new(seen_at.max(self.known.seen(id)).0);
        let signed_in = Arc::new(SignedIn { session, person, hash, ended, seen_at });
        if ended == Ended::No {
            self.known.remember_session(signed_in.clone(), tick, generation);
        }
        Ok(Some(signed_in))
    }

    async fn read_session(
        &self,
        id: SessionId,
    ) -> Result<Option<(Session, Digest, Ended, Timestamp)>, Error> {
        let rows = self.engine.read(&statements::FIND, values![id.0]).await?;
        rows.into_iter().next().map(recognised).transpose()
    }

    /// Notes that a session was used. Costs nothing within [`SEEN_EVERY`] of the last note.
    pub fn see_session(&self, signed_in: &SignedIn, now: Timestamp) {
        let before = signed_in.seen_at();
        if now < before.plus(SEEN_EVERY) {
            return;
        }
        let at = &signed_in.seen_at;
        let first = at.compare_exchange(before.0, now.0, Ordering::Relaxed, Ordering::Relaxed);
        if first.is_ok() && !self.known.note_seen(signed_in.session.id, now) {
            // No room: tried again at the next use.
            at.store(before.0, Ordering::Relaxed);
        }
    }

    /// Writes down a chunk of what was seen; whether more waits.
    pub async fn write_seen(&self) -> Result<bool, Error> {
        let noted = self.known.noted_seen(CHUNK);
        if noted.is_empty() {
            return Ok(false);
        }
        let steps = noted.iter().map(|(id, at)| Step::any(&statements::SEE, values![id.0, *at]));
        self.engine.commit(steps.collect()).await?;
        self.known.written_seen(&noted);
        Ok(noted.len() == CHUNK)
    }

    /// Moves a session to an organization and project. The token and the remaining life stay.
    /// `Absent` when the session has ended, `Unknown("organization", 0)` when the person does not
    /// belong there, `Unknown("project", 0)` when the organization has no such project.
    pub async fn switch_scope(
        &self,
        session: &Session,
        organization: Option<OrganizationId>,
        project: Option<ProjectId>,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let to =
            values![session.id.0, organization.map(|id| id.0), project.map(|id| id.0), act.now];
        let mut plan = Plan::default();
        if let Some(organization) = organization {
            let belongs = values![organization.0, session.user.0];
            plan = plan
                .must(Step::one(&statements::BELONG, belongs), Outcome::Unknown("organization", 0));
            if let Some(project) = project {
                let holds = values![organization.0, project.0];
                plan = plan.must(
                    Step::one(&statements::HOLD_PROJECT, holds),
                    Outcome::Unknown("project", 0),
                );
            }
        }
        let detail = serde_json::json!({
            "organization": organization.map(|id| id.to_string()),
            "project": project.map(|id| id.to_string()),
        });
        let plan = plan
            .must(Step::one(&statements::SWITCH, to), Outcome::Absent)
            .also(act.audit(
                organization,
                "session.switched",
                target(session.id),
                detail.to_string(),
            ))
            .also(act.publish(Change::of(Kind::Session, session.id.0)));
        self.carry_out(plan, act).await
    }

    /// Gives a session of `user` a name.
    pub async fn name_session(
        &self,
        user: UserId,
        id: SessionId,
        name: &str,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let plan = Plan::default()
            .must(Step::one(&statements::NAME, values![user.0, id.0, name]), Outcome::Absent)
            .also(act.audit(None, "session.named", target(id), "{}"));
        self.carry_out(plan, act).await
    }
}

/// Rows of "last seen" in one commit.
const CHUNK: usize = 500;

/// Sign-ins are told of their person, so that a person's history is one look-up.
pub(crate) fn person(id: UserId) -> String {
    format!("user:{id}")
}

pub(crate) fn target(id: SessionId) -> String {
    format!("session:{id}")
}

fn recognised(mut row: Row) -> Result<(Session, Digest, Ended, Timestamp), Error> {
    let ended = if row.maybe_int(12)?.is_some() { Ended::Yes } else { Ended::No };
    let (hash, seen_at) = (row.digest(1)?, row.time(9)?);
    let session = Session {
        id: SessionId(row.id(0)?),
        parent: row.maybe_id(2)?.map(SessionId),
        user: UserId(row.id(3)?),
        organization: row.maybe_id(4)?.map(OrganizationId),
        project: row.maybe_id(5)?.map(ProjectId),
        methods: Methods::parse(&row.text(6)?).map_err(Error::broken)?,
        authenticated_at: row.time(7)?,
        created_at: row.time(8)?,
        idle: Seconds(row.int(10)?),
        ends_at: row.time(11)?,
    };
    Ok((session, hash, ended, seen_at))
}
