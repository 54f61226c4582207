//! `/v1/clients`.

use keyhaven_protocol::id::ClientId;
use serde_json::{Value, json};

use crate::house::House;

#[track_caller]
fn refused(answer: crate::house::Answer, pointer: &str, rule: &str) {
    let answer = answer.expect(400);
    assert_eq!(answer.fault(), (pointer, rule));
}

async fn make(house: &House, settings: Value) -> crate::house::Answer {
    let mut body = json!({"name": "C"});
    body.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    house.post("/v1/clients", body).await
}

#[tokio::test]
async fn a_secret_is_shown_once_and_kept_as_a_hash() {
    let house = House::new().await;
    let made = make(&house, json!({})).await.expect(201);
    let secret = made.text("client_secret");
    let id = ClientId::parse(&made.text("client_id")).unwrap();
    let stored = house.app.store.find_client(id).await.unwrap().unwrap();
    let digest = keyhaven_protocol::secret::Digest::of(secret.as_bytes());
    assert_eq!(stored.secrets[0].digest, digest);
    let shown = house.get(&format!("/v1/clients/{}", made.text("client_id"))).await.expect(200);
    assert!(!shown.body.to_string().contains("secret\""), "{}", shown.body);
}

#[tokio::test]
async fn a_public_client_has_no_secret() {
    let house = House::new().await;
    let made =
        make(&house, json!({"public": true, "grant_types": ["refresh_token"]})).await.expect(201);
    assert!(made.body.get("client_secret").is_none());
    assert_eq!(made.text("auth_method"), "none");
    refused(
        make(&house, json!({"public": true})).await,
        "/grant_types",
        "client_credentials is for clients that can prove themselves",
    );
}

#[tokio::test]
async fn a02_and_a04_patterns_and_script_schemes_are_refused() {
    let house = House::new().await;
    for uri in ["https://a.test/.*", "https://*.test/", "javascript:alert(1)", "data:,x"] {
        let uris = json!({"redirect_uris": ["https://a.test/cb", uri]});
        let answer = make(&house, uris).await.expect(400);
        assert_eq!(answer.fault().0, "/redirect_uris/1", "{uri}");
    }
}

#[tokio::test]
async fn a04_how_a_client_signs_people_in_is_kept_and_bounded() {
    let house = House::new().await;
    let sign_in = json!({"post_logout_redirect_uris": ["https://a.test/bye"], "dpop": "required"});
    let body = json!({"grant_types": ["authorization_code"], "sign_in": sign_in});
    let made = make(&house, body).await;
    let shown = &made.body["client"]["sign_in"];
    let shown = if shown.is_null() { &made.body["sign_in"] } else { shown };
    assert_eq!(shown["post_logout_redirect_uris"][0], "https://a.test/bye", "{}", made.body);
    assert_eq!((&shown["dpop"], &shown["id_token_alg"]), (&json!("required"), &json!("RS256")));
    for (name, value, rule) in [
        ("logo_uri", "javascript:alert(1)", "is an https URL"),
        ("policy_uri", "http://a.test", "is an https URL"),
        ("backchannel_logout_uri", "data:,x", "is an https URL"),
        ("consent", "never", "is ask or trusted"),
        ("id_token_alg", "none", "is ES256, EdDSA, PS256 or RS256"),
    ] {
        let answer = make(&house, json!({"sign_in": {name: value}})).await;
        refused(answer, &format!("/sign_in/{name}"), rule);
    }
}

#[tokio::test]
async fn settings_beyond_their_bounds_are_refused() {
    let house = House::new().await;
    refused(make(&house, json!({"access_ttl": 601})).await, "/access_ttl", "is 1 to 600");
    refused(make(&house, json!({"refresh_grace": 301})).await, "/refresh_grace", "is 0 to 300");
    refused(
        make(&house, json!({"refresh_absolute_ttl": 60})).await,
        "/refresh_absolute_ttl",
        "is not less than refresh_idle_ttl",
    );
    refused(
        make(&house, json!({"grant_types": ["password"]})).await,
        "/grant_types/0",
        "is authorization_code, client_credentials or refresh_token",
    );
    refused(
        make(&house, json!({"token_alg": "HS256"})).await,
        "/token_alg",
        "is ES256, EdDSA, PS256 or RS256",
    );
    refused(
        make(&house, json!({"secret": "x"})).await,
        "/secret",
        "is not a member of this request",
    );
}

#[tokio::test]
async fn keys_are_public_and_for_those_who_sign() {
    let house = House::new().await;
    refused(
        make(&house, json!({"jwks_uri": "https://a.example/jwks"})).await,
        "/jwks_uri",
        "is for private_key_jwt and request objects only",
    );
    refused(
        make(&house, json!({"auth_method": "private_key_jwt"})).await,
        "/jwks",
        "or jwks_uri is required for private_key_jwt",
    );
    let private = json!({"kty": "oct", "k": "c2VjcmV0"});
    let sent = json!({"auth_method": "private_key_jwt", "jwks": {"keys": [private]}});
    assert_eq!(make(&house, sent).await.expect(400).fault().0, "/jwks");
}

#[tokio::test]
async fn a_change_is_audited_with_what_differs() {
    let house = House::new().await;
    let id = make(&house, json!({"scope": "a"})).await.expect(201).text("client_id");
    let path = format!("/v1/clients/{id}");
    house.wait(1);
    let changed = house.patch(&path, json!({"scope": "a b", "disabled": true})).await.expect(200);
    assert_eq!(changed.text("scope"), "a b");
    let audit = house.get("/v1/audit?limit=1").await.expect(200);
    let entry = &audit.body["items"][0];
    assert_eq!(entry["action"], "client.disabled");
    assert_eq!(entry["detail"], json!({"scope": "a b", "disabled_at": 1_800_000_001}));
}

#[tokio::test]
async fn a_revocation_reaches_tokens_of_this_very_second() {
    let house = House::new().await;
    let id = make(&house, json!({})).await.expect(201).text("client_id");
    let receipt = house.post(&format!("/v1/clients/{id}/revocation"), json!({})).await.expect(200);
    let expected = json!({"revoked_at": 1_800_000_000, "effective_by": 1_800_000_000});
    assert_eq!(receipt.body, expected);
    let client = house.app.store.find_client(ClientId::parse(&id).unwrap()).await.unwrap().unwrap();
    assert_eq!(client.not_before.0, 1_800_000_001);
}

#[tokio::test]
async fn groups_are_those_of_the_clients_organization() {
    let house = House::new().await;
    house.organization("a").await;
    house.organization("b").await;
    let group = |slug: &str| format!("/v1/organizations/{slug}/groups");
    let own = house.post(&group("a"), json!({"name": "G"})).await.expect(201).text("id");
    let other = house.post(&group("b"), json!({"name": "G"})).await.expect(201).text("id");
    let made = make(&house, json!({"organization": "a", "groups": [own]})).await.expect(201);
    assert_eq!(made.body["groups"], json!([own]));
    let path = format!("/v1/clients/{}", made.text("client_id"));
    refused(house.patch(&path, json!({"groups": [other]})).await, "/groups/0", "is not there");
    let listed = house.get("/v1/clients?organization=a").await.expect(200);
    assert_eq!(listed.body["items"][0]["groups"], json!([own]));
    house.delete(&path).await.expect(204);
    house.get(&path).await.expect(404);
}
