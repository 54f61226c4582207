//! A connector's life: another secret that takes over with its first success, another app, changes of
//! all its connections in steps, and its end.

use keyhaven_fake_provider::{Endpoint, Rules};
use serde_json::{Value, json};

use crate::harness::{Connector, ISSUER, Server, path_of, the};

async fn patched(server: &Server, connector: &Connector, body: Value) -> Value {
    let path = format!("/v1/connectors/{}", connector.id);
    server.ask("PATCH", &path).bearer(&connector.admin(server).await).json(body).await.expect(200)
}

async fn shown(server: &Server, connector: &Connector) -> Value {
    let path = format!("/v1/connectors/{}", connector.id);
    server.get(&path).bearer(&connector.admin(server).await).send().await.expect(200)
}

async fn bulk(server: &Server, connector: &Connector, body: Value) -> Value {
    let path = format!("/v1/connectors/{}/bulk", connector.id);
    server.post(&path).bearer(&connector.admin(server).await).json(body).await.expect(200)
}

async fn counts(server: &Server, connector: &Connector) -> Value {
    let path = format!("/v1/connectors/{}/counts", connector.id);
    server.get(&path).bearer(&connector.admin(server).await).send().await.expect(200)
}

#[tokio::test]
async fn a_next_secret_falls_back_until_the_provider_knows_it_and_then_takes_over() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let connection = connector.connect(&server).await;
    let set = patched(&server, &connector, json!({ "client_secret": "the-next-client-secret" }));
    let set = set.await;
    assert_eq!(set["next_client_secret"]["last_four"], "cret", "{set}");
    server.present.pass(3_600);
    connector.token(&server, &connection).await.expect(200);
    assert_eq!(connector.fake.requests(Endpoint::Token), 3, "the next one, then the present one");
    assert_eq!(connector.fake.refreshes(), 1);
    assert_eq!(shown(&server, &connector).await["status"], "ok", "a fallback is no fault");
    connector.fake.change(|rules| rules.client_secret = "the-next-client-secret".into());
    server.present.pass(3_600);
    connector.token(&server, &connection).await.expect(200);
    let after = shown(&server, &connector).await;
    assert!(after.get("next_client_secret").is_none(), "{after}");
    assert_eq!(after["client_secret"]["set_at"], set["next_client_secret"]["set_at"], "{after}");
    server.present.pass(3_600);
    connector.token(&server, &connection).await.expect(200);
    assert_eq!(connector.fake.requests(Endpoint::Token), 5, "one secret, one request");
}

#[tokio::test]
async fn another_app_asks_for_new_grants_and_lets_access_tokens_finish() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let connection = connector.connect(&server).await;
    let token = connector.access(&server, &connection).await;
    let body = json!({ "client_id": "another-client", "client_secret": "another-secret-of-it" });
    patched(&server, &connector, body).await;
    assert_eq!(connector.access(&server, &connection).await, token, "it finishes");
    let before = connector.fake.requests(Endpoint::Token);
    server.present.pass(3_600);
    let dead = connector.token(&server, &connection).await.expect(409);
    assert_eq!(dead["reason"], "client_change", "{dead}");
    assert_eq!(connector.fake.requests(Endpoint::Token), before, "no grant went to another client");
}

#[tokio::test]
async fn all_connections_are_asked_again_or_ended_in_steps_that_can_be_repeated() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    for number in 0..105 {
        let (access, refresh) = connector.fake.grant(&format!("account-{number}"), "read");
        let body = json!({
            "connector": connector.id, "account": format!("account-{number}"),
            "access_token": access, "refresh_token": refresh,
            "expires_at": server.present.now() + 3_600, "scopes": ["read"],
        });
        let ask = server.post("/v1/connections").bearer(&connector.admin(&server).await);
        ask.json(body).await.expect(201);
    }
    let again = json!({ "action": "reauthorize" });
    let first = bulk(&server, &connector, again.clone()).await;
    assert_eq!(first, json!({ "changed": 100, "remaining": 5 }));
    let rest = bulk(&server, &connector, again.clone()).await;
    assert_eq!(rest, json!({ "changed": 5, "remaining": 0 }));
    assert_eq!(bulk(&server, &connector, again).await, json!({ "changed": 0, "remaining": 0 }));
    assert_eq!(counts(&server, &connector).await["counts"]["needs_reauth"], 105);
    let listed = connector.connections(&server).await;
    let told = connector.shown(&server, &listed[0]).await;
    assert_eq!(told["reason"], "requested", "{told}");
    let end = json!({ "action": "revoke" });
    assert_eq!(bulk(&server, &connector, end.clone()).await["remaining"], 5);
    assert_eq!(bulk(&server, &connector, end).await["remaining"], 0);
    assert_eq!(counts(&server, &connector).await["counts"]["revoked"], 105);
    connector.token(&server, &listed[0]).await.expect(404);
}

#[tokio::test]
async fn users_hear_by_letter_that_they_are_asked_again_once_a_day() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let ada = server.a_person("ada@example.test").await;
    let mut ids = Vec::new();
    for (user, account) in [(Some(ada.id), "account-1"), (None, "account-2")] {
        let (access, refresh) = connector.fake.grant(account, "read");
        let body = json!({
            "connector": connector.id, "account": account, "access_token": access,
            "refresh_token": refresh, "expires_at": server.present.now() + 3_600,
            "user": user.map(|user| user.to_string()), "account_label": format!("{account}@fake"),
        });
        let ask = server.post("/v1/connections").bearer(&connector.admin(&server).await);
        ids.push(the(&ask.json(body).await.expect(201)["id"]));
    }
    let with_mail = json!({ "action": "reauthorize", "mail": true });
    let changed = bulk(&server, &connector, with_mail.clone()).await;
    assert_eq!(
        changed,
        json!({ "changed": 2, "mailed": 1, "remaining": 0 }),
        "a team has no address"
    );
    server.start_jobs();
    while server.letters().is_empty() {
        tokio::task::yield_now().await;
    }
    let [letter] = &server.letters()[..] else { panic!("one letter") };
    let link = format!("{ISSUER}/connections/{}/reconnect", ids[0]);
    for part in ["ada@example.test", "North Health", "Fake provider", "account-1@fake", &link] {
        assert!(letter.contains(part), "{part} is not in {letter}");
    }
    assert!(!letter.contains("account-2"), "{letter}");
    // Authorized again and asked once more on the same day: no second letter.
    connector.fake.sign_in("account-1");
    let path = format!("/v1/connections/{}/authorization", ids[0]);
    let ask = server.post(&path).bearer(&connector.admin(&server).await);
    let url = the(&ask.json(json!({})).await.expect(200)["authorization_url"]);
    let session = server.a_session(&ada).await;
    let back = connector.fake.consent(&url).expect("consent");
    let bearer = format!("Bearer {}", session.token.reveal());
    let done = server.get(path_of(&back)).header("authorization", bearer).send().await;
    assert_eq!(done.status, 200, "{}", done.text());
    let again = bulk(&server, &connector, with_mail.clone()).await;
    assert_eq!(again, json!({ "changed": 1, "mailed": 0, "remaining": 0 }));
    let revoke = json!({ "action": "revoke", "mail": true });
    let path = format!("/v1/connectors/{}/bulk", connector.id);
    let ask = server.post(&path).bearer(&connector.admin(&server).await);
    assert_eq!(ask.json(revoke).await.status, 400, "only for the other action");
}

#[tokio::test]
async fn a_deleted_connector_takes_its_connections_along_and_tells_the_provider() {
    let server = Server::with_providers().await;
    let connector = server.a_connector_with(Rules::default(), json!({}), json!({})).await;
    let mut connections = Vec::new();
    for account in ["account-1", "account-2", "account-3"] {
        connector.fake.sign_in(account);
        connections.push(connector.connect(&server).await);
    }
    let path = format!("/v1/connectors/{}", connector.id);
    let admin = connector.admin(&server).await;
    assert_eq!(server.ask("DELETE", &path).bearer(&admin).send().await.status, 204);
    server.get(&path).bearer(&admin).send().await.expect(404);
    let start = format!("{path}/authorization");
    server.post(&start).bearer(&admin).json(json!({})).await.expect(404);
    server.start_jobs();
    while connector.fake.live_grants() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(connector.fake.requests(Endpoint::Revoke), 3, "each once");
    for connection in &connections {
        let path = format!("/v1/connections/{connection}");
        // Gone with the connector, once the provider has been told of all of them.
        while server.get(&path).bearer(&admin).send().await.status != 404 {
            tokio::task::yield_now().await;
        }
    }
    let revoked = "/v1/audit?action=connection.revoked";
    let revoked = server.get(revoked).bearer(&admin).send().await.expect(200);
    let reasons: Vec<String> = revoked["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| the(&row["detail"]["reason"]))
        .collect();
    assert_eq!(reasons, ["connector_deleted"; 3]);
}
