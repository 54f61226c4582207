//! `/v1/organizations/{organization}/members`.

use serde_json::json;

use crate::house::House;

const MEMBERS: &str = "/v1/organizations/a/members";

#[tokio::test]
async fn a_user_is_a_member_once_with_one_role() {
    let house = House::new().await;
    house.organization("a").await;
    let user = house.user("ada@a.test").await;
    let body = json!({"user": user, "role": "member"});
    let made = house.post(MEMBERS, body.clone()).await.expect(201);
    assert_eq!(made.body["user"]["email"], "ada@a.test");
    let taken = house.post(MEMBERS, body).await.expect(409);
    assert_eq!(taken.fault(), ("/user", "is taken"));
    let path = format!("{MEMBERS}/{user}");
    let changed = house.patch(&path, json!({"role": "owner"})).await.expect(200);
    assert_eq!(changed.text("role"), "owner");
    let refused = house.patch(&path, json!({"role": "king"})).await.expect(400);
    assert_eq!(refused.fault(), ("/role", "is owner, admin or member"));
}

#[tokio::test]
async fn a_removed_member_leaves_the_groups_too() {
    let house = House::new().await;
    house.organization("a").await;
    let user = house.user("ada@a.test").await;
    house.post(MEMBERS, json!({"user": user, "role": "member"})).await.expect(201);
    let group = house.post("/v1/organizations/a/groups", json!({"name": "G"})).await.expect(201);
    let members = format!("{}/members", group.headers["location"].to_str().unwrap());
    house.send(axum::http::Method::PUT, &format!("{members}/{user}"), None).await.expect(204);
    house.delete(&format!("{MEMBERS}/{user}")).await.expect(204);
    assert_eq!(house.get(&members).await.expect(200).body["items"], json!([]));
}
