//! What a node remembers of connections: a warm call reads nothing, and nothing that happened to the
//! connection is missed, here at once and on another node within the promised second.

use serde_json::json;

use crate::harness::{Connector, Deeds, Place, REACHABLE, Server, the, watching};

on_every_engine![
    a_warm_token_call_reads_nothing_and_writes_nothing_of_its_own,
    a_connection_that_ended_is_forgotten_on_every_node,
    a_connection_whose_grant_an_administrator_ended_is_forgotten,
    a_renewed_token_is_the_one_every_node_hands_out,
    a_node_that_has_not_heard_asks_storage,
];

/// A node whose jobs run, with a connection.
async fn connected(place: &Place) -> (Server, Connector, String) {
    let server = Server::on(place, REACHABLE).await;
    let connector = server.a_connector().await;
    let connection = connector.connect(&server).await;
    listens(&server);
    (server, connector, connection)
}

/// From here on a node hears what others change, as it does on every engine beside another process.
fn listens(server: &Server) {
    server.app().store.known().share();
    server.start_jobs();
}

/// What one call of the connection's token does on a node.
async fn deeds_of(server: &Server, admin: &str, connection: &str) -> Deeds {
    let path = format!("/v1/connections/{connection}/token");
    let (answer, deeds) = watching(server.post(&path).bearer(admin).json(json!({}))).await;
    answer.expect(200);
    deeds
}

/// Calls until a node answers from memory: before, it has not heard, or its audit has no writer.
async fn warm_up(server: &Server, admin: &str, connection: &str) {
    server.hear_all().await;
    for _ in 0..1_000 {
        if deeds_of(server, admin, connection).await == Deeds::default() {
            return;
        }
    }
    panic!("the connection is not remembered");
}

async fn revoke(server: &Server, connector: &Connector, connection: &str) {
    let path = format!("/v1/connections/{connection}");
    let done = server.ask("DELETE", &path).bearer(&connector.admin(server).await).send().await;
    assert_eq!(done.status, 204, "{}", done.text());
}

async fn a_warm_token_call_reads_nothing_and_writes_nothing_of_its_own(place: Place) {
    let (server, connector, connection) = connected(&place).await;
    let admin = connector.admin(&server).await;
    warm_up(&server, &admin, &connection).await;
    for number in 0..100 {
        let deeds = deeds_of(&server, &admin, &connection).await;
        assert_eq!(deeds, Deeds::default(), "call {number}");
    }
}

async fn a_connection_that_ended_is_forgotten_on_every_node(place: Place) {
    let (one, connector, connection) = connected(&place).await;
    let other = one.beside().await;
    listens(&other);
    let admin = connector.admin(&one).await;
    for node in [&one, &other] {
        warm_up(node, &admin, &connection).await;
    }
    revoke(&one, &connector, &connection).await;
    let here = connector.token(&one, &connection).await;
    assert_eq!(here.expect(404)["error"], "not_connected", "at once where it was ended");
    other.hear_all().await;
    let there = connector.token(&other, &connection).await;
    assert_eq!(there.expect(404)["error"], "not_connected", "and where it was heard of");
}

async fn a_connection_whose_grant_an_administrator_ended_is_forgotten(place: Place) {
    let (server, connector, connection) = connected(&place).await;
    let admin = connector.admin(&server).await;
    warm_up(&server, &admin, &connection).await;
    let path = format!("/v1/grants/{connection}");
    let ended = server.ask("DELETE", &path).bearer(&admin).send().await;
    assert!(matches!(ended.status, 200 | 204), "{}", ended.text());
    let answer = connector.token(&server, &connection).await;
    assert_eq!(answer.expect(404)["error"], "not_connected");
}

async fn a_renewed_token_is_the_one_every_node_hands_out(place: Place) {
    let (one, connector, connection) = connected(&place).await;
    let other = one.beside().await;
    listens(&other);
    let admin = connector.admin(&one).await;
    for node in [&one, &other] {
        warm_up(node, &admin, &connection).await;
    }
    let first = connector.token(&one, &connection).await.expect(200).clone();
    let wish = json!({ "rejected": the(&first["fingerprint"]) });
    let second = connector.token_with(&one, &connection, wish).await.expect(200).clone();
    assert_ne!(second["access_token"], first["access_token"], "a report is judged by storage");
    assert_eq!(connector.access(&one, &connection).await, the(&second["access_token"]));
    other.hear_all().await;
    assert_eq!(connector.access(&other, &connection).await, the(&second["access_token"]));
}

async fn a_node_that_has_not_heard_asks_storage(place: Place) {
    let server = Server::on(&place, REACHABLE).await;
    let connector = server.a_connector().await;
    let connection = connector.connect(&server).await;
    server.app().store.known().share();
    let admin = connector.admin(&server).await;
    let now = server.app().clock.tick();
    server.app().store.known().heard(now);
    deeds_of(&server, &admin, &connection).await;
    let remembered = Deeds { reads: vec![], commits: 1 };
    assert_eq!(deeds_of(&server, &admin, &connection).await, remembered, "but for its audit row");
    server.present.pass_millis(1_001);
    let deeds = deeds_of(&server, &admin, &connection).await;
    assert!(deeds.reads.contains(&"connections.held"), "{deeds:?}");
}

#[tokio::test]
async fn a_token_of_another_tenant_or_user_is_nobody_else_s_from_memory_either() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let connection = connector.connect(&server).await;
    connector.token(&server, &connection).await.expect(200);
    let stranger = server.an_organization("Other", "other").await;
    let program = server.a_client().of(stranger).scopes("keyhaven:admin").build().await;
    let form = [("grant_type", "client_credentials"), ("scope", "keyhaven:admin")];
    let token = server.post("/oauth2/token").basic(&program).form(&form).await;
    let token = the(&token.expect(200)["access_token"]);
    let path = format!("/v1/connections/{connection}/token");
    let refused = server.post(&path).bearer(&token).json(json!({})).await;
    assert_eq!(refused.expect(404)["error"], "not_connected");
}
