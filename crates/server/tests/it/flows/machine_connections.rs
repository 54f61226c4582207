//! Connections that no user consents to: client credentials and JWT bearer. The same rows, states and
//! token call; there is no refresh token, so the client asks again, one at a time.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use keyhaven_fake_provider::{Act, Endpoint, Rules};
use serde_json::{Value, json};

use crate::harness::{Connector, Server, the};

/// A connection that needs nothing but its connector.
async fn a_connection(server: &Server, connector: &Connector) -> String {
    let body = json!({ "connector": connector.id });
    let made = server.post("/v1/connections").bearer(&connector.admin(server).await).json(body);
    the(&made.await.expect(201)["id"])
}

async fn by_credentials(server: &Server) -> Connector {
    let definition = json!({ "grants": { "client_credentials": {} } });
    let more = json!({ "method": "client_credentials" });
    server.a_connector_with(Rules::default(), definition, more).await
}

#[tokio::test]
async fn client_credentials_are_asked_for_again_when_the_token_ends() {
    let server = Server::with_providers().await;
    let connector = by_credentials(&server).await;
    let connection = a_connection(&server, &connector).await;
    let first = connector.access(&server, &connection).await;
    assert_eq!(connector.access(&server, &connection).await, first);
    assert_eq!(connector.fake.remints(), 1);
    server.present.pass(3_600);
    assert_ne!(connector.access(&server, &connection).await, first);
    assert_eq!((connector.fake.remints(), connector.fake.refreshes()), (2, 0));
    assert_eq!(connector.shown(&server, &connection).await["method"], "client_credentials");
}

#[tokio::test]
async fn many_callers_of_a_machine_connection_ask_once() {
    let server = Server::with_providers().await;
    let connector = by_credentials(&server).await;
    let connection = a_connection(&server, &connector).await;
    connector.fake.next(Endpoint::Token, Act::Delay(200));
    let admin = connector.admin(&server).await;
    let path = format!("/v1/connections/{connection}/token");
    let calls = (0..100).map(|_| server.post(&path).bearer(&admin).json(json!({})));
    let answers = join_all(calls).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(connector.fake.remints(), 1);
}

#[tokio::test]
async fn a_machine_connection_of_a_wrong_secret_is_the_connector_s_fault() {
    let server = Server::with_providers().await;
    let connector = by_credentials(&server).await;
    let connection = a_connection(&server, &connector).await;
    connector.fake.change(|rules| rules.client_secret = "another-secret".into());
    let refused = connector.token(&server, &connection).await.expect(424);
    assert_eq!(refused["error"], "connector_misconfigured");
    let path = format!("/v1/connectors/{}", connector.id);
    let shown = server.get(&path).bearer(&connector.admin(&server).await).send().await.expect(200);
    assert_eq!(
        (&shown["status"], &shown["fault"]),
        (&json!("misconfigured"), &json!("invalid_client"))
    );
}

#[tokio::test]
async fn a_lost_reply_of_a_machine_connection_costs_nothing() {
    let server = Server::with_providers().await;
    let connector = by_credentials(&server).await;
    let connection = a_connection(&server, &connector).await;
    connector.fake.next(Endpoint::Token, Act::ActAndHangUp);
    let failed = connector.token(&server, &connection).await;
    assert_eq!(failed.expect(503)["error"], "provider_unavailable");
    let wait: u64 = failed.header("retry-after").parse().expect("a number");
    server.present.pass(wait + 1);
    connector.token(&server, &connection).await.expect(200);
    assert_eq!(connector.shown(&server, &connection).await["status"], "active");
}

#[tokio::test]
async fn a_jwt_grant_is_signed_by_the_app_s_key_for_the_one_it_names() {
    let server = Server::with_providers().await;
    let definition = json!({
        "vars": { "login": { "pattern": "^[a-z0-9.@-]{1,64}$", "title": "User", "optional": true } },
        "grants": { "jwt_bearer": {
            "assertion": { "param": "assertion", "aud": "https://provider.example", "sub": "{login}" },
            "auth": "none",
        } },
    });
    let more = json!({
        "method": "jwt_bearer", "client_secret": a_private_key(),
        "vars": { "login": "robot@provider.example", "key_alg": "ES256" },
    });
    let connector = server.a_connector_with(Rules::default(), definition, more).await;
    let connection = a_connection(&server, &connector).await;
    let token = connector.access(&server, &connection).await;
    let account = connector.fake.account_of(&token);
    assert_eq!(account.as_deref(), Some("robot@provider.example"));
    server.present.pass(3_600);
    assert_ne!(connector.access(&server, &connection).await, token);
    assert_eq!(connector.fake.remints(), 2);
    let path = format!("/v1/connectors/{}", connector.id);
    let shown: Value =
        server.get(&path).bearer(&connector.admin(&server).await).send().await.expect(200);
    assert!(!shown.to_string().contains("PRIVATE KEY"), "{shown}");
}

/// PKCS#8 in PEM (RFC 7468 §10), as an operator pastes it.
fn a_private_key() -> String {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let der = pair.to_pkcs8v1().expect("PKCS#8");
    let body = STANDARD.encode(der.as_ref());
    let lines: Vec<&str> =
        body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("text")).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}
