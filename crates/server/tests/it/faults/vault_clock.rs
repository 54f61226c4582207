//! F07 on the vault: the clock jumps back or forward. No token is handed out beyond its stored end, what
//! is spent stays spent, and leases go by the database's clock.

use keyhaven_protocol::id::ConnectionId;
use keyhaven_store::Reach;
use keyhaven_store::connections::LEASE;

use crate::harness::{Server, path_of};

#[tokio::test]
async fn f07_no_token_lives_longer_than_its_stored_end() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let connection = connector.connect(&server).await;
    server.present.pass(10_000);
    let token = connector.token(&server, &connection).await.expect(200);
    let end = token["expires_at"].as_i64().expect("an end");
    assert_eq!(connector.fake.refreshes(), 1);
    server.present.back(7_200);
    let after = connector.token(&server, &connection).await.expect(200);
    assert_eq!(
        (after["expires_at"].as_i64(), &after["access_token"]),
        (Some(end), &token["access_token"])
    );
    let left = u64::try_from(end - server.present.now()).expect("to come");
    server.present.pass(left);
    let next = connector.token(&server, &connection).await.expect(200);
    assert_ne!(next["access_token"], token["access_token"], "its stored end has come");
    assert_eq!(connector.fake.refreshes(), 2);
}

#[tokio::test]
async fn f07_a_callback_that_was_spent_stays_spent() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let back = connector.fake.consent(&connector.start(&server).await).expect("consent");
    server.present.pass(300);
    assert_eq!(server.get(path_of(&back)).send().await.status, 302);
    server.present.back(300);
    let again = server.get(path_of(&back)).send().await;
    assert_eq!(again.status, 302, "the outcome of the first");
    assert_eq!(connector.fake.exchanges(), 1);
}

#[tokio::test]
async fn f07_a_node_whose_clock_runs_ahead_takes_nobody_s_lease() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let connection = connector.connect(&server).await;
    let id = ConnectionId::parse(&connection).expect("an id");
    let store = &server.app().store;
    assert!(store.take_lease(id, server.app().id(), LEASE).await.expect("commits"));
    server.present.pass(3_000);
    let taken = store.take_lease(id, server.app().id(), LEASE).await.expect("commits");
    assert!(!taken, "another node's lease was taken");
    let held = store.find_held(Reach::Instance, id).await.expect("reads").expect("is there");
    assert!(held.leased);
}
