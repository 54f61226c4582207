//! Webhooks of connections: signed as their receivers verify, tried again, in order, once per change,
//! and never more of them than three days hold.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyhaven_fake_provider::{Reuse, Rules};
use serde_json::json;

use crate::harness::{AReceiver, Message, Server};

/// As a published receiver of Standard Webhooks does it.
fn verifies(secret: &str, message: &Message) -> bool {
    let key = secret.strip_prefix("whsec_").expect("a secret's prefix");
    let key = STANDARD.decode(key).expect("base64");
    assert!(key.len() >= 24, "the key is too short: {}", key.len());
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let signed = format!("{}.{}.{}", message.id, message.timestamp, message.text);
    let tag = message.signature.strip_prefix("v1,").expect("a version");
    let tag = STANDARD.decode(tag).expect("base64");
    hmac::verify(&key, signed.as_bytes(), &tag).is_ok()
}

#[tokio::test]
async fn a_message_is_signed_and_says_what_changed_and_no_secret() {
    let server = Server::with_providers().await;
    let (connector, receiver) = (server.a_connector().await, AReceiver::start().await);
    let secret = receiver.join(&server, &connector, &[]).await;
    let connection = connector.connect(&server).await;
    server.start_jobs();
    receiver.has(1).await;
    let message = receiver.messages().remove(0);
    assert!(verifies(&secret, &message), "{message:?}");
    assert_eq!(message.timestamp, server.present.now().to_string());
    let told = message.document();
    assert_eq!((&told["type"], &told["sequence"]), (&json!("connection.created"), &json!(1)));
    assert_eq!(told["id"], message.id, "{told}");
    assert_eq!(told["data"]["connection"], connection, "{told}");
    assert_eq!(told["data"]["status"], "active", "{told}");
    for kind in ["access", "refresh", "code"] {
        assert!(!message.text.contains(&format!("fake-{kind}-token")), "{}", message.text);
    }
    let forged = Message { text: message.text.replace("active", "revoked"), ..message };
    assert!(!verifies(&secret, &forged));
}

#[tokio::test]
async fn a_message_that_is_not_taken_comes_again_and_those_after_it_wait() {
    let server = Server::with_providers().await;
    let (connector, receiver) = (server.a_connector().await, AReceiver::start().await);
    receiver.join(&server, &connector, &[]).await;
    receiver.next(500);
    receiver.next(302);
    let connection = connector.connect(&server).await;
    let path = format!("/v1/connections/{connection}");
    let admin = connector.admin(&server).await;
    assert_eq!(server.ask("DELETE", &path).bearer(&admin).send().await.status, 204);
    server.start_jobs();
    while receiver.messages().len() < 4 {
        // Pauses are up to a minute here.
        server.present.pass(1);
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let (created, revoked) = ("connection.created", "connection.revoked");
    assert_eq!(receiver.events(), [created, created, created, revoked]);
    let messages = receiver.messages();
    assert_eq!(messages[0].id, messages[2].id, "the same message under the same id");
    assert_eq!(messages[3].document()["sequence"], 2);
}

#[tokio::test]
async fn every_change_is_told_once_and_a_refresh_only_to_who_asks() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let (all, asks) = (AReceiver::start().await, AReceiver::start().await);
    all.join(&server, &connector, &[]).await;
    let wanted = ["connection.refreshed", "connector.misconfigured", "connector.recovered"];
    asks.join(&server, &connector, &wanted).await;
    let connection = connector.connect(&server).await;
    server.present.pass(3_600);
    connector.token(&server, &connection).await.expect(200);
    server.present.pass(3_600);
    connector.fake.change(|rules| rules.client_secret = "another-secret".into());
    for _ in 0..3 {
        connector.token(&server, &connection).await.expect(424);
    }
    let path = format!("/v1/connectors/{}", connector.id);
    let body = json!({ "client_secret": "another-secret" });
    let mended = server.ask("PATCH", &path).bearer(&connector.admin(&server).await);
    mended.json(body).await.expect(200);
    connector.token(&server, &connection).await.expect(200);
    connector.fake.end_all_grants();
    server.present.pass(3_600);
    for _ in 0..3 {
        connector.token(&server, &connection).await.expect(409);
    }
    server.start_jobs();
    all.has(4).await;
    asks.has(4).await;
    let mut told = all.events();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            "connection.created",
            "connection.needs_reauth",
            "connector.misconfigured",
            "connector.recovered",
        ]
    );
    let mut told = asks.events();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            "connection.refreshed",
            "connection.refreshed",
            "connector.misconfigured",
            "connector.recovered",
        ]
    );
}

#[tokio::test]
async fn an_endpoint_that_is_gone_does_not_grow_the_outbox() {
    let server = Server::with_providers().await;
    let rules = Rules { reuse: Reuse::Static, ..Rules::default() };
    let connector = server.a_connector_with(rules, json!({}), json!({})).await;
    let receiver = AReceiver::start().await;
    receiver.always(500);
    receiver.join(&server, &connector, &["connection.refreshed"]).await;
    let connection = connector.connect(&server).await;
    for _ in 0..3 {
        server.present.pass(3_600);
        connector.token(&server, &connection).await.expect(200);
    }
    server.start_jobs();
    receiver.has(1).await;
    // Beyond the three days of all of them: none gets three days of its own.
    server.present.pass(3 * 86_400 + 1);
    receiver.always(204);
    let later = AReceiver::start().await;
    later.join(&server, &connector, &["connection.revoked"]).await;
    let path = format!("/v1/connections/{connection}");
    let admin = connector.admin(&server).await;
    assert_eq!(server.ask("DELETE", &path).bearer(&admin).send().await.status, 204);
    later.has(1).await;
    let told = receiver.messages();
    let first = told.first().map(|message| message.id.clone());
    assert!(told.iter().all(|message| Some(&message.id) == first.as_ref()), "{told:?}");
}
