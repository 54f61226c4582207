//! Signing in, one function per step. Pages, the `/rpc/auth.*` door and the authorization endpoint
//! all use these; none of them decides anything itself.
//!
//! **The seam for factors.** A factor proves something and then calls one of two functions:
//!
//! - [`complete_first_factor`] with the pending sign-in, the user and the [`Method`]. It asks
//!   `protocol::sign_in::decide` what the person's second factors and their home organization
//!   demand, and answers [`Next::SignedIn`] or [`Next::SecondFactor`].
//! - [`complete_second_factor`] with the pending sign-in that the first step made.
//!
//! Both take a `Plan` (`with`): what the factor itself must spend, such as a TOTP step or a recovery
//! code. It goes into the same commit, so a code that was used by someone else in the meantime means
//! no session. Take a try with [`take_try`] *before* comparing anything a person typed. A factor
//! that is set up or removed notes that in its own commit (`people::enrolling`, `people::leaving`);
//! `Store::list_second_factors` is the one list of what a person has.
//!
//! A pending sign-in is found by its handle **and** the browser's own cookie ([`find`]). After each
//! factor both are new: what was planted in a browser before is worth nothing afterwards (A14).

use keyhaven_protocol::continuation::Continuation;
use keyhaven_protocol::credential::{self, Kind};
use keyhaven_protocol::id::{Id, OrganizationId, SessionId};
use keyhaven_protocol::refusal::{Code, Refusal};
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::session::enters;
use keyhaven_protocol::sign_in::{Decision, Facts, Method, Methods, decide, decide_second};
use keyhaven_protocol::time::Timestamp;
use keyhaven_store::pending_sign_ins::{self, LIVES, PendingSignIn};
use keyhaven_store::people::Person;
use keyhaven_store::sessions::NewSession;
use keyhaven_store::sign_in_tries::{Counter, giving_back};
use keyhaven_store::{Error, Outcome, Plan};

use super::sign_in_tries::{TOO_MANY_OPENINGS, allowed, openings};
use super::{Failure, Refused, known_device};
use crate::app::{App, Origin};

/// Who is at the door.
#[derive(Clone, Copy, Debug)]
pub struct Visitor<'a> {
    /// What the browser holds in the cookie that its pending sign-ins are bound to.
    pub browser: &'a Secret,
    /// What makes it a known device, if it has that.
    pub device: Option<&'a Secret>,
    /// What it calls itself.
    pub agent: &'a str,
    /// The session it has now, which ends when a new one begins.
    pub session: Option<SessionId>,
    /// Where it comes from.
    pub origin: &'a Origin,
}

/// What comes after a factor.
#[derive(Debug)]
pub enum Next {
    /// The person is signed in.
    SignedIn(Box<Opened>),
    /// One of these factors is still needed; the handle and the browser's cookie are new.
    SecondFactor {
        /// Names the pending sign-in from now on.
        handle: Secret,
        /// What the browser's cookie must hold from now on.
        browser: Secret,
        /// Any one of these completes it.
        wanted: Vec<Method>,
    },
}

/// A session that has just begun.
#[derive(Debug)]
pub struct Opened {
    /// Its token, for the cookie or header.
    pub token: Secret,
    /// Its id.
    pub id: SessionId,
    /// Where it acts.
    pub organization: Option<OrganizationId>,
    /// Its end in any case.
    pub ends_at: Timestamp,
    /// Where the sign-in leads.
    pub continue_to: Continuation,
    /// Makes this browser a known device of the person from now on.
    pub device: Secret,
}

/// A fresh value for the cookie that pending sign-ins are bound to.
#[must_use]
pub fn new_browser(app: &App) -> Secret {
    credential::mint(Kind::Flow, app.id(), &app.dice.bytes())
}

/// Begins a sign-in that leads to `continue_to`. The handle may stand in pages and URLs. One network
/// begins so many.
pub async fn begin(
    app: &App,
    browser: &Secret,
    continue_to: Continuation,
    origin: &Origin,
) -> Result<Secret, Failure> {
    let (pending, handle) = new_pending(app, browser, continue_to);
    let wait = app.store.begin_sign_in(&pending, openings(origin)).await?;
    allowed(wait, TOO_MANY_OPENINGS)?;
    Ok(handle)
}

/// The sign-in of a handle in this browser.
pub async fn find(app: &App, handle: &str, browser: &Secret) -> Result<PendingSignIn, Failure> {
    let presented = credential::parse_kind(Kind::Flow, handle)
        .ok_or_else(|| Refusal::request("not a sign-in handle of ours"))?;
    let found = app.store.find_sign_in(&presented, browser.digest(), app.clock.now()).await?;
    found.ok_or_else(|| {
        Refusal::request("the sign-in is over, was completed, or began in another browser").into()
    })
}

/// Takes one of the tries at the second factor of a pending sign-in (A63). The write counts. Those of
/// the account over all its sign-ins are taken beside it, in `second_factor`.
pub async fn take_try(app: &App, pending: &PendingSignIn) -> Result<(), Failure> {
    if !app.store.try_sign_in(pending).await? {
        let refusal = Refusal::new(Code::TooManyRequests, "too many wrong second factors");
        return Err(Failure::Refused(Box::new(Refused { refusal, client: None, wait: None })));
    }
    Ok(())
}

/// A first factor was shown: signs the person in, or says what is still needed.
pub async fn complete_first_factor(
    app: &App,
    pending: &PendingSignIn,
    person: &Person,
    method: Method,
    with: Plan,
    visitor: Visitor<'_>,
) -> Result<Next, Failure> {
    let user = &person.user;
    let home = app.store.find_home(&user.email).await?;
    let enrolled = app.store.list_second_factors(user.id).await?;
    let facts = Facts {
        method,
        enrolled: &enrolled,
        home: &home.demand,
        disabled: user.disabled_at.is_some(),
    };
    match decide(&facts)? {
        Decision::SignedIn => {
            let with = with.and(pending_sign_ins::spending(pending));
            let opening = Opening {
                person,
                methods: Methods::of(method),
                continue_to: pending.continue_to.clone(),
                parent: None,
            };
            open(app, opening, with, visitor).await.map(|opened| Next::SignedIn(Box::new(opened)))
        }
        Decision::SecondFactor(wanted) => {
            let browser = new_browser(app);
            let (mut next, handle) = new_pending(app, &browser, pending.continue_to.clone());
            next.user = Some(user.id);
            next.methods = Methods::of(method);
            next.wanted.clone_from(&wanted);
            let act = app.act(format!("user:{}", user.id), visitor.origin);
            settled(app.store.advance_sign_in(pending, &next, with, act).await?)?;
            Ok(Next::SecondFactor { handle, browser, wanted })
        }
    }
}

/// A second factor was shown for a pending sign-in: signs its person in.
pub async fn complete_second_factor(
    app: &App,
    pending: &PendingSignIn,
    method: Method,
    with: Plan,
    visitor: Visitor<'_>,
) -> Result<Opened, Failure> {
    decide_second(&pending.wanted, method)?;
    let user = pending.user.ok_or_else(|| Refusal::request("no first factor was shown"))?;
    let person = app.store.find_person(user).await?;
    let person = person.ok_or_else(|| Refusal::grant("the user is gone"))?;
    let with = with.and(pending_sign_ins::spending(pending));
    let opening = Opening {
        person: &person,
        methods: pending.methods.clone().and(method),
        continue_to: pending.continue_to.clone(),
        parent: None,
    };
    open(app, opening, with, visitor).await
}

/// A session to be opened for somebody who has proved who they are.
pub struct Opening<'a> {
    /// Who.
    pub person: &'a Person,
    /// How they proved it.
    pub methods: Methods,
    /// Where the sign-in leads.
    pub continue_to: Continuation,
    /// The session it is handed out from.
    pub parent: Option<Parent>,
}

/// The session that another is handed out from: the new one ends with it, at the latest.
#[derive(Clone, Copy, Debug)]
pub struct Parent {
    /// Which.
    pub id: SessionId,
    /// When its person was asked.
    pub authenticated_at: Timestamp,
    /// Its end in any case.
    pub ends_at: Timestamp,
}

/// Opens a session, spending `with` in the same commit. For sign-ins that need no pending record:
/// tickets, a dashboard's callback, the first run.
pub async fn open(
    app: &App,
    opening: Opening<'_>,
    with: Plan,
    visitor: Visitor<'_>,
) -> Result<Opened, Failure> {
    let Opening { person, methods, continue_to, parent } = opening;
    let (id, now) = (SessionId(app.id()), app.clock.now());
    let token = credential::mint(Kind::Session, id.0, &app.dice.bytes());
    let place = choose_place(person, &methods, &continue_to);
    let end = now.plus(app.settings.session_absolute);
    let new = NewSession {
        id,
        hash: token.digest(),
        parent: parent.map(|parent| parent.id),
        user: person.user.id,
        organization: place.map(|place| place.organization),
        project: place.and_then(|place| place.projects.first()).map(|project| project.id),
        agent: clipped(visitor.agent),
        address: visitor.origin.address.to_string(),
        methods,
        authenticated_at: parent.map_or(now, |parent| parent.authenticated_at),
        idle: app.settings.session_idle,
        ends_at: parent.map_or(end, |parent| parent.ends_at.min(end)),
        replaces: visitor.session,
    };
    let act = app.act(format!("user:{}", person.user.id), visitor.origin);
    let with = with.and(giving_back(&counters_of(app, person, visitor), None));
    settled(app.store.begin_session(&new, with, act).await?)?;
    Ok(Opened {
        token,
        id,
        organization: new.organization,
        ends_at: new.ends_at,
        continue_to,
        device: known_device::remember(app, person.user.id)?,
    })
}

/// What was counted against the person and is forgotten once they are in.
fn counters_of(app: &App, person: &Person, visitor: Visitor<'_>) -> Vec<Counter> {
    let user = person.user.id;
    let device = visitor.device.and_then(|cookie| known_device::recognise(app, cookie));
    let mut counters = vec![Counter::of_account(&person.user.email)];
    counters.extend(
        device
            .filter(|device| device.user == user)
            .map(|device| Counter::of_device(device.id, user)),
    );
    counters
}

/// Where a new session acts: the organization that the destination names, if its person may enter
/// it; else the first they may enter.
fn choose_place<'a>(
    person: &'a Person,
    methods: &Methods,
    to: &Continuation,
) -> Option<&'a keyhaven_store::people::Place> {
    let mut open = person
        .memberships
        .iter()
        .filter(|place| enters(person.membership(place.organization), methods).is_ok());
    let named = open.clone().find(|place| place.slug == to.first_segment());
    named.or_else(|| open.next())
}

fn new_pending(app: &App, browser: &Secret, continue_to: Continuation) -> (PendingSignIn, Secret) {
    let (id, now): (Id, _) = (app.id(), app.clock.now());
    let handle = credential::mint(Kind::Flow, id, &app.dice.bytes());
    let pending = PendingSignIn {
        id,
        hash: handle.digest(),
        browser: browser.digest(),
        continue_to,
        user: None,
        methods: Methods::default(),
        wanted: Vec::new(),
        challenge: None,
        tries: 0,
        created_at: now,
        expires_at: now.plus(LIVES),
    };
    (pending, handle)
}

/// What a commit that spends something means to the person.
fn settled(outcome: Outcome) -> Result<(), Failure> {
    match outcome {
        Outcome::Done => Ok(()),
        Outcome::Absent => Err(Refusal::grant("the user is gone or disabled").into()),
        Outcome::Moved => Err(Refusal::grant("this sign-in was completed before").into()),
        other => Err(Error::broken(format!("a sign-in ended as {other:?}")).into()),
    }
}

/// What a program calls itself, as far as it is worth keeping.
fn clipped(agent: &str) -> String {
    agent.chars().filter(|char| !char.is_control()).take(200).collect()
}
