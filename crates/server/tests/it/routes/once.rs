//! Requests that happen once.

use axum::http::Method;
use futures_util::future::join_all;
use serde_json::json;

use crate::house::{House, of};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_raced_twenty_times_makes_one_object_and_one_answer() {
    let house = House::new().await;
    let body = json!({"name": "Raced"});
    let answers =
        join_all((0..20).map(|_| house.post_once("race", "/v1/clients", body.clone()))).await;
    let first = answers[0].body.clone();
    assert!(first["client_secret"].as_str().unwrap().starts_with("kh_secret_"));
    for answer in &answers {
        assert_eq!((answer.status.as_u16(), &answer.body), (201, &first));
    }
    let replayed =
        answers.iter().filter(|answer| answer.headers.contains_key("idempotent-replayed"));
    assert_eq!(replayed.count(), 19);
    let list = house.get("/v1/clients").await.expect(200);
    assert_eq!(list.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_with_another_body_or_path_is_refused() {
    let house = House::new().await;
    house.post_once("k", "/v1/clients", json!({"name": "A"})).await.expect(201);
    let other = house.post_once("k", "/v1/clients", json!({"name": "B"})).await.expect(409);
    assert_eq!(other.text("error"), "idempotency_key_reused");
    let body = json!({"name": "A", "slug": "a"});
    house.post_once("k", "/v1/organizations", body).await.expect(409);
}

#[tokio::test]
async fn a_key_belongs_to_its_caller_and_ends_after_a_day() {
    let house = House::new().await;
    let own = house.organization("own").await;
    let body = json!({"name": "A"});
    let first = house.post_once("k", "/v1/clients", body.clone()).await.expect(201);
    let headers = [("idempotency-key", "k")];
    let other = house
        .send_as(of(&own), Method::POST, "/v1/clients", Some(body.clone()), &headers)
        .await
        .expect(201);
    assert_ne!(first.text("client_id"), other.text("client_id"));
    house.wait(86_399);
    let replayed = house.post_once("k", "/v1/clients", body.clone()).await.expect(201);
    assert_eq!(replayed.text("client_id"), first.text("client_id"));
    house.wait(2);
    let fresh = house.post_once("k", "/v1/clients", body).await.expect(201);
    assert_ne!(fresh.text("client_id"), first.text("client_id"));
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    let house = House::new().await;
    house.post_once("k", "/v1/clients", json!({})).await.expect(400);
    house.post_once("k", "/v1/clients", json!({"name": "A"})).await.expect(201);
}

#[tokio::test]
async fn a_malformed_key_is_refused() {
    let house = House::new().await;
    for key in ["", "a b", &"x".repeat(256)] {
        let answer = house.post_once(key, "/v1/clients", json!({"name": "A"})).await.expect(400);
        assert_eq!(answer.fault().0, "Idempotency-Key");
    }
}
