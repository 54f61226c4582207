//! Sessions as every door sees them: recognise, see, switch, end. The credential is a
//! `kh_session_…`, whether it came in the pages' cookie, the dashboard's header, or as a bearer.

use std::sync::Arc;

use keyhaven_protocol::credential::{self, Kind};
use keyhaven_protocol::id::{OrganizationId, ProjectId, SessionId, UserId};
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::session::{Barred, enters};
use keyhaven_store::changes::Receipt;
use keyhaven_store::people::Place;
use keyhaven_store::sessions::{SignedIn, Why};
use keyhaven_store::{Error, Outcome};

use super::Failure;
use crate::app::{App, Origin};

/// The session a text names, if it stands. Using it counts as having been seen.
pub async fn recognise_session(app: &App, text: &str) -> Result<Arc<SignedIn>, Failure> {
    let Some(presented) = credential::parse_kind(Kind::Session, text) else {
        return Err(Refusal::token("not a session of ours").into());
    };
    let (now, tick) = (app.clock.now(), app.clock.tick());
    let Some(signed_in) = app.store.recall_session(&presented, tick, now).await? else {
        return Err(Refusal::token("the session is unknown").into());
    };
    let session = &signed_in.session;
    session.stands(signed_in.account(), signed_in.ended(), signed_in.seen_at(), now)?;
    app.store.see_session(&signed_in, now);
    Ok(signed_in)
}

/// Where a session acts: `None` when it has chosen no organization, `Barred` when it may not act
/// where it chose any more. The person is signed in all the same.
pub fn place(signed_in: &SignedIn) -> Result<Option<&Place>, Barred> {
    let Some(organization) = signed_in.session.organization else { return Ok(None) };
    let membership = signed_in.person.membership(organization);
    enters(membership, &signed_in.session.methods)?;
    Ok(signed_in.person.place(organization))
}

/// How a switch went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switched {
    /// The session acts there from now on.
    Done,
    /// The organization cannot be entered.
    Barred(Barred),
    /// The organization has no such project.
    NoSuchProject,
}

/// Moves a session to an organization and a project of it. Without an organization the present one
/// stays, and is checked all the same; without a project the first one is taken, unless the
/// organization stays. Token and remaining life do not change.
pub async fn switch_scope(
    app: &App,
    signed_in: &SignedIn,
    organization: Option<OrganizationId>,
    project: Option<ProjectId>,
    origin: &Origin,
) -> Result<Switched, Failure> {
    let session = &signed_in.session;
    let person = &signed_in.person;
    let Some(to) = organization.or(session.organization) else { return Ok(Switched::Done) };
    if let Err(barred) = enters(person.membership(to), &session.methods) {
        return Ok(Switched::Barred(barred));
    }
    let stays = session.organization == Some(to);
    let project = match project {
        Some(project) => Some(project),
        None if stays => session.project,
        None => person.place(to).and_then(|place| place.projects.first()).map(|found| found.id),
    };
    if stays && project == session.project {
        return Ok(Switched::Done);
    }
    let act = app.act(format!("user:{}", session.user), origin);
    match app.store.switch_scope(session, Some(to), project, act).await? {
        Outcome::Done => Ok(Switched::Done),
        Outcome::Unknown("project", _) => Ok(Switched::NoSuchProject),
        Outcome::Unknown(..) => Ok(Switched::Barred(Barred::NotAMember)),
        Outcome::Absent => Err(Refusal::token("the session was ended").into()),
        other => Err(Error::broken(format!("a switch ended as {other:?}")).into()),
    }
}

/// Signs out. A session that was handed out from another ends with it, and with everything else
/// that was: the person has left this browser.
pub async fn sign_out(
    app: &App,
    signed_in: &SignedIn,
    origin: &Origin,
) -> Result<Receipt, Failure> {
    let session = &signed_in.session;
    let root = session.parent.unwrap_or(session.id);
    let actor = format!("user:{}", session.user);
    let act = app.act(actor.clone(), origin);
    let (outcome, receipt) = app.store.end_session(session.user, root, Why::SignedOut, act).await?;
    if outcome == Outcome::Absent && root != session.id {
        // The one above has ended or left; this one must end all the same.
        let act = app.act(actor, origin);
        return Ok(app.store.end_session(session.user, session.id, Why::SignedOut, act).await?.1);
    }
    Ok(receipt)
}

/// Ends one session of a person, as that person. `false` when there is no such live session.
pub async fn end_own_session(
    app: &App,
    user: UserId,
    id: SessionId,
    origin: &Origin,
) -> Result<bool, Failure> {
    let act = app.act(format!("user:{user}"), origin);
    let (outcome, _) = app.store.end_session(user, id, Why::EndedByOwner, act).await?;
    Ok(outcome == Outcome::Done)
}

/// Ends every session of a person but the one they are using.
pub async fn end_other_sessions(
    app: &App,
    signed_in: &SignedIn,
    origin: &Origin,
) -> Result<Receipt, Failure> {
    let session = &signed_in.session;
    let keep = session.parent.unwrap_or(session.id);
    let act = app.act(format!("user:{}", session.user), origin);
    Ok(app.store.end_sessions(session.user, Some(keep), Why::EndedByOwner, act).await?)
}

/// Ends every session of a person, the one they are using too.
pub async fn sign_out_everywhere(
    app: &App,
    signed_in: &SignedIn,
    origin: &Origin,
) -> Result<Receipt, Failure> {
    let user = signed_in.session.user;
    let act = app.act(format!("user:{user}"), origin);
    Ok(app.store.end_sessions(user, None, Why::SignedOut, act).await?)
}
