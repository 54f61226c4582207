//! `/v1/organizations/{organization}/groups`.

use axum::http::Method;
use serde_json::json;

use crate::house::House;

#[tokio::test]
async fn a_bio_is_removed_by_null_and_kept_when_absent() {
    let house = House::new().await;
    house.organization("a").await;
    let body = json!({"name": "G", "bio": "words"});
    let made = house.post("/v1/organizations/a/groups", body).await.expect(201);
    let path = made.headers["location"].to_str().unwrap().to_owned();
    let renamed = house.patch(&path, json!({"name": "H"})).await.expect(200);
    assert_eq!(renamed.text("bio"), "words");
    let removed = house.patch(&path, json!({"bio": null})).await.expect(200);
    assert!(removed.body.get("bio").is_none());
}

#[tokio::test]
async fn only_members_of_the_organization_enter_its_groups() {
    let house = House::new().await;
    house.organization("a").await;
    let user = house.user("ada@a.test").await;
    let made = house.post("/v1/organizations/a/groups", json!({"name": "G"})).await.expect(201);
    let members = format!("{}/members", made.headers["location"].to_str().unwrap());
    let entry = format!("{members}/{user}");
    house.send(Method::PUT, &entry, None).await.expect(404);
    let body = json!({"user": user, "role": "member"});
    house.post("/v1/organizations/a/members", body).await.expect(201);
    house.send(Method::PUT, &entry, None).await.expect(204);
    house.send(Method::PUT, &entry, None).await.expect(204);
    assert_eq!(house.get(&members).await.expect(200).body["items"], json!([{"user": user}]));
    house.delete(&entry).await.expect(204);
    house.delete(&entry).await.expect(404);
}
