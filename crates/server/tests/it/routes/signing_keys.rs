//! `/v1/signing-keys`.

use serde_json::json;

use crate::house::{Answer, House, of};
use axum::http::Method;

fn states(answer: &Answer) -> Vec<(&str, &str)> {
    let items = answer.body["items"].as_array().unwrap();
    items.iter().map(|key| (key["alg"].as_str().unwrap(), key["state"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn a_new_key_is_published_before_it_signs() {
    let house = House::new().await;
    let first = house.post("/v1/signing-keys", json!({"alg": "ES256", "now": true})).await;
    assert_eq!(states(&first.expect(201)), [("ES256", "signs")]);
    let next = house.post("/v1/signing-keys", json!({})).await.expect(201);
    assert_eq!(states(&next), [("ES256", "next")]);
    let wait = next.body["items"][0]["signs_from"].as_i64().unwrap()
        - next.body["items"][0]["created_at"].as_i64().unwrap();
    assert_eq!(wait, 600);
    let third = house.post("/v1/signing-keys", json!({})).await.expect(409);
    assert!(third.text("detail").contains("published already"), "{}", third.body);
    house.wait(600);
    let list = house.get("/v1/signing-keys").await.expect(200);
    assert_eq!(states(&list), [("ES256", "signs"), ("ES256", "retired")]);
    assert!(!list.body.to_string().contains("\"d\""), "no private part leaves: {}", list.body);
}

#[tokio::test]
async fn every_algorithm_in_use_rotates_unless_one_is_named() {
    let house = House::new().await;
    for alg in ["ES256", "EdDSA"] {
        house.post("/v1/signing-keys", json!({"alg": alg, "now": true})).await.expect(201);
    }
    let both = house.post("/v1/signing-keys", json!({"now": true})).await.expect(201);
    assert_eq!(states(&both), [("ES256", "signs"), ("EdDSA", "signs")]);
    let unknown = house.post("/v1/signing-keys", json!({"alg": "HS256"})).await.expect(400);
    assert_eq!(unknown.fault(), ("/alg", "is ES256, EdDSA, PS256 or RS256"));
}

#[tokio::test]
async fn an_administrator_of_one_organization_has_no_business_here() {
    let house = House::new().await;
    let one = house.organization("one").await;
    for (method, body) in [(Method::GET, None), (Method::POST, Some(json!({"now": true})))] {
        let answer = house.send_as(of(&one), method, "/v1/signing-keys", body, &[]).await;
        let answer = answer.expect(403);
        assert_eq!(answer.text("detail"), "Only an administrator of the instance may do that.");
    }
}
