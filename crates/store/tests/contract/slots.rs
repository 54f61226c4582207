//! What stands beside a connection's first token: further tokens below it, and what its callers keep.

use keyhaven_protocol::connection::state::{Coverage, Event, Reason, Standing, Status};
use keyhaven_protocol::id::{ConnectionId, ConnectorId, OrganizationId};
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::time::Seconds;
use keyhaven_store::connect_sessions::ConnectSession;
use keyhaven_store::connections::{
    Connected, Edit, Filter, Held, NewConnection, NewSlot, Renewed, Stored, Tokens, Upstream,
};
use keyhaven_store::{Outcome, Page, Reach, Store};
use tokio::task::JoinSet;

use crate::connections::{
    ORGANIZATION, act, connect, connection_id, connector_id, done, furnished, held, new_connection,
    tokens,
};
use crate::families::{NOW, id};
use crate::harness::Place;

on_every_engine![
    of_many_who_take_a_name_one_gets_it,
    a_name_is_free_again_when_its_connection_ends,
    an_edit_and_a_refresh_do_not_meet,
    further_tokens_open_in_their_own_rows_and_end_with_their_connection,
    an_unconfirmed_connection_s_further_tokens_wait_with_it,
    whoever_is_asked_again_is_asked_for_further_tokens_too,
    further_tokens_do_not_lack_what_their_connection_lacks,
    a_refresh_that_loses_a_required_scope_keeps_the_token_and_asks_its_user,
    an_invitation_is_open_until_it_is_withdrawn,
];

async fn take_name(store: &Store, number: u16, name: &str) -> Outcome {
    let edit = Edit { external_id: Some(Some(name)), ..Edit::default() };
    let held = held(store, number).await;
    store.edit_connection(&held.connection, edit, "n1", act()).await.unwrap()
}

async fn of_many_who_take_a_name_one_gets_it(place: Place) {
    let store = furnished(&place).await;
    for number in 1..=8 {
        connect(&store, number, &format!("account-{number}")).await;
    }
    let mut takers = JoinSet::new();
    for number in 1..=8 {
        let store = store.clone();
        takers.spawn(async move { take_name(&store, number, "row-7").await });
    }
    let outcomes = takers.join_all().await;
    let won = outcomes.iter().filter(|outcome| **outcome == Outcome::Done).count();
    let lost = outcomes.iter().filter(|outcome| **outcome == Outcome::Taken("external_id"));
    assert_eq!((won, lost.count()), (1, 7), "{outcomes:?}");
    let filter = Filter { external_id: Some("row-7"), ..Filter::default() };
    let meant = store.find_meant(Reach::Instance, connector_id(), filter, 9).await;
    assert_eq!(meant.unwrap().len(), 1);
}

async fn a_name_is_free_again_when_its_connection_ends(place: Place) {
    let store = furnished(&place).await;
    connect(&store, 1, "account-1").await;
    connect(&store, 2, "account-2").await;
    done(take_name(&store, 1, "row-7").await);
    let first = held(&store, 1).await;
    let reason = Reason::ByUser;
    done(store.revoke_connection(&first.connection, reason, "n1", act()).await.unwrap());
    done(take_name(&store, 2, "row-7").await);
    let edit = Edit { labels: Some("late"), ..Edit::default() };
    let late = store.edit_connection(&first.connection, edit, "n1", act()).await;
    assert_eq!(late.unwrap(), Outcome::Absent, "what ended is not edited");
}

async fn an_edit_and_a_refresh_do_not_meet(place: Place) {
    let store = furnished(&place).await;
    connect(&store, 1, "account-1").await;
    let before = held(&store, 1).await;
    let edit = Edit { labels: Some("a b"), metadata: Some(r#"{"x":"y"}"#), ..Edit::default() };
    done(store.edit_connection(&before.connection, edit, "n1", act()).await.unwrap());
    let after = held(&store, 1).await;
    assert_eq!((after.generation, after.fingerprint), (before.generation, before.fingerprint));
    assert_eq!(
        (after.connection.labels.as_str(), after.connection.metadata.as_str()),
        ("a b", r#"{"x":"y"}"#)
    );
}

fn a_slot(number: u16, name: &str) -> NewSlot {
    NewSlot { id: connection_id(number), name: name.to_owned(), tokens: tokens(number) }
}

async fn slot_of(store: &Store, name: &str) -> Option<Held> {
    store.find_slot(Reach::Instance, connection_id(1), name).await.unwrap()
}

async fn further_tokens_open_in_their_own_rows_and_end_with_their_connection(place: Place) {
    let store = furnished(&place).await;
    let slots = [a_slot(71, "user"), a_slot(72, "other")];
    let new = NewConnection { slots: &slots, ..new_connection(1, "account-1") };
    done(store.connect_account(&new, &tokens(1), [9; 32], act()).await.unwrap());
    let user = slot_of(&store, "user").await.unwrap();
    let token = store.open_access_token(&user).unwrap().expect("has one");
    assert_eq!(token.reveal(), "access-71");
    assert!(!user.is_first() && held(&store, 1).await.is_first());
    let page = Page { after: None, limit: 10 };
    let listed = store.list_connections(ORGANIZATION, Filter::default(), page).await;
    assert_eq!(listed.unwrap().items.len(), 1, "one connection is listed");
    assert_eq!(store.list_slots(connection_id(1)).await.unwrap().len(), 2);
    let due = store.take_due(NOW.plus(Seconds(3_000)), 10).await.unwrap();
    assert_eq!(due.len(), 3, "each is due on its own");
    let first = held(&store, 1).await;
    let reason = Reason::ByUser;
    done(store.revoke_connection(&first.connection, reason, "n1", act()).await.unwrap());
    assert!(slot_of(&store, "user").await.is_none());
    let farewells = store.take_farewells(NOW, NOW.plus(Seconds(60)), 10).await.unwrap();
    let mut refresh: Vec<String> = farewells
        .into_iter()
        .filter_map(|farewell| farewell.refresh.map(|token| token.reveal().to_owned()))
        .collect();
    refresh.sort();
    assert_eq!(refresh, ["refresh-1", "refresh-71", "refresh-72"]);
}

async fn an_unconfirmed_connection_s_further_tokens_wait_with_it(place: Place) {
    let store = furnished(&place).await;
    let slots = [a_slot(71, "user")];
    let standing = Standing::unconfirmed(NOW);
    let new = NewConnection { slots: &slots, standing, ..new_connection(1, "account-1") };
    done(store.connect_account(&new, &tokens(1), [9; 32], act()).await.unwrap());
    let status = async || {
        let slot = slot_of(&store, "user").await.unwrap();
        slot.connection.standing.status.as_str()
    };
    assert_eq!(status().await, "pending");
    let first = held(&store, 1).await;
    done(store.confirm_connection(&first, Coverage::Whole, "n1", act()).await.unwrap());
    assert_eq!(status().await, "active");
}

async fn whoever_is_asked_again_is_asked_for_further_tokens_too(place: Place) {
    let store = furnished(&place).await;
    let slots = [a_slot(71, "user"), a_slot(72, "gone")];
    let new = NewConnection { slots: &slots, ..new_connection(1, "account-1") };
    done(store.connect_account(&new, &tokens(1), [9; 32], act()).await.unwrap());
    let status = async |name: &str| slot_of(&store, name).await.unwrap().connection.standing;
    let first = held(&store, 1).await;
    let policy = Event::GrantDead(Reason::Policy);
    let gone = slot_of(&store, "gone").await.unwrap();
    done(store.note_end(&gone.connection, policy, "n1", act()).await.unwrap());
    assert_eq!(status("user").await.status, Status::Active, "one token's end is its own");
    let asked = Event::GrantDead(Reason::Requested);
    done(store.note_end(&first.connection, asked, "n1", act()).await.unwrap());
    let requested =
        Standing { status: Status::NeedsReauth, reason: Some(Reason::Requested), since: NOW };
    assert_eq!(held(&store, 1).await.connection.standing, requested);
    assert_eq!(status("user").await, requested);
    assert_eq!(status("gone").await.reason, Some(Reason::Policy), "the first reason is the cause");
    let due = store.take_due(NOW.plus(Seconds(99_999)), 10).await.unwrap();
    assert_eq!(due.len(), 0, "nobody renews what is to be authorized again");
    let connected = Connected {
        slots: &[a_slot(73, "user")],
        account: Some("account-1"),
        account_label: None,
        issued_to: Some("app"),
        flow: None,
        node: "n1",
    };
    let first = held(&store, 1).await;
    let again = store.reconnect_account(&first, &connected, &tokens(2), [8; 32], act()).await;
    done(again.unwrap());
    assert_eq!(status("user").await.status, Status::Active);
}

async fn further_tokens_do_not_lack_what_their_connection_lacks(place: Place) {
    let store = furnished(&place).await;
    let slots = [a_slot(71, "user")];
    let standing = Standing::authorized(Coverage::Lacking, NOW);
    let new = NewConnection { slots: &slots, standing, ..new_connection(1, "account-1") };
    done(store.connect_account(&new, &tokens(1), [9; 32], act()).await.unwrap());
    assert_eq!(held(&store, 1).await.connection.standing, standing);
    assert_eq!(slot_of(&store, "user").await.unwrap().connection.standing.status, Status::Active);
    let due = store.take_due(NOW.plus(Seconds(99_999)), 10).await.unwrap();
    let due: Vec<_> = due.into_iter().map(|due| due.id).collect();
    assert_eq!(due, [connection_id(71)], "only the further token is renewed");
}

async fn a_refresh_that_loses_a_required_scope_keeps_the_token_and_asks_its_user(place: Place) {
    let store = furnished(&place).await;
    connect(&store, 1, "account-1").await;
    let before = held(&store, 1).await;
    let lost = Tokens { coverage: Coverage::Lacking, ..tokens(2) };
    let renewed = Renewed { tokens: &lost, upstream: Upstream::default(), node: id(900) };
    let stored = store.record_refresh(&before, &renewed, [7; 32], act()).await;
    assert_eq!(stored.unwrap(), Stored::Yes);
    let after = held(&store, 1).await;
    assert_eq!(after.connection.standing, Standing::authorized(Coverage::Lacking, NOW));
    assert!(after.has_refresh(), "nothing that arrived is thrown away");
    let access = store.open_access_token(&after).unwrap().expect("has one");
    assert_eq!(access.reveal(), "access-2");
    let page = Page { after: None, limit: 1 };
    let newest = store.list_token_events(ORGANIZATION, connection_id(1), page).await.unwrap();
    let newest = &newest.items[0];
    assert_eq!((&*newest.what, newest.reason.as_deref()), ("refreshed", Some("missing_scopes")));
    let due = store.take_due(NOW.plus(Seconds(99_999)), 10).await.unwrap();
    assert_eq!(due.len(), 0, "what only its user mends is not renewed");
}

fn an_invitation(connector: ConnectorId) -> ConnectSession {
    ConnectSession {
        hash: Digest([5; 32]),
        id: id(900),
        organization: ORGANIZATION,
        connector,
        connection: None::<ConnectionId>,
        owner: None,
        account_hint: None,
        starter: "test".into(),
        purpose: "reports".into(),
        external_id: Some("row-7".into()),
        labels: String::new(),
        scopes: String::new(),
        base: String::new(),
        created_at: NOW,
        expires_at: NOW.plus(Seconds(600)),
        made: None,
    }
}

async fn an_invitation_is_open_until_it_is_withdrawn(place: Place) {
    let store = furnished(&place).await;
    let nowhere = an_invitation(ConnectorId(id(901)));
    let outcome = store.invite_to_connect(&nowhere, act()).await.unwrap();
    assert_eq!(outcome, Outcome::Absent, "no invitation to a connector that is not there");
    let invitation = an_invitation(connector_id());
    done(store.invite_to_connect(&invitation, act()).await.unwrap());
    let found = store.find_connect_session(Digest([5; 32])).await.unwrap();
    let found = found.unwrap();
    assert_eq!((found.external_id.as_deref(), found.made), (Some("row-7"), None));
    let other = Reach::Organization(OrganizationId(id(7)));
    let foreign = store.withdraw_connect_session(other, id(900), act()).await.unwrap();
    assert_eq!(foreign, Outcome::Absent);
    let own = Reach::Organization(ORGANIZATION);
    done(store.withdraw_connect_session(own, id(900), act()).await.unwrap());
    let over = store.find_connect_session_by_id(own, id(900)).await.unwrap();
    assert!(over.is_some_and(|session| session.expires_at <= NOW));
}
