//! F09 and F10 on the vault: providers that are slow, that fail, or that say what no provider should.
//! Others go on, what is stored stays, and nobody is asked to reconnect.

use keyhaven::jobs::RefreshDue;
use keyhaven_fake_provider::{Act, Endpoint, Gate, Rules};
use keyhaven_protocol::id::ConnectionId;
use keyhaven_store::Reach;
use serde_json::{Value, json};

use crate::harness::{Connector, Server, forgiving};

async fn two_providers() -> (Server, Connector, Connector) {
    let server = Server::with_providers().await;
    let none = || json!({});
    let slow = server.a_connector_at("slow", Rules::default(), none(), none()).await;
    let quick = server.a_connector_at("quick", Rules::default(), none(), none()).await;
    (server, slow, quick)
}

async fn connect_many(server: &Server, connector: &Connector, count: usize) -> Vec<String> {
    let mut connections = Vec::new();
    for number in 0..count {
        connector.fake.sign_in(&format!("account-{number}"));
        connections.push(connector.connect(server).await);
    }
    connections
}

#[tokio::test]
async fn f09_a_slow_provider_holds_up_its_own_connections_only() {
    let (server, slow, quick) = two_providers().await;
    // More than the places a host has.
    connect_many(&server, &slow, 20).await;
    let connection = connect_many(&server, &quick, 1).await.remove(0);
    let gate = Gate::default();
    slow.fake.always(Endpoint::Token, Some(Act::WaitFor(gate.clone())));
    server.present.pass(3_600);
    let mut scheduler = RefreshDue::new(server.app.clone());
    assert_eq!(scheduler.take().await.expect("storage works"), 21);
    while quick.fake.refreshes() == 0 {
        tokio::task::yield_now().await;
    }
    quick.token(&server, &connection).await.expect(200);
    // Sign-ins and tokens of our own need no provider.
    let client = server.a_client().build().await;
    server.token(&client).await;
    assert_eq!(slow.fake.refreshes(), 0, "the gate is closed");
    gate.open();
    scheduler.settle().await.expect("storage works");
    assert!(slow.fake.most_at_once() <= 16, "{}", slow.fake.most_at_once());
    // Who found no place within a moment comes again.
    server.present.pass(3);
    scheduler.take().await.expect("storage works");
    scheduler.settle().await.expect("storage works");
    assert!(slow.fake.most_at_once() <= 16, "{}", slow.fake.most_at_once());
    assert_eq!((slow.fake.refreshes(), slow.fake.live_grants()), (20, 20));
}

#[tokio::test]
async fn f09_three_failures_in_a_row_pause_that_host_and_no_other() {
    let (server, failing, quick) = two_providers().await;
    let connections = connect_many(&server, &failing, 6).await;
    let other = connect_many(&server, &quick, 1).await.remove(0);
    let before = failing.fake.requests(Endpoint::Token);
    failing.fake.always(Endpoint::Token, Some(Act::Html(503)));
    server.present.pass(3_600);
    for connection in &connections {
        let refused = failing.token(&server, connection).await;
        assert_eq!(refused.expect(503)["error"], "provider_unavailable");
        let wait: i64 = refused.header("retry-after").parse().expect("a number");
        assert!((1..=3_600).contains(&wait), "{wait}");
    }
    assert_eq!(failing.fake.requests(Endpoint::Token) - before, 3, "the breaker is open");
    quick.token(&server, &other).await.expect(200);
    failing.fake.always(Endpoint::Token, None);
    server.present.pass(3_601);
    for connection in &connections {
        failing.token(&server, connection).await.expect(200);
        assert_eq!(failing.shown(&server, connection).await["status"], "active");
    }
}

/// What is stored of a connection's grant.
async fn stored(server: &Server, connection: &str) -> (i64, String, Value) {
    let store = &server.app().store;
    let id = ConnectionId::parse(connection).expect("an id");
    let held = store.find_held(Reach::Instance, id).await.expect("reads").expect("is there");
    let token = store.open_refresh_token(&held).expect("opens").expect("is there");
    let state = json!([held.connection.standing.status.as_str(), held.connection.scopes]);
    (held.generation, token.reveal().to_owned(), state)
}

#[tokio::test]
async fn f10_garbage_changes_nothing_that_is_stored_and_heals() {
    for act in [
        Act::Html(200),
        Act::Html(403),
        Act::Html(500),
        Act::Empty(200),
        Act::Empty(204),
        Act::Huge(3 << 20),
        Act::Endless,
        Act::HangUp,
        Act::ActAndWrongTypes,
        Act::ActAndBreakOff,
        Act::ActAndStatus(502),
        Act::Refuse(429, "invalid_grant".into(), "slow down".into()),
    ] {
        let server = Server::with_providers().await;
        let (rules, definition) = forgiving("10m");
        let connector = server.a_connector_with(rules, definition, json!({})).await;
        let connection = connector.connect(&server).await;
        let before = stored(&server, &connection).await;
        server.present.pass(3_600);
        // Twice, because a reply that got lost is asked for again at once.
        connector.fake.next(Endpoint::Token, act.clone());
        connector.fake.next(Endpoint::Token, act.clone());
        let failed = connector.token(&server, &connection).await;
        let body = failed.expect(503);
        assert_eq!(body["error"], "provider_unavailable", "{act:?}");
        assert!(failed.text().len() < 1_000, "{act:?}: {}", failed.text());
        assert_eq!(stored(&server, &connection).await, before, "{act:?}");
        let wait: u64 = failed.header("retry-after").parse().expect("a number");
        server.present.pass(wait + 1);
        // What only one of the two met is met now, and after a 429 the host has a pause of its own; it
        // is over when the answer says, within the grace.
        let mut again = connector.token(&server, &connection).await;
        for _ in 0..2 {
            if again.status != 200 {
                let wait: u64 = again.header("retry-after").parse().expect("a number");
                server.present.pass(wait + 1);
                again = connector.token(&server, &connection).await;
            }
        }
        assert_eq!(again.status, 200, "{act:?}: {}", again.text());
        assert_eq!(connector.shown(&server, &connection).await["status"], "active", "{act:?}");
        assert_eq!(connector.fake.live_grants(), 1, "{act:?}");
    }
}

#[tokio::test]
async fn f10_garbage_in_place_of_the_first_token_connects_nothing() {
    for act in [Act::Html(200), Act::Empty(200), Act::Huge(3 << 20), Act::Endless, Act::HangUp] {
        let server = Server::with_providers().await;
        let connector = server.a_connector().await;
        connector.fake.next(Endpoint::Token, act.clone());
        let back = connector.fake.consent(&connector.start(&server).await).expect("consent");
        let answer = server.get(crate::harness::path_of(&back)).send().await;
        assert_eq!(answer.status, 302, "{act:?}: {}", answer.text());
        assert!(answer.header("location").contains("oauth_error="), "{act:?}");
        assert!(connector.connections(&server).await.is_empty(), "{act:?}");
        assert_eq!(connector.fake.requests(Endpoint::Token), 1, "{act:?}: a code is sent once");
    }
}
