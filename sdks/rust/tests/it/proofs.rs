//! Clients that prove themselves by a key, and tokens that are bound to one.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyhaven_sdk::tokens::PrivateKeyJwt;
use keyhaven_sdk::verify::Verifier;
use keyhaven_sdk::{Client, ClientCredentials, Dpop, SigningKey};
use serde_json::{Value, json};

use crate::faults::{Faults, form, token};
use crate::live::Server;

/// The header and the claims of a JWT. That signatures hold is tested beside the code.
fn opened(token: &str) -> (Value, Value) {
    let part = |at: usize| {
        let text = token.split('.').nth(at).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
    };
    (part(0), part(1))
}

fn proof(request: &Value) -> (Value, Value) {
    opened(request["headers"]["dpop"].as_str().unwrap())
}

#[tokio::test]
async fn a_client_proves_itself_with_its_key_for_this_issuer_once() {
    let faults = Faults::start();
    let told = faults.tell("t", &json!([token("t1"), token("t2")])).await;
    let key = Arc::new(SigningKey::generate().unwrap());
    let proof = PrivateKeyJwt::new("id", key).key_id("k1");
    let client = ClientCredentials::new(&told.url, "id", "").authentication(Arc::new(proof));
    let source = client.build();
    source.invalidate(&source.token().await.unwrap());
    source.token().await.unwrap();
    let mut ids = Vec::new();
    for request in told.came().await {
        let form = form(&request);
        assert_eq!(form["client_id"], "id");
        assert!(request["headers"]["authorization"].is_null());
        let (header, claims) = opened(form["client_assertion"].as_str().unwrap());
        assert_eq!(header, json!({"alg": "ES256", "typ": "JWT", "kid": "k1"}));
        let named = [&claims["iss"], &claims["sub"], &claims["aud"]];
        assert_eq!(named, [&json!("id"), &json!("id"), &json!(told.url)]);
        assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 60);
        ids.push(claims["jti"].clone());
    }
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn a_bound_token_goes_with_a_proof_of_its_key_this_request_and_the_servers_nonce() {
    let faults = Faults::start();
    let wanted = json!({"status": 400, "headers": {"dpop-nonce": "n1"}, "body": {"error": "use_dpop_nonce"}});
    let bound = json!({"status": 200, "body": {
        "access_token": "t", "token_type": "DPoP", "expires_in": 600,
    }});
    let tokens = faults.tell("tokens", &json!([wanted, bound])).await;
    let stale = json!({"status": 401, "headers": {
        "content-type": "application/problem+json", "dpop-nonce": "n2",
        "www-authenticate": "DPoP error=\"use_dpop_nonce\"",
    }, "body": {"title": "no", "status": 401, "detail": "stale"}});
    let page = json!({"status": 200, "body": {"items": []}});
    let api = faults.tell("api", &json!([stale, page])).await;
    let proofs = Arc::new(Dpop::new(SigningKey::generate().unwrap()));
    let source = ClientCredentials::new(&tokens.url, "id", "s").dpop(proofs.clone()).build();
    let builder = Client::builder().server_url(&api.url).token_source(source).dpop(proofs);
    let answer = builder.build().unwrap().signing_keys().list_signing_keys().send().await.unwrap();
    assert_eq!(answer.meta().attempts, 1);
    let (asked, called) = (tokens.came().await, api.came().await);
    assert_eq!((asked.len(), called.len()), (2, 2));
    assert_eq!(form(&asked[0]), form(&asked[1]));
    let nonces: Vec<Value> =
        asked.iter().chain(&called).map(|one| proof(one).1["nonce"].clone()).collect();
    // Both stand on one server, which has one nonce.
    assert_eq!(nonces, [Value::Null, json!("n1"), json!("n1"), json!("n2")]);
    let (header, claims) = proof(&called[1]);
    assert_eq!((&header["typ"], &header["jwk"]["kty"]), (&json!("dpop+jwt"), &json!("EC")));
    assert!(header["jwk"]["d"].is_null());
    assert_eq!(claims["htm"], "GET");
    assert_eq!(claims["htu"], json!(format!("{}/v1/signing-keys", api.url)));
    // SHA-256 of "t".
    assert_eq!(claims["ath"], "47mKTaMaEn1L3m5DAz9muidMqw636xxw7EFAK_YnPdg");
    assert_eq!(called[1]["headers"]["authorization"], "DPoP t");
    let ids: std::collections::HashSet<String> =
        asked.iter().chain(&called).map(|one| proof(one).1["jti"].to_string()).collect();
    assert_eq!(ids.len(), 4);
}

#[tokio::test]
async fn another_refusal_is_not_repeated_and_a_bearer_token_needs_no_proof() {
    let faults = Faults::start();
    let refused =
        json!({"status": 400, "headers": {"dpop-nonce": "n"}, "body": {"error": "invalid_grant"}});
    let told = faults.tell("refused", &json!([refused])).await;
    let proofs = Arc::new(Dpop::new(SigningKey::generate().unwrap()));
    let source = ClientCredentials::new(&told.url, "id", "s").dpop(proofs.clone()).build();
    assert_eq!(source.token().await.unwrap_err().oauth().unwrap().error, "invalid_grant");
    assert_eq!(told.came().await.len(), 1);
    let plain = faults.tell("plain", &json!([token("t")])).await;
    let source = ClientCredentials::new(&plain.url, "id", "s").build();
    let api = faults.tell("api", &json!([{"status": 200, "body": {"items": []}}])).await;
    let builder = Client::builder().server_url(&api.url).token_source(source).dpop(proofs);
    builder.build().unwrap().signing_keys().list_signing_keys().send().await.unwrap();
    assert!(api.came().await[0]["headers"]["dpop"].is_null());
}

#[tokio::test]
async fn the_real_server_takes_a_clients_key_and_binds_its_token() {
    let server = Server::start_with(&[("KEYHAVEN_DPOP_NONCES", "required")]);
    let key = Arc::new(SigningKey::generate().unwrap());
    let mut jwk = key.jwk();
    (jwk["kid"], jwk["alg"]) = (json!("k1"), json!("ES256"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    std::fs::write(&file, json!({"keys": [jwk]}).to_string()).unwrap();
    let file = file.to_string_lossy();
    let (id, _) = server.client(&[
        "--jwks",
        &file,
        "--dpop",
        "required",
        "--grant",
        "client_credentials",
        "--scope",
        "/ping.read",
        "--token-format",
        "jwt",
    ]);
    // Proofs name the issuer, which is called localhost.
    let url = server.url().replace("127.0.0.1", "localhost");
    let proof = Arc::new(PrivateKeyJwt::new(&id, key).key_id("k1"));
    let proofs = Arc::new(Dpop::new(SigningKey::generate().unwrap()));
    let client = ClientCredentials::new(&url, &id, "").authentication(proof).dpop(proofs);
    let token = client.build().token().await.unwrap();
    assert_eq!(token.token_type, "DPoP");
    let verifier = Verifier::new(&url, &url);
    let claims = verifier.check(token.access_token.reveal()).await.unwrap();
    assert!(claims.more["cnf"]["jkt"].is_string(), "{claims:?}");
}
