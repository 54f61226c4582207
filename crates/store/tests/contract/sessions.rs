//! Sessions: begun once for what paid for them, found by their own token, dead with whatever is above
//! them, seen without losing their idle end.

use std::sync::Arc;

use keyhaven_protocol::continuation::Continuation;
use keyhaven_protocol::credential::{self, Kind, Presented};
use keyhaven_protocol::id::{OrganizationId, ProjectId, SessionId, UserId};
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::session::Ended;
use keyhaven_protocol::sign_in::{Method, Methods};
use keyhaven_protocol::time::{Seconds, Timestamp};
use keyhaven_store::memberships::Role;
use keyhaven_store::one_time_codes::{self, OneTimeCode, Purpose};
use keyhaven_store::organizations::{Organization, OrganizationEdit, Power};
use keyhaven_store::pending_sign_ins::{self, MOST_TRIES, PendingSignIn};
use keyhaven_store::projects::Project;
use keyhaven_store::sessions::{MOST_SESSIONS, NewSession, SignedIn, Why};
use keyhaven_store::sign_in_tries::Counter;
use keyhaven_store::users::{User, UserEdit};
use keyhaven_store::{Outcome, Page, Plan, Reach, Store};
use tokio::task::JoinSet;

use crate::families::{NOW, act_at, forgetful, fresh, id, store};
use crate::harness::Place;

on_every_engine![
    a_session_is_found_by_its_own_token_only,
    of_many_who_spend_one_code_one_gets_a_session,
    of_many_who_complete_one_sign_in_one_gets_a_session,
    a_pending_sign_in_belongs_to_one_browser,
    ten_guesses_at_once_are_still_five,
    a_session_dies_with_the_one_above_it,
    all_sessions_but_one_end_in_memory_too,
    a_switch_needs_a_membership_and_keeps_the_token,
    a_disabled_user_gets_no_session,
    what_was_seen_is_written_behind,
    the_oldest_session_makes_room,
    another_node_hears_of_every_end,
    a_person_is_read_again_after_any_change,
];

const ALL: Page = Page { after: None, limit: 1_000 };

async fn a_user(store: &Store, number: u16) -> UserId {
    let user = User {
        id: UserId(id(number)),
        email: format!("{number}@example.test"),
        name: "Somebody".into(),
        created_at: NOW,
        disabled_at: None,
    };
    assert_eq!(store.create_user(&user, act_at(NOW)).await.expect("commits"), Outcome::Done);
    user.id
}

async fn a_tenant(store: &Store, number: u16, member: UserId) -> OrganizationId {
    let organization = Organization {
        id: OrganizationId(id(number)),
        name: "North".into(),
        slug: format!("north-{number}"),
        created_at: NOW,
        disabled_at: None,
    };
    let made = store.create_organization(&organization, act_at(NOW)).await.expect("commits");
    assert_eq!(made, Outcome::Done);
    let added = store.add_member(organization.id, member, Role::Member, act_at(NOW)).await;
    assert_eq!(added.expect("commits"), Outcome::Done);
    organization.id
}

fn new(number: u16, user: UserId) -> (NewSession, Presented) {
    let id = SessionId(id(number));
    let token = credential::mint(Kind::Session, id.0, &[7; 32]);
    let new = NewSession {
        id,
        hash: token.digest(),
        parent: None,
        user,
        organization: None,
        project: None,
        agent: "a test".into(),
        address: "192.0.2.1".into(),
        methods: Methods::of(Method::Password),
        authenticated_at: NOW,
        idle: Seconds(1_000),
        ends_at: Timestamp(NOW.0 + 5_000),
        replaces: None,
    };
    (new, credential::parse(token.reveal()).expect("a credential"))
}

async fn begin(store: &Store, new: &NewSession) {
    let outcome = store.begin_session(new, Plan::default(), act_at(NOW)).await;
    assert_eq!(outcome.expect("commits"), Outcome::Done);
}

async fn look(store: &Store, presented: &Presented) -> Option<Arc<SignedIn>> {
    store.recall_session(presented, fresh(store), NOW).await.expect("reads")
}

/// Whether the session counts, from memory and from the database.
async fn lives(store: &Store, presented: &Presented) -> (bool, bool) {
    let lives = |found: Option<Arc<SignedIn>>| found.is_some_and(|it| it.ended() == Ended::No);
    let asked = store.recall_session(presented, u64::MAX, NOW).await.expect("reads");
    (lives(look(store, presented).await), lives(asked))
}

async fn a_session_is_found_by_its_own_token_only(place: Place) {
    let store = store(&place).await;
    let user = a_user(&store, 1).await;
    let (session, token) = new(2, user);
    begin(&store, &session).await;
    for _ in 0..2 {
        let found = look(&store, &token).await.expect("found");
        assert_eq!((found.session.user, found.person.user.id), (user, user));
        let forged = Presented { digest: Digest::of(b"a guess"), ..token.clone() };
        assert!(look(&store, &forged).await.is_none(), "another secret opened it");
    }
}

async fn winners(mut tries: JoinSet<Outcome>) -> (usize, usize) {
    let (mut won, mut lost) = (0, 0);
    while let Some(outcome) = tries.join_next().await {
        match outcome.expect("no panic") {
            Outcome::Done => won += 1,
            Outcome::Moved => lost += 1,
            other => panic!("{other:?}"),
        }
    }
    (won, lost)
}

async fn of_many_who_spend_one_code_one_gets_a_session(place: Place) {
    let store = store(&place).await;
    let user = a_user(&store, 1).await;
    let (code, _) = OneTimeCode::mint(Purpose::Ticket, id(3), &[1; 32], NOW);
    store.keep_one_time_code(&code, "ticket.created", act_at(NOW)).await.expect("commits");
    let mut tries = JoinSet::new();
    for number in 10..60 {
        let (store, code) = (store.clone(), code.clone());
        tries.spawn(async move {
            let (session, _) = new(number, user);
            let with = one_time_codes::spending(&code, NOW);
            store.begin_session(&session, with, act_at(NOW)).await.expect("commits")
        });
    }
    assert_eq!(winners(tries).await, (1, 49));
    let listed = store.list_sessions(Reach::Instance, Some(user), ALL, NOW).await.expect("reads");
    assert_eq!(listed.items.len(), 1);
}

fn a_pending(number: u16, user: Option<UserId>) -> (PendingSignIn, Presented) {
    let handle = credential::mint(Kind::Flow, id(number), &[5; 32]);
    let pending = PendingSignIn {
        id: id(number),
        hash: handle.digest(),
        browser: Digest::of(b"a browser"),
        continue_to: Continuation::parse("/x?y#z").expect("a path"),
        user,
        methods: Methods::of(Method::Password),
        wanted: vec![Method::Totp],
        challenge: None,
        tries: 0,
        created_at: NOW,
        expires_at: Timestamp(NOW.0 + 100),
    };
    (pending, credential::parse(handle.reveal()).expect("a credential"))
}

async fn of_many_who_complete_one_sign_in_one_gets_a_session(place: Place) {
    let store = store(&place).await;
    let user = a_user(&store, 1).await;
    let (pending, _) = a_pending(3, Some(user));
    store.begin_sign_in(&pending, Counter::of_openings([0; 16])).await.expect("commits");
    let mut tries = JoinSet::new();
    for number in 10..40 {
        let (store, pending) = (store.clone(), pending.clone());
        tries.spawn(async move {
            let (session, _) = new(number, user);
            let with = pending_sign_ins::spending(&pending);
            store.begin_session(&session, with, act_at(NOW)).await.expect("commits")
        });
    }
    assert_eq!(winners(tries).await, (1, 29));
}

async fn a_pending_sign_in_belongs_to_one_browser(place: Place) {
    let store = store(&place).await;
    let (pending, handle) = a_pending(3, None);
    store.begin_sign_in(&pending, Counter::of_openings([0; 16])).await.expect("commits");
    let find = async |browser: &[u8], at| {
        store.find_sign_in(&handle, Digest::of(browser), at).await.expect("reads")
    };
    let found = find(b"a browser", NOW).await.expect("found");
    assert_eq!((found.continue_to.as_str(), found.wanted), ("/x?y#z", vec![Method::Totp]));
    assert!(find(b"another browser", NOW).await.is_none());
    assert!(find(b"a browser", pending.expires_at).await.is_none(), "it was over");
    let (next, new_handle) = a_pending(4, None);
    let advanced = store.advance_sign_in(&pending, &next, Plan::default(), act_at(NOW)).await;
    assert_eq!(advanced.expect("commits"), Outcome::Done);
    assert!(find(b"a browser", NOW).await.is_none(), "the old handle still opens something");
    let found = store.find_sign_in(&new_handle, next.browser, NOW).await.expect("reads");
    assert!(found.is_some());
}

async fn ten_guesses_at_once_are_still_five(place: Place) {
    let store = store(&place).await;
    let (pending, _) = a_pending(3, None);
    store.begin_sign_in(&pending, Counter::of_openings([0; 16])).await.expect("commits");
    let mut tries = JoinSet::new();
    for _ in 0..10 {
        let (store, pending) = (store.clone(), pending.clone());
        tries.spawn(async move { store.try_sign_in(&pending).await.expect("commits") });
    }
    let taken = tries.join_all().await.into_iter().filter(|taken| *taken).count();
    assert_eq!(i64::try_from(taken), Ok(MOST_TRIES));
}

async fn a_session_dies_with_the_one_above_it(place: Place) {
    let store = store(&place).await;
    let user = a_user(&store, 1).await;
    let (above, token_above) = new(2, user);
    begin(&store, &above).await;
    let (mut below, token_below) = new(3, user);
    below.parent = Some(above.id);
    begin(&store, &below).await;
    assert_eq!(lives(&store, &token_below).await, (true, true));
    let ended = store.end_session(user, above.id, Why::SignedOut, act_at(NOW)).await;
    assert_eq!(ended.expect("commits").0, Outcome::Done);
    assert_eq!(lives(&store, &token_below).await, (false, false));
    assert_eq!(lives(&store, &token_above).await, (false, false));
    let again = store.end_session(user, above.id, Why::SignedOut, act_at(NOW)).await;
    assert_eq!(again.expect("commits").0, Outcome::Absent, "it ended twice");
    assert_eq!(lives(&forgetful(&place).await, &token_below).await, (false, false));
}

async fn all_sessions_but_one_end_in_memory_too(place: Place) {
    let store = store(&place).await;
    let (user, other) = (a_user(&store, 1).await, a_user(&store, 2).await);
    let mut tokens = Vec::new();
    for (number, user) in [(10, user), (11, user), (12, user), (13, other)] {
        let (session, token) = new(number, user);
        begin(&store, &session).await;
        assert_eq!(lives(&store, &token).await, (true, true));
        tokens.push(token);
    }
    let kept = Some(SessionId(id(11)));
    store.end_sessions(user, kept, Why::EndedByOwner, act_at(NOW)).await.expect("commits");
    let mut after = Vec::new();
    for token in &tokens {
        after.push(lives(&store, token).await);
    }
    assert_eq!(after, [(false, false), (true, true), (false, false), (true, true)]);
}

async fn a_switch_needs_a_membership_and_keeps_the_token(place: Place) {
    let store = store(&place).await;
    let (user, stranger) = (a_user(&store, 1).await, a_user(&store, 2).await);
    let (own, foreign) = (a_tenant(&store, 20, user).await, a_tenant(&store, 21, stranger).await);
    let project = Project {
        id: ProjectId(id(30)),
        organization: own,
        name: "P".into(),
        slug: "p".into(),
        created_at: NOW,
    };
    store.create_project(&project, act_at(NOW)).await.expect("commits");
    let (session, token) = new(10, user);
    begin(&store, &session).await;
    let before = look(&store, &token).await.expect("found");
    let switch = async |to, project| {
        let act = act_at(NOW);
        store.switch_scope(&before.session, Some(to), project, act).await.expect("commits")
    };
    assert_eq!(switch(foreign, None).await, Outcome::Unknown("organization", 0));
    let elsewhere = Some(ProjectId(id(31)));
    assert_eq!(switch(own, elsewhere).await, Outcome::Unknown("project", 0));
    assert_eq!(switch(own, Some(project.id)).await, Outcome::Done);
    let after = look(&store, &token).await.expect("the token still opens it");
    assert_eq!((after.session.organization, after.session.project), (Some(own), Some(project.id)));
    assert_eq!(after.session.ends_at, before.session.ends_at);
    store.end_session(user, session.id, Why::SignedOut, act_at(NOW)).await.expect("commits");
    assert_eq!(switch(own, None).await, Outcome::Absent, "an ended session was moved");
}

async fn a_disabled_user_gets_no_session(place: Place) {
    let store = store(&place).await;
    let user = a_user(&store, 1).await;
    let (session, _) = new(10, user);
    let off = UserEdit { standing: Some(Power::Disabled), ..UserEdit::default() };
    store.update_user(user, off, "{}", act_at(NOW)).await.expect("commits");
    let outcome = store.begin_session(&session, Plan::default(), act_at(NOW)).await;
    assert_eq!(outcome.expect("commits"), Outcome::Absent);
}

async fn what_was_seen_is_written_behind(place: Place) {
    let store = store(&place).await;
    let user = a_user(&store, 1).await;
    let (session, token) = new(10, user);
    begin(&store, &session).await;
    let found = look(&store, &token).await.expect("found");
    store.see_session(&found, Timestamp(NOW.0 + 59));
    assert!(!store.write_seen().await.expect("commits"));
    let other = forgetful(&place).await;
    assert_eq!(look(&other, &token).await.expect("found").seen_at(), NOW, "too soon to write");
    let later = Timestamp(NOW.0 + 900);
    store.see_session(&found, later);
    store.write_seen().await.expect("commits");
    // The other node remembers an older use. Before it says "idle", it asks.
    let at = Timestamp(NOW.0 + 1_500);
    let found = other.recall_session(&token, fresh(&other), at).await.expect("reads");
    assert_eq!(found.expect("found").seen_at(), later);
}

async fn the_oldest_session_makes_room(place: Place) {
    let store = store(&place).await;
    let user = a_user(&store, 1).await;
    let most = u16::try_from(MOST_SESSIONS).expect("a small number");
    let mut tokens = Vec::new();
    for number in 10..=10 + most {
        let (session, token) = new(number, user);
        begin(&store, &session).await;
        tokens.push(token);
    }
    let other = forgetful(&place).await;
    assert_eq!(lives(&other, &tokens[0]).await, (false, false));
    assert_eq!(lives(&other, &tokens[1]).await, (true, true));
    let listed = store.list_sessions(Reach::Instance, Some(user), ALL, NOW).await.expect("reads");
    assert_eq!(i64::try_from(listed.items.len()), Ok(MOST_SESSIONS));
}

async fn another_node_hears_of_every_end(place: Place) {
    let (one, other) = (store(&place).await, store(&place).await);
    let user = a_user(&one, 1).await;
    let (session, token) = new(10, user);
    begin(&one, &session).await;
    assert_eq!(lives(&other, &token).await, (true, true));
    one.end_sessions(user, None, Why::CredentialsChanged, act_at(NOW)).await.expect("commits");
    let floor = keyhaven_protocol::id::Id::floor(0);
    for (_, change) in other.list_changes_since(floor).await.expect("reads") {
        other.known().apply(change, NOW);
    }
    assert_eq!(lives(&other, &token).await, (false, false));
}

async fn a_person_is_read_again_after_any_change(place: Place) {
    let store = store(&place).await;
    let user = a_user(&store, 1).await;
    let (session, token) = new(10, user);
    begin(&store, &session).await;
    let places = async || {
        let found = look(&store, &token).await.expect("found");
        found.person.memberships.iter().map(|place| place.disabled_at.is_some()).collect::<Vec<_>>()
    };
    assert!(places().await.is_empty());
    let tenant = a_tenant(&store, 20, user).await;
    assert_eq!(places().await, [false]);
    let off = OrganizationEdit { standing: Some(Power::Disabled), ..OrganizationEdit::default() };
    store.update_organization(tenant, off, "{}", act_at(NOW)).await.expect("commits");
    assert_eq!(places().await, [true]);
    store.remove_member(tenant, user, act_at(NOW)).await.expect("commits");
    assert!(places().await.is_empty());
}
