//! Who gets into `/v1` from outside.

use axum::http::Method;
use serde_json::json;

use crate::house::{House, request};

async fn refused(house: &House, headers: &[(&str, &str)], reason: &str) {
    let answer = house.send_raw(request(Method::GET, "/v1/clients", None, headers)).await;
    let answer = answer.expect(401);
    assert!(answer.headers.contains_key("www-authenticate"));
    house.write_refusals().await;
    let explained = house.get(&format!("/v1/refusals/{}", answer.text("code"))).await.expect(200);
    assert_eq!(explained.text("reason"), reason);
}

#[tokio::test]
async fn without_exactly_one_bearer_token_nothing_opens() {
    let house = House::new().await;
    refused(&house, &[], "exactly one Authorization header is needed").await;
    let twice = [("authorization", "Bearer a"), ("authorization", "Bearer b")];
    refused(&house, &twice, "exactly one Authorization header is needed").await;
}

#[tokio::test]
async fn an_unknown_caller_learns_nothing_of_paths() {
    let house = House::new().await;
    let organization = house.organization("acme").await;
    for path in [
        format!("/v1/organizations/{organization}"),
        "/v1/organizations/none".to_owned(),
        "/v1/grants/none".to_owned(),
        "/v1/clients?limit=0".to_owned(),
    ] {
        house.send_raw(request(Method::GET, &path, None, &[])).await.expect(401);
    }
    let body = Some(json!({"nonsense": true}));
    house.send_raw(request(Method::POST, "/v1/clients", body, &[])).await.expect(401);
}
