//! `/.well-known/…`: metadata that states only what is true, and the key set.

use serde_json::{Value, json};

use crate::harness::{ISSUER, Server, the};
use crate::house::House;

#[tokio::test]
async fn both_metadata_paths_say_the_same_and_every_endpoint_in_them_answers() {
    let server = Server::start().await;
    let paths = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];
    let document = server.get(paths[0]).send().await.expect(200);
    assert_eq!(document, server.get(paths[1]).send().await.expect(200));
    assert_eq!(document["issuer"], ISSUER);
    assert!(!document.to_string().contains("null"));
    for name in ["authorization_endpoint", "end_session_endpoint", "userinfo_endpoint"] {
        let url = the(&document[name]);
        let answer = server.get(url.strip_prefix(ISSUER).expect("our own URL")).send().await;
        assert!(matches!(answer.status, 303 | 400 | 401 | 403), "{name}: {}", answer.status);
    }
    for name in [
        "token_endpoint",
        "revocation_endpoint",
        "introspection_endpoint",
        "pushed_authorization_request_endpoint",
    ] {
        let url = the(&document[name]);
        let path = url.strip_prefix(ISSUER).expect("our own URL");
        let answer = server.post(path).form(&[]).await;
        assert!(matches!(answer.status, 400 | 401), "{name}: {}", answer.status);
    }
    let url = the(&document["jwks_uri"]);
    server.get(url.strip_prefix(ISSUER).expect("our own URL")).send().await.expect(200);
}

#[tokio::test]
async fn the_key_set_is_public_only_and_tells_how_long_it_may_be_kept() {
    let server = Server::start().await;
    let answer = server.get("/.well-known/jwks.json").send().await;
    assert_eq!(answer.header("content-type"), "application/jwk-set+json");
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    let document: Value = answer.expect(200);
    let keys = document["keys"].as_array().expect("keys");
    assert_eq!(keys.len(), 1);
    for key in keys {
        let members: Vec<_> = key.as_object().expect("an object").keys().collect();
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(!members.iter().any(|member| *member == private), "{private} is published");
        }
    }
}

#[tokio::test]
async fn the_key_set_has_what_signs_for_a_client_before_anybody_signs_in() {
    let house = House::new().await;
    let made = house.post(
        "/v1/clients",
        json!({
            "name": "C", "grant_types": ["authorization_code"], "token_format": "opaque",
            "redirect_uris": ["https://app.test/cb"],
        }),
    );
    let made = made.await.expect(201);
    assert_eq!(published(&house), ["RS256"], "ID tokens are RS256 unless set");
    let path = format!("/v1/clients/{}", made.text("client_id"));
    let changed = json!({"sign_in": {"id_token_alg": "PS256", "userinfo_alg": "EdDSA"}});
    house.patch(&path, changed).await.expect(200);
    assert_eq!(published(&house), ["EdDSA", "PS256", "RS256"]);
}

fn published(house: &House) -> Vec<String> {
    let set: Value = serde_json::from_slice(&house.app.keys.now().published).expect("JSON");
    let keys = set["keys"].as_array().expect("keys");
    let mut algorithms: Vec<_> = keys.iter().map(|key| the(&key["alg"])).collect();
    algorithms.sort();
    algorithms
}
