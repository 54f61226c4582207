//! Keys that a client publishes at an address of its own: fetched, remembered, followed when they
//! rotate, and judged when they are registered.

use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_protocol::jose::signing_key::SigningKey;
use serde_json::json;

use crate::harness::{AClient, Answer, FakeUpstream, Server, a_signing_key, asserted, key_set};

/// A client whose keys the fake publishes.
async fn published(server: &Server, fake: &FakeUpstream) -> AClient {
    let uri = format!("{}/keys", fake.issuer);
    let client = server.a_client().but(|client| {
        client.auth_method = keyhaven_protocol::client::AuthMethod::PrivateKeyJwt;
        client.keys_uri = Some(uri);
    });
    client.build().await
}

async fn token_by(server: &Server, client: &AClient, key: &SigningKey) -> Answer {
    let form = [("grant_type", "client_credentials")];
    asserted(server, (client, key), "/oauth2/token", None, &form).await
}

#[tokio::test]
async fn published_keys_are_fetched_remembered_and_followed_when_they_rotate() {
    let server = Server::beside_upstreams().await;
    let fake = FakeUpstream::start().await;
    let (first, second) = (a_signing_key(Algorithm::Es256), a_signing_key(Algorithm::EdDsa));
    fake.says().publishes = Some(key_set(&first));
    let client = published(&server, &fake).await;
    for _ in 0..3 {
        token_by(&server, &client, &first).await.expect(200);
    }
    assert_eq!(fake.says().asked_for_keys, 1);
    fake.says().publishes = Some(key_set(&second));
    let unknown = "kid names no known key";
    // Within the minute nobody is asked again, however many names are tried (A50).
    for _ in 0..10 {
        token_by(&server, &client, &second).await.refused(&server, 401, "invalid_client", unknown);
    }
    assert_eq!(fake.says().asked_for_keys, 1);
    server.present.pass(61);
    token_by(&server, &client, &second).await.expect(200);
    assert_eq!(fake.says().asked_for_keys, 2);
    token_by(&server, &client, &first).await.refused(&server, 401, "invalid_client", unknown);
}

#[tokio::test]
async fn f23_published_keys_that_cannot_be_fetched_serve_for_a_day_and_then_verify_nothing() {
    let server = Server::beside_upstreams().await;
    let fake = FakeUpstream::start().await;
    let key = a_signing_key(Algorithm::Es256);
    fake.says().publishes = Some(key_set(&key));
    let client = published(&server, &fake).await;
    token_by(&server, &client, &key).await.expect(200);
    fake.says().publishes = None;
    server.present.pass(23 * 3_600);
    token_by(&server, &client, &key).await.expect(200);
    server.present.pass(2 * 3_600);
    let gone = "the client's published keys are not to be had";
    token_by(&server, &client, &key).await.refused(&server, 401, "invalid_client", gone);
    // A set that is none, and a bomb (A56), are no keys either.
    for document in ["<html>".to_owned(), a_bomb()] {
        fake.says().publishes = Some(document);
        server.present.pass(61);
        token_by(&server, &client, &key).await.refused(&server, 401, "invalid_client", gone);
    }
    fake.says().publishes = Some(key_set(&key));
    server.present.pass(61);
    token_by(&server, &client, &key).await.expect(200);
}

fn a_bomb() -> String {
    let key = a_signing_key(Algorithm::EdDsa).jwk().to_value();
    let keys: Vec<_> = (0..10_000).map(|_| key.clone()).collect();
    json!({ "keys": keys }).to_string()
}

#[tokio::test]
async fn a55_keys_at_an_address_we_do_not_ask_are_refused_when_registered() {
    let server = Server::start().await;
    let administrator = || keyhaven::api::administrator::Administrator {
        reach: keyhaven_store::Reach::Instance,
        actor: "test:administrator".into(),
    };
    for uri in [
        "https://127.0.0.1/keys",
        "https://10.0.0.1/keys",
        "https://169.254.169.254/latest",
        "https://[::1]/keys",
        "https://[::ffff:127.0.0.1]/keys",
        "https://localhost/keys",
        "http://a.example/keys",
        "https://a.example:8443/keys",
        "https://me@a.example/keys",
        "file:///etc/passwd",
    ] {
        let body = json!({"name": "x", "auth_method": "private_key_jwt", "jwks_uri": uri});
        let ask = server.post("/v1/clients").administered_by(administrator());
        let refused = ask.json(body).await.expect(400);
        assert_eq!(refused["errors"][0]["pointer"], "/jwks_uri", "{uri}");
    }
    let body = json!({
        "name": "x", "auth_method": "private_key_jwt", "jwks_uri": "https://a.example/keys",
    });
    let ask = server.post("/v1/clients").administered_by(administrator());
    assert_eq!(ask.json(body).await.expect(201)["jwks_uri"], "https://a.example/keys");
    let both = json!({
        "name": "x", "auth_method": "private_key_jwt", "jwks_uri": "https://a.example/keys",
        "jwks": {"keys": [a_signing_key(Algorithm::Es256).jwk().to_value()]},
    });
    let refused = server.post("/v1/clients").administered_by(administrator()).json(both).await;
    assert_eq!(refused.expect(400)["errors"][0]["pointer"], "/jwks_uri");
}
