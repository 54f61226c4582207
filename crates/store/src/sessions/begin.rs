//! The beginning of a session: one commit that spends what paid for it, ends the session it takes
//! the place of, and writes the grant, the row and the audit. All of it happens or none.

use keyhaven_protocol::id::{OrganizationId, ProjectId, SessionId, UserId};
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::sign_in::Methods;
use keyhaven_protocol::time::{Seconds, Timestamp};
use serde_json::json;

use super::{person, statements};
use crate::engine::{Step, Value};
use crate::{Act, Error, Outcome, Plan, Store, users, values};

/// Live sessions one person may have; with one more the oldest ends.
pub const MOST_SESSIONS: i64 = 100;

/// A session about to begin.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its id, which is its grant's.
    pub id: SessionId,
    /// The digest of its token.
    pub hash: Digest,
    /// The session it is handed out from: it dies with that one.
    pub parent: Option<SessionId>,
    /// Who signs in.
    pub user: UserId,
    /// Where it acts first.
    pub organization: Option<OrganizationId>,
    /// In which project.
    pub project: Option<ProjectId>,
    /// What the browser or program calls itself.
    pub agent: String,
    /// The network address it came from.
    pub address: String,
    /// How the person proved who they are.
    pub methods: Methods,
    /// When they did.
    pub authenticated_at: Timestamp,
    /// The end if unused this long.
    pub idle: Seconds,
    /// The end in any case.
    pub ends_at: Timestamp,
    /// The session this one takes the place of (a new id at each authentication).
    pub replaces: Option<SessionId>,
}

impl Store {
    /// Begins a session. `with` holds what must be spent for it, such as a pending sign-in, a code
    /// or a try that is given back: of many who spend the same thing, one gets a session, and the
    /// others hear that step's miss. `Absent` when the user is gone or disabled.
    pub async fn begin_session(
        &self,
        new: &NewSession,
        with: Plan,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let now = act.now;
        let mut plan = with
            .must(users::hold_active(new.user), Outcome::Absent)
            .also(Step::one(&statements::BEGIN_GRANT, grant(new, now)))
            .also(Step::one(&statements::BEGIN, row(new, now)));
        if let Some(replaced) = new.replaces {
            plan = plan.and(super::ending::replaced(replaced, &mut act));
        }
        let make_room = values![new.user.0, now, MOST_SESSIONS];
        let detail = json!({
            "session": new.id.to_string(),
            "methods": new.methods.to_string(),
            "address": new.address,
            "agent": new.agent,
        });
        let plan = plan.also(Step::any(&statements::REVOKE_OLDEST, make_room)).also(act.audit(
            new.organization,
            "session.begun",
            person(new.user),
            detail.to_string(),
        ));
        self.carry_out(plan, act).await
    }
}

fn grant(new: &NewSession, now: Timestamp) -> Vec<Value> {
    values![
        new.id.0,
        new.parent.map(|parent| parent.0),
        "session",
        new.user.0,
        "",
        now,
        new.ends_at
    ]
}

fn row(new: &NewSession, now: Timestamp) -> Vec<Value> {
    values![
        new.id.0,
        new.hash,
        new.parent.map(|parent| parent.0),
        new.user.0,
        new.organization.map(|organization| organization.0),
        new.project.map(|project| project.0),
        "",
        new.agent.as_str(),
        new.address.as_str(),
        new.methods.to_string(),
        new.authenticated_at,
        now,
        now,
        new.idle.0,
        new.ends_at,
    ]
}
