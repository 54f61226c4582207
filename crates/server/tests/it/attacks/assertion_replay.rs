//! A38: the same assertion twice (RFC 7523 §3), on one node and across two.

use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_protocol::jose::signing_key::SigningKey;
use serde_json::json;

use crate::harness::{AClient, Answer, Place, Server, assertion, key_set};

async fn with_assertion(server: &Server, jwt: &str) -> Answer {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", jwt),
    ];
    server.post("/oauth2/token").form(&form).await
}

async fn a_signing_client(server: &Server) -> (AClient, SigningKey) {
    let key = SigningKey::generate(Algorithm::Es256).expect("a key");
    (server.a_client().assertions(&key_set(&key), "ES256").build().await, key)
}

on_every_engine![
    an_assertion_is_spent_by_its_first_use_on_either_node,
    of_many_uses_at_once_on_two_nodes_one_succeeds,
];

async fn an_assertion_is_spent_by_its_first_use_on_either_node(place: Place) {
    let server = Server::on(&place, &[]).await;
    let other = server.beside().await;
    let (client, key) = a_signing_client(&server).await;
    let jwt = assertion(&server, &client, &key, json!({}));
    with_assertion(&server, &jwt).await.expect(200);
    for node in [&server, &other] {
        let again = with_assertion(node, &jwt).await;
        again.refused(node, 401, "invalid_client", "assertion was used before");
    }
}

async fn of_many_uses_at_once_on_two_nodes_one_succeeds(place: Place) {
    let server = Server::on(&place, &[]).await;
    let other = server.beside().await;
    let (client, key) = a_signing_client(&server).await;
    let jwt = assertion(&server, &client, &key, json!({}));
    let uses = (0..20).map(|n| with_assertion(if n % 2 == 0 { &server } else { &other }, &jwt));
    let answers = futures_util::future::join_all(uses).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 401)), "{statuses:?}");
    for refusal in server.refusals().into_iter().chain(other.refusals()) {
        assert_eq!(refusal.reason, "assertion was used before");
    }
}

#[tokio::test]
async fn an_assertion_spent_to_introspect_issues_nothing_later() {
    let server = Server::start().await;
    let (client, key) = a_signing_client(&server).await;
    let jwt = assertion(&server, &client, &key, json!({}));
    let form = [
        ("token", "x"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", jwt.as_str()),
    ];
    server.post("/oauth2/introspect").form(&form).await.expect(200);
    let again = with_assertion(&server, &jwt).await;
    again.refused(&server, 401, "invalid_client", "assertion was used before");
}

#[tokio::test]
async fn an_assertion_is_spent_by_a_request_that_was_refused() {
    let server = Server::start().await;
    let (client, key) = a_signing_client(&server).await;
    let jwt = assertion(&server, &client, &key, json!({}));
    let form = [
        ("grant_type", "client_credentials"),
        ("scope", "more"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", jwt.as_str()),
    ];
    let refused = server.post("/oauth2/token").form(&form).await;
    refused.refused(&server, 400, "invalid_scope", "scope is wider than allowed");
    let again = with_assertion(&server, &jwt).await;
    again.refused(&server, 401, "invalid_client", "assertion was used before");
}

#[tokio::test]
async fn a_spent_assertion_stays_spent_when_the_clock_moves_and_is_expired_in_the_end() {
    let server = Server::start().await;
    let (client, key) = a_signing_client(&server).await;
    let jwt = assertion(&server, &client, &key, json!({ "exp": server.present.now() + 300 }));
    with_assertion(&server, &jwt).await.expect(200);
    server.present.pass(299);
    purge(&server).await;
    let again = with_assertion(&server, &jwt).await;
    again.refused(&server, 401, "invalid_client", "assertion was used before");
    server.present.pass(1);
    purge(&server).await;
    let late = with_assertion(&server, &jwt).await;
    late.refused(&server, 401, "invalid_client", "assertion expired");
}

/// What the purge job does.
async fn purge(server: &Server) {
    use keyhaven_protocol::time::Seconds;
    let (store, now) = (&server.app().store, server.app().clock.now());
    while store.purge(Seconds(300), Seconds(86_400), now).await.expect("storage works").more {}
}
