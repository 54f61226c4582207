//! `/v1/organizations`.

use futures_util::future::join;
use serde_json::json;

use crate::house::House;

#[tokio::test]
async fn an_organization_is_found_by_id_and_by_slug() {
    let house = House::new().await;
    let id = house.organization("acme").await;
    for path in [format!("/v1/organizations/{id}"), "/v1/organizations/acme".to_owned()] {
        assert_eq!(house.get(&path).await.expect(200).text("id"), id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_registrations_of_one_slug_one_wins() {
    let house = House::new().await;
    let body = json!({"name": "A", "slug": "acme"});
    let (one, two) = join(
        house.post("/v1/organizations", body.clone()),
        house.post("/v1/organizations", body.clone()),
    )
    .await;
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    let lost = if one.status.as_u16() == 409 { one } else { two };
    assert_eq!(lost.fault(), ("/slug", "is taken"));
}

#[tokio::test]
async fn a_change_leaves_absent_members_and_refuses_null() {
    let house = House::new().await;
    house.organization("acme").await;
    let path = "/v1/organizations/acme";
    let renamed = house.patch(path, json!({"name": "Acme Health"})).await.expect(200);
    assert_eq!((renamed.text("name"), renamed.text("slug")), ("Acme Health".into(), "acme".into()));
    let refused = house.patch(path, json!({"name": null})).await.expect(400);
    assert_eq!(refused.fault(), ("/name", "must be a string"));
    house.organization("other").await;
    let taken = house.patch(path, json!({"slug": "other"})).await.expect(409);
    assert_eq!(taken.fault(), ("/slug", "is taken"));
}

#[tokio::test]
async fn a_disabled_organization_says_since_when() {
    let house = House::new().await;
    house.organization("acme").await;
    let path = "/v1/organizations/acme";
    let disabled = house.patch(path, json!({"disabled": true})).await.expect(200);
    assert_eq!(disabled.body["disabled_at"], 1_800_000_000);
    let enabled = house.patch(path, json!({"disabled": false})).await.expect(200);
    assert!(enabled.body.get("disabled_at").is_none());
}

#[tokio::test]
async fn a_deleted_organization_takes_its_clients_with_it() {
    let house = House::new().await;
    house.organization("acme").await;
    let body = json!({"name": "C", "organization": "acme"});
    let client = house.post("/v1/clients", body).await.expect(201).text("client_id");
    house.delete("/v1/organizations/acme").await.expect(204);
    house.get("/v1/organizations/acme").await.expect(404);
    house.get(&format!("/v1/clients/{client}")).await.expect(404);
}

#[tokio::test]
async fn malformed_members_are_all_named_at_once() {
    let house = House::new().await;
    let answer = house.post("/v1/organizations", json!({"name": "", "slug": "A B"})).await;
    let answer = answer.expect(400);
    let pointers: Vec<_> = answer.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(pointers, ["/name", "/slug"]);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
}
