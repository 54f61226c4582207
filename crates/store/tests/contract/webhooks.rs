//! The outbox: a message per endpoint that asks for it, in the order of its subject.

use keyhaven_protocol::connection::state::Reason;
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::Seconds;
use keyhaven_store::webhooks::{Delivery, Endpoint};
use keyhaven_store::{Outcome, Store};

use crate::connections::{ORGANIZATION, connect, done, furnished, held};
use crate::families::{NOW, act_at, id};
use crate::harness::Place;

on_every_engine![
    an_endpoint_is_told_what_it_asks_for,
    messages_of_a_connection_wait_for_each_other,
    a_message_is_taken_by_one_node,
    an_endpoint_takes_its_messages_along,
    no_message_is_kept_beyond_its_time,
];

async fn add(store: &Store, number: u16, events: &str) {
    let new = Endpoint {
        id: id(number),
        organization: ORGANIZATION,
        url: "https://hooks.example/in".into(),
        events: events.into(),
        created_at: NOW,
    };
    let secret = Secret::from("signing");
    done(store.add_webhook_endpoint(&new, &secret, [3; 12], act_at(NOW)).await.expect("commits"));
}

async fn take(store: &Store) -> Vec<Delivery> {
    store.take_deliveries(NOW, NOW.plus(Seconds(60)), 50).await.expect("commits")
}

async fn revoke(store: &Store, number: u16) {
    let connection = held(store, number).await.connection;
    let end = store.revoke_connection(&connection, Reason::ByUser, "n1", act_at(NOW)).await;
    assert_eq!(end.expect("commits"), Outcome::Done);
}

async fn an_endpoint_is_told_what_it_asks_for(place: Place) {
    let store = furnished(&place).await;
    add(&store, 30, "").await;
    add(&store, 31, "connection.revoked connector.misconfigured").await;
    connect(&store, 1, "alice").await;
    let first = take(&store).await;
    let told: Vec<_> = first.iter().map(|one| (one.endpoint, one.event.as_str())).collect();
    assert_eq!(told, [(id(30), "connection.created")]);
    let (endpoint, secret) =
        store.find_webhook_target(id(30)).await.expect("reads").expect("is there");
    assert_eq!((endpoint.url.as_str(), secret.reveal()), ("https://hooks.example/in", "signing"));
    assert!(first[0].body.contains(r#""status":"active""#), "{}", first[0].body);
    store.forget_delivery(&first[0]).await.expect("commits");
    revoke(&store, 1).await;
    assert_eq!(take(&store).await.len(), 2);
}

async fn messages_of_a_connection_wait_for_each_other(place: Place) {
    let store = furnished(&place).await;
    add(&store, 30, "").await;
    connect(&store, 1, "alice").await;
    revoke(&store, 1).await;
    connect(&store, 2, "bob").await;
    let first = take(&store).await;
    let mut told: Vec<_> = first.iter().map(|one| (one.event.as_str(), one.sequence)).collect();
    told.sort_unstable();
    assert_eq!(told, [("connection.created", 1), ("connection.created", 1)]);
    for one in &first {
        store.forget_delivery(one).await.expect("commits");
    }
    let second = take(&store).await;
    let told: Vec<_> = second.iter().map(|one| (one.event.as_str(), one.sequence)).collect();
    assert_eq!(told, [("connection.revoked", 2)]);
    store.postpone_delivery(&second[0], NOW).await.expect("commits");
    assert_eq!(take(&store).await[0].attempts, 2);
}

async fn a_message_is_taken_by_one_node(place: Place) {
    let (one, other) = (furnished(&place).await, crate::families::store(&place).await);
    add(&one, 30, "").await;
    connect(&one, 1, "alice").await;
    let (left, right) = tokio::join!(take(&one), take(&other));
    assert_eq!(left.len() + right.len(), 1);
}

async fn an_endpoint_takes_its_messages_along(place: Place) {
    let store = furnished(&place).await;
    add(&store, 30, "").await;
    connect(&store, 1, "alice").await;
    let gone = store.remove_webhook_endpoint(ORGANIZATION, id(30), act_at(NOW)).await;
    done(gone.expect("commits"));
    assert!(take(&store).await.is_empty());
    assert!(store.find_webhook_target(id(30)).await.expect("reads").is_none());
}

async fn no_message_is_kept_beyond_its_time(place: Place) {
    let store = furnished(&place).await;
    add(&store, 30, "").await;
    for number in 1..=3 {
        connect(&store, number, &format!("account {number}")).await;
    }
    let forget =
        async |before, most| store.forget_aged_deliveries(before, most).await.expect("commits");
    assert_eq!(forget(NOW, 10).await, 0, "they are not old");
    let later = NOW.plus(Seconds(1));
    assert_eq!(forget(later, 2).await, 2, "a step is bounded");
    assert_eq!(forget(later, 2).await, 1);
    assert!(take(&store).await.is_empty());
}
