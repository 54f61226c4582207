//! `/v1/clients/{client}/secrets`.

use futures_util::future::join;
use serde_json::json;

use crate::house::House;

async fn client(house: &House) -> String {
    let made = house.post("/v1/clients", json!({"name": "C"})).await.expect(201);
    format!("/v1/clients/{}/secrets", made.text("client_id"))
}

#[tokio::test]
async fn there_are_at_most_two_live_secrets() {
    let house = House::new().await;
    let secrets = client(&house).await;
    house.post(&secrets, json!({"overlap_seconds": 100})).await.expect(201);
    let third = house.post(&secrets, json!({})).await.expect(409);
    assert!(third.text("detail").starts_with("Two secrets are live already"));
    house.wait(101);
    let live = house.get(&secrets).await.expect(200);
    assert_eq!(live.body["items"].as_array().unwrap().len(), 1);
    house.post(&secrets, json!({})).await.expect(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_rotations_at_once_one_wins() {
    let house = House::new().await;
    let secrets = client(&house).await;
    let (one, two) = join(house.post(&secrets, json!({})), house.post(&secrets, json!({}))).await;
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    let live = house.get(&secrets).await.expect(200);
    assert_eq!(live.body["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_deleted_secret_makes_room() {
    let house = House::new().await;
    let secrets = client(&house).await;
    let made = house.post(&secrets, json!({})).await.expect(201);
    let path = made.headers["location"].to_str().unwrap().to_owned();
    house.delete(&path).await.expect(204);
    house.delete(&path).await.expect(404);
    house.post(&secrets, json!({})).await.expect(201);
}

#[tokio::test]
async fn a_client_without_secrets_has_nothing_to_rotate() {
    let house = House::new().await;
    let body = json!({"name": "P", "public": true, "grant_types": ["refresh_token"]});
    let made = house.post("/v1/clients", body).await.expect(201);
    let path = format!("/v1/clients/{}/secrets", made.text("client_id"));
    let refused = house.post(&path, json!({})).await.expect(409);
    assert_eq!(refused.text("detail"), "This client authenticates without a secret.");
}
