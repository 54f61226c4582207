//! Connections: one refreshes at a time, a result counts under the generation it spent, a late
//! success beats an early verdict, and the end erases.

use std::sync::atomic::{AtomicU64, Ordering};

use keyhaven_protocol::connection::failure::{Class, Facts, Spent, Streak, decide};
use keyhaven_protocol::connection::report::Reports;
use keyhaven_protocol::connection::state::{Coverage, Event, Reason, Standing, Status};
use keyhaven_protocol::connection::timing::Pace;
use keyhaven_protocol::connection::{Method, Renewal, Sharing};
use keyhaven_protocol::id::{ConnectionId, ConnectorId, OrganizationId};
use keyhaven_protocol::secret::{Digest, Secret};
use keyhaven_protocol::time::Seconds;
use keyhaven_store::connections::{
    Connected, Failed, Held, LEASE, NewConnection, Renewed, Stored, Tokens, Upstream,
};
use keyhaven_store::connectors::Connector;
use keyhaven_store::organizations::Organization;
use keyhaven_store::{Act, Outcome, Page, Reach, Store};
use tokio::task::JoinSet;

use crate::families::{NOW, id, store};
use crate::harness::Place;

on_every_engine![
    a_lease_has_one_holder_among_many,
    a_lease_that_ended_is_taken_again,
    nothing_is_sent_without_the_lease,
    a_crash_between_reply_and_commit_leaves_what_was_spent,
    a_refresh_counts_under_the_generation_it_spent,
    a_late_success_beats_needs_reauth,
    a_result_of_before_a_reconnect_is_dropped,
    a_reconnect_is_for_the_same_account,
    a_dead_grant_leaves_the_access_token,
    what_happened_leaves_with_the_audit_window,
    a_revoked_connection_is_erased_and_its_provider_told,
    an_account_is_connected_once,
    what_is_due_is_taken_by_one_node,
    a_report_is_kept_once,
    an_unconfirmed_connection_waits_for_its_click,
    an_ended_access_token_is_a_state,
    a_token_opens_in_its_own_row_only,
];

pub(crate) const ORGANIZATION: OrganizationId = OrganizationId(keyhaven_protocol::id::Id([1; 16]));

pub(crate) fn connector_id() -> ConnectorId {
    ConnectorId(id(500))
}

pub(crate) fn connection_id(number: u16) -> ConnectionId {
    ConnectionId(id(number))
}

/// A deed at [`NOW`], each a millisecond after the one before: a timeline goes by time.
pub(crate) fn act() -> Act {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let millis = u64::try_from(NOW.0).expect("after 1970") * 1_000 + count % 1_000;
    Act::new(millis, Digest::of(&count.to_be_bytes()).0, "test", "test")
}

/// A store with an organization and a connector.
pub(crate) async fn furnished(place: &Place) -> Store {
    let store = store(place).await;
    furnish(&store).await;
    store
}

pub(crate) async fn furnish(store: &Store) {
    let organization = Organization {
        id: ORGANIZATION,
        name: "Acme".into(),
        slug: "acme".into(),
        created_at: NOW,
        disabled_at: None,
    };
    done(store.create_organization(&organization, act()).await.expect("commits"));
    let connector = Connector {
        id: connector_id(),
        organization: ORGANIZATION,
        project: None,
        provider: "atlassian".into(),
        name: "Jira".into(),
        method: Method::Oauth,
        sharing: Sharing::Private,
        owner: None,
        client_id: Some("app".into()),
        scopes: "read".into(),
        required_scopes: String::new(),
        vars: "{}".into(),
        params: "{}".into(),
        created_at: NOW,
        updated_at: NOW,
        revision: 1,
        secret: None,
        next_secret: None,
        fault: None,
        fault_since: None,
        probe_at: None,
        probes: 0,
        deleting_since: None,
    };
    let secret = Secret::from("app-secret-of-length");
    let made = store.create_connector(&connector, Some(&secret), [4; 32], act()).await;
    done(made.expect("commits"));
}

pub(crate) fn done(outcome: Outcome) {
    assert_eq!(outcome, Outcome::Done);
}

pub(crate) fn tokens(number: u16) -> Tokens {
    Tokens {
        access: Some(Secret::new(format!("access-{number}"))),
        refresh: Some(Secret::new(format!("refresh-{number}"))),
        access_ends_at: Some(NOW.plus(Seconds(3_600))),
        access_lifetime: Some(Seconds(3_600)),
        scopes: Some("read".into()),
        scheme: "Bearer".into(),
        due_at: Some(NOW.plus(Seconds(3_000))),
        ..Tokens::default()
    }
}

pub(crate) fn new_connection(number: u16, account: &str) -> NewConnection<'_> {
    NewConnection {
        id: connection_id(number),
        organization: ORGANIZATION,
        connector: connector_id(),
        owner: None,
        method: Method::Oauth,
        account: Some(account),
        account_label: None,
        external_id: None,
        labels: "",
        metadata: "{}",
        slots: &[],
        standing: Standing::active(NOW),
        issued_to: Some("app"),
        flow: None,
        node: "n1",
    }
}

/// A store with one connection of its own.
async fn connected(place: &Place) -> Store {
    let store = furnished(place).await;
    connect(&store, 1, "alice").await;
    store
}

pub(crate) async fn connect(store: &Store, number: u16, account: &str) {
    let new = new_connection(number, account);
    let made = store.connect_account(&new, &tokens(number), [9; 32], act()).await;
    done(made.expect("commits"));
}

pub(crate) async fn held(store: &Store, number: u16) -> Held {
    let found = store.find_held(Reach::Instance, connection_id(number)).await.expect("reads");
    found.expect("is there")
}

async fn renew(store: &Store, held: &Held, number: u16) -> Stored {
    let tokens = tokens(number);
    let renewed = Renewed { tokens: &tokens, upstream: Upstream::default(), node: id(7) };
    store.record_refresh(held, &renewed, [8; 32], act()).await.expect("commits")
}

async fn fail(store: &Store, held: &Held, class: Class) -> Stored {
    let facts = Facts {
        pace: Pace { renewal: Renewal::Rotating, ..Pace::NEVER },
        access_ends_at: held.connection.access_ends_at,
        grant_ends_at: None,
        spent: Spent { first_at: NOW, last_at: NOW, times: 1 },
        streak: Streak::default(),
    };
    let verdict = decide(class, &facts, None, NOW, 0);
    let upstream = Upstream { status: Some(400), request: Some("up-1".into()) };
    let failed = Failed { class, verdict, due_at: None, upstream, node: id(7) };
    store.record_failure(held, &failed, act()).await.expect("commits")
}

/// What the timeline says, oldest first.
pub(crate) async fn timeline(store: &Store, number: u16) -> Vec<String> {
    let page = Page { after: None, limit: 100 };
    let listed = store.list_token_events(ORGANIZATION, connection_id(number), page).await;
    listed.expect("reads").items.into_iter().rev().map(|event| event.what).collect()
}

async fn access(store: &Store, number: u16) -> Option<String> {
    let held = held(store, number).await;
    let token = store.open_access_token(&held).expect("opens");
    token.map(|token| token.reveal().to_owned())
}

async fn a_lease_has_one_holder_among_many(place: Place) {
    let store = connected(&place).await;
    let mut takers = JoinSet::new();
    for number in 0..20 {
        let store = store.clone();
        takers.spawn(async move {
            store.take_lease(connection_id(1), id(100 + number), LEASE).await.expect("commits")
        });
    }
    let taken = takers.join_all().await.into_iter().filter(|taken| *taken).count();
    assert_eq!(taken, 1);
    assert!(held(&store, 1).await.leased);
}

async fn a_lease_that_ended_is_taken_again(place: Place) {
    let store = connected(&place).await;
    assert!(store.take_lease(connection_id(1), id(100), Seconds(0)).await.expect("commits"));
    assert!(!held(&store, 1).await.leased);
    assert!(store.take_lease(connection_id(1), id(101), LEASE).await.expect("commits"));
    store.give_lease_back(connection_id(1), id(100)).await.expect("commits");
    assert!(held(&store, 1).await.leased, "another node's lease was given back");
    store.give_lease_back(connection_id(1), id(101)).await.expect("commits");
    assert!(!held(&store, 1).await.leased);
}

async fn nothing_is_sent_without_the_lease(place: Place) {
    let store = connected(&place).await;
    let spend = async |generation, node| {
        store.begin_spending(connection_id(1), generation, node, NOW).await.expect("commits")
    };
    assert!(!spend(1, id(100)).await, "without a lease");
    assert!(store.take_lease(connection_id(1), id(100), LEASE).await.expect("commits"));
    assert!(!spend(1, id(101)).await, "with another node's lease");
    assert!(!spend(2, id(100)).await, "a generation that is not there");
    assert!(spend(1, id(100)).await);
}

async fn a_crash_between_reply_and_commit_leaves_what_was_spent(place: Place) {
    let before = connected(&place).await;
    assert!(before.take_lease(connection_id(1), id(100), Seconds(0)).await.expect("commits"));
    assert!(before.take_lease(connection_id(1), id(100), LEASE).await.expect("commits"));
    assert!(before.begin_spending(connection_id(1), 1, id(100), NOW).await.expect("commits"));
    let later = NOW.plus(Seconds(3));
    assert!(before.begin_spending(connection_id(1), 1, id(100), later).await.expect("commits"));
    before.engine().close().await.expect("closes");
    let after = store(&place).await;
    let held = held(&after, 1).await;
    let spent = held.spent.expect("is remembered");
    assert_eq!((spent.first_at, spent.last_at, spent.times), (NOW, later, 2));
    assert!(held.leased, "nobody else may send it meanwhile");
    assert_eq!(renew(&after, &held, 2).await, Stored::Yes);
    assert_eq!(self::held(&after, 1).await.spent, None);
}

async fn a_refresh_counts_under_the_generation_it_spent(place: Place) {
    let store = connected(&place).await;
    let one = held(&store, 1).await;
    let mut results = JoinSet::new();
    for number in 0..10_u16 {
        let (store, one) = (store.clone(), one.clone());
        results.spawn(async move { renew(&store, &one, 20 + number).await });
    }
    let stored = results.join_all().await;
    assert_eq!(stored.iter().filter(|stored| **stored == Stored::Yes).count(), 1);
    assert_eq!(held(&store, 1).await.generation, 2);
    assert_eq!(timeline(&store, 1).await, ["connected", "refreshed"]);
}

async fn a_late_success_beats_needs_reauth(place: Place) {
    let store = connected(&place).await;
    let slow = held(&store, 1).await;
    assert_eq!(fail(&store, &slow, Class::GrantDead).await, Stored::Yes);
    let marked = held(&store, 1).await;
    assert_eq!(marked.connection.standing.status, Status::NeedsReauth);
    assert!(!marked.has_refresh());
    assert_eq!(renew(&store, &slow, 2).await, Stored::Moved, "its state moved: read again");
    assert_eq!(marked.generation, slow.generation, "marking is no new generation");
    assert_eq!(renew(&store, &marked, 2).await, Stored::Yes);
    let mended = held(&store, 1).await;
    assert_eq!(mended.connection.standing.status, Status::Active);
    assert!(mended.has_refresh());
    assert_eq!(timeline(&store, 1).await, ["connected", "failed", "recovered"]);
}

async fn a_result_of_before_a_reconnect_is_dropped(place: Place) {
    let store = connected(&place).await;
    let slow = held(&store, 1).await;
    reconnect(&store, &slow, Some("alice"), 5).await;
    assert_eq!(renew(&store, &slow, 2).await, Stored::Moved);
    assert_eq!(fail(&store, &slow, Class::GrantDead).await, Stored::Moved);
    assert_eq!(access(&store, 1).await.as_deref(), Some("access-5"));
    assert_eq!(held(&store, 1).await.connection.standing.status, Status::Active);
}

async fn reconnect(store: &Store, held: &Held, account: Option<&str>, number: u16) -> bool {
    let new = Connected {
        slots: &[],
        account,
        account_label: None,
        issued_to: Some("app"),
        flow: None,
        node: "n1",
    };
    let tokens = tokens(number);
    let outcome = store.reconnect_account(held, &new, &tokens, [6; 32], act()).await;
    outcome.expect("commits") == Outcome::Done
}

async fn a_reconnect_is_for_the_same_account(place: Place) {
    let store = connected(&place).await;
    let before = held(&store, 1).await;
    assert!(!reconnect(&store, &before, Some("mallory"), 5).await);
    assert_eq!(access(&store, 1).await.as_deref(), Some("access-1"));
    assert!(reconnect(&store, &before, Some("alice"), 6).await);
    assert_eq!(held(&store, 1).await.connection.id, before.connection.id);
}

async fn a_dead_grant_leaves_the_access_token(place: Place) {
    let store = connected(&place).await;
    let before = held(&store, 1).await;
    fail(&store, &before, Class::GrantDead).await;
    let after = held(&store, 1).await;
    assert_eq!(after.connection.standing.reason, Some(Reason::GrantRevoked));
    assert_eq!(access(&store, 1).await.as_deref(), Some("access-1"));
    let page = Page { after: None, limit: 1 };
    let events = store.list_token_events(ORGANIZATION, connection_id(1), page).await;
    let event = events.expect("reads").items.remove(0);
    assert_eq!((event.upstream_status, event.class.as_deref()), (Some(400), Some("grant_dead")));
    assert_eq!(event.upstream_request.as_deref(), Some("up-1"));
}

async fn what_happened_leaves_with_the_audit_window(place: Place) {
    const WINDOW: Seconds = Seconds(100_000);
    let store = connected(&place).await;
    let events = async || {
        let page = Page { after: None, limit: 100 };
        let listed = store.list_token_events(ORGANIZATION, connection_id(1), page).await;
        listed.expect("reads").items.len()
    };
    let before = events().await;
    assert!(before > 0);
    store.purge(Seconds(90), WINDOW, NOW.plus(Seconds(99_000))).await.expect("purges");
    assert_eq!(events().await, before);
    store.purge(Seconds(90), WINDOW, NOW.plus(Seconds(101_000))).await.expect("purges");
    assert_eq!(events().await, 0);
}

async fn a_revoked_connection_is_erased_and_its_provider_told(place: Place) {
    let store = connected(&place).await;
    let before = held(&store, 1).await;
    let revoke = async |held: &Held| {
        let revoked = store.revoke_connection(&held.connection, Reason::ByUser, "n1", act()).await;
        revoked.expect("commits")
    };
    done(revoke(&before).await);
    assert_eq!(revoke(&before).await, Outcome::Moved, "a second end writes nothing");
    let after = held(&store, 1).await;
    assert!(!after.has_access() && !after.has_refresh() && after.grant_revoked);
    assert_eq!(revoke(&after).await, Outcome::Absent);
    assert_eq!(renew(&store, &before, 2).await, Stored::Moved, "a late success revives nothing");
    let farewells = store.take_farewells(NOW, NOW.plus(Seconds(60)), 10).await.expect("commits");
    assert_eq!(farewells.len(), 1);
    let refresh = farewells[0].refresh.as_ref().map(|token| token.reveal().to_owned());
    assert_eq!(refresh.as_deref(), Some("refresh-1"));
    let none = store.take_farewells(NOW, NOW.plus(Seconds(60)), 10).await.expect("commits");
    assert!(none.is_empty(), "it was taken twice");
    let told = store.forget_farewell(&farewells[0], "provider_told", "n1", act()).await;
    done(told.expect("commits"));
    assert_eq!(timeline(&store, 1).await, ["connected", "revoked", "provider_told"]);
}

async fn an_account_is_connected_once(place: Place) {
    let store = connected(&place).await;
    let again = new_connection(2, "alice");
    let taken = store.connect_account(&again, &tokens(2), [9; 32], act()).await;
    assert_eq!(taken.expect("commits"), Outcome::Taken("account"));
    let first = held(&store, 1).await;
    let end = store.revoke_connection(&first.connection, Reason::ByUser, "n1", act()).await;
    done(end.expect("commits"));
    connect(&store, 2, "alice").await;
    let found = store.find_connection_of_account(ORGANIZATION, connector_id(), None, "alice").await;
    assert_eq!(found.expect("reads").expect("lives").connection.id, connection_id(2));
}

async fn what_is_due_is_taken_by_one_node(place: Place) {
    let (one, other) = (connected(&place).await, store(&place).await);
    connect(&one, 2, "bob").await;
    assert!(one.take_due(NOW, 10).await.expect("commits").is_empty());
    let due = NOW.plus(Seconds(3_000));
    assert_eq!(one.find_oldest_due(due).await.expect("reads"), Some(due));
    let (left, right) = tokio::join!(one.take_due(due, 10), other.take_due(due, 10));
    let (left, right) = (left.expect("commits"), right.expect("commits"));
    assert_eq!(left.len() + right.len(), 2, "{left:?} {right:?}");
    one.postpone(connection_id(1), due).await.expect("commits");
    assert_eq!(one.take_due(due, 10).await.expect("commits").len(), 1);
}

async fn a_report_is_kept_once(place: Place) {
    let store = connected(&place).await;
    let held = held(&store, 1).await;
    let fingerprint = held.fingerprint.clone().expect("has one");
    let after = Reports { count: 1, last_at: Some(NOW) };
    let note = async |fingerprint: &str| {
        let noted = store.note_report(connection_id(1), fingerprint, held.reports, after).await;
        noted.expect("commits")
    };
    assert!(!note("another token's").await);
    assert!(note(&fingerprint).await);
    assert!(!note(&fingerprint).await, "a second caller saw the same");
}

async fn an_unconfirmed_connection_waits_for_its_click(place: Place) {
    let store = furnished(&place).await;
    let new = NewConnection { standing: Standing::unconfirmed(NOW), ..new_connection(1, "a") };
    done(store.connect_account(&new, &tokens(1), [9; 32], act()).await.expect("commits"));
    let pending = held(&store, 1).await;
    assert_eq!(pending.connection.standing.status, Status::Pending);
    done(store.confirm_connection(&pending, Coverage::Whole, "n1", act()).await.expect("commits"));
    let twice =
        store.confirm_connection(&pending, Coverage::Whole, "n1", act()).await.expect("commits");
    assert_eq!(twice, Outcome::Moved);
    assert_eq!(held(&store, 1).await.connection.standing.status, Status::Active);
    assert_eq!(timeline(&store, 1).await, ["connected", "confirmed"]);
}

async fn an_ended_access_token_is_a_state(place: Place) {
    let store = connected(&place).await;
    let before = held(&store, 1).await;
    let end = store.note_end(&before.connection, Event::AccessEnded, "n1", act()).await;
    done(end.expect("commits"));
    assert_eq!(held(&store, 1).await.connection.standing.status, Status::Expired);
    let again = store.note_end(&before.connection, Event::AccessEnded, "n1", act()).await;
    assert_eq!(again.expect("commits"), Outcome::Moved);
    let rejected = Event::GrantDead(Reason::RejectedByApi);
    let expired = held(&store, 1).await;
    done(store.note_end(&expired.connection, rejected, "n1", act()).await.expect("commits"));
    assert_eq!(timeline(&store, 1).await, ["connected", "expired", "needs_reauth"]);
    reconnect(&store, &held(&store, 1).await, Some("alice"), 3).await;
    assert_eq!(timeline(&store, 1).await.last().map(String::as_str), Some("reconnected"));
}

async fn a_token_opens_in_its_own_row_only(place: Place) {
    static SWAP: keyhaven_store::engine::Statement = keyhaven_store::engine::Statement::new(
        "contract.swap_tokens",
        "UPDATE connections SET access = refresh WHERE id = $1",
    );
    static MOVE: keyhaven_store::engine::Statement = keyhaven_store::engine::Statement::new(
        "contract.move_tokens",
        "UPDATE connections SET access = (SELECT access FROM connections WHERE id = $2), \
         data_key = (SELECT data_key FROM connections WHERE id = $2) WHERE id = $1",
    );
    use keyhaven_store::engine::Step;
    use keyhaven_store::values;
    let store = connected(&place).await;
    connect(&store, 2, "bob").await;
    connect(&store, 3, "carol").await;
    let (swap, moved) = (values![id(1)], values![id(2), id(3)]);
    store.engine().commit(vec![Step::one(&SWAP, swap)]).await.expect("commits");
    store.engine().commit(vec![Step::one(&MOVE, moved)]).await.expect("commits");
    for number in [1, 2] {
        let held = held(&store, number).await;
        let error = store.open_access_token(&held).expect_err("another place");
        assert!(error.to_string().contains("altered or moved"), "{error}");
    }
    assert_eq!(access(&store, 3).await.as_deref(), Some("access-3"), "its neighbour works");
}

pub(crate) fn hash(number: u8) -> Digest {
    Digest::of(&[number])
}
