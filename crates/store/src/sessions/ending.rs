//! The ends of sessions: one, all of a person, all but one. What was handed out from a session and
//! whatever else hangs below it dies with it; other nodes refuse it within a second.

use keyhaven_protocol::id::{SessionId, UserId};

use super::{person, statements};
use crate::changes::{Change, Kind, Receipt};
use crate::engine::Step;
use crate::{Act, Error, Outcome, Plan, Store, values};

/// Why sessions end, as the revocation graph keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The person signed out.
    SignedOut,
    /// The person ended it from another session.
    EndedByOwner,
    /// An administrator ended it.
    EndedByAdministrator,
    /// A password, factor or address changed.
    CredentialsChanged,
}

impl Why {
    const fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "signed out",
            Self::EndedByOwner => "ended by its owner",
            Self::EndedByAdministrator => "ended by an administrator",
            Self::CredentialsChanged => "credentials changed",
        }
    }
}

impl Store {
    /// Ends a session of `user`, and with it what was issued under it. `Absent` when it has ended
    /// already or is somebody else's.
    pub async fn end_session(
        &self,
        user: UserId,
        id: SessionId,
        why: Why,
        mut act: Act,
    ) -> Result<(Outcome, Receipt), Error> {
        let now = act.now;
        let detail = serde_json::json!({ "session": id.to_string(), "why": why.as_str() });
        let owned = Step::one(&statements::OWNED, values![user.0, id.0]);
        let revoke = Step::one(&statements::REVOKE, values![id.0, now, why.as_str()]);
        let below = Step::any(&statements::REVOKE_BELOW, values![id.0, now, why.as_str()]);
        let plan = Plan::default()
            .must(owned, Outcome::Absent)
            .must(revoke, Outcome::Absent)
            .also(below)
            .also(act.audit(None, "session.ended", person(user), detail.to_string()))
            .also(act.publish(Change::of(Kind::Grant, id.0)));
        let outcome = self.carry_out(plan, act).await?;
        Ok((outcome, self.receipt(now)))
    }

    /// Ends every session of a user, except one where one is named.
    pub async fn end_sessions(
        &self,
        user: UserId,
        but: Option<SessionId>,
        why: Why,
        mut act: Act,
    ) -> Result<Receipt, Error> {
        let now = act.now;
        let plan = ending_all(user, but, why, &mut act);
        self.carry_out(plan, act).await?;
        Ok(self.receipt(now))
    }
}

/// The steps that end every session of a user but one.
fn ending_all(user: UserId, but: Option<SessionId>, why: Why, act: &mut Act) -> Plan {
    let revoke = match but {
        None => Step::any(&statements::REVOKE_ALL, values![user.0, act.now, why.as_str()]),
        Some(but) => {
            let values = values![user.0, act.now, why.as_str(), but.0];
            Step::any(&statements::REVOKE_OTHERS, values)
        }
    };
    let detail = serde_json::json!({
        "why": why.as_str(),
        "but": but.map(|but| but.to_string()),
    });
    Plan::default()
        .also(revoke)
        .also(act.audit(None, "sessions.ended", person(user), detail.to_string()))
        .also(act.publish(Change::of(Kind::User, user.0)))
}

/// The steps that end every session of a user but `keep`, for the commit that changes one of their
/// factors (V7.4.3).
#[must_use]
pub fn ending_others(user: UserId, keep: Option<SessionId>, act: &mut Act) -> Plan {
    ending_all(user, keep, Why::CredentialsChanged, act)
}

/// The steps that end whatever somebody who knew the old password, or read the old mailbox, may have
/// begun: every session but one, and what apps were given to work with while nobody is signed in,
/// which hangs on no session (V7.4.3).
pub(crate) fn ending_all_and_apps(
    user: UserId,
    but: Option<SessionId>,
    why: Why,
    act: &mut Act,
) -> Plan {
    let apps = Step::any(&statements::REVOKE_OFFLINE, values![user.0, act.now, why.as_str()]);
    ending_all(user, but, why, act).also(apps)
}

/// The steps that end a session because another takes its place.
pub(super) fn replaced(id: SessionId, act: &mut Act) -> Plan {
    const WHY: &str = "replaced by a new sign-in";
    let now = act.now;
    Plan::default()
        .also(Step::any(&statements::REVOKE, values![id.0, now, WHY]))
        .also(Step::any(&statements::REVOKE_BELOW, values![id.0, now, WHY]))
        .also(act.publish(Change::of(Kind::Grant, id.0)))
}
