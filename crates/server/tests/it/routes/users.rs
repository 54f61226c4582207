//! `/v1/users`.

use serde_json::json;

use crate::house::House;

#[tokio::test]
async fn an_address_in_another_case_is_the_same_user() {
    let house = House::new().await;
    let id = house.user("Ada@A.test").await;
    let body = json!({"name": "Other", "email": "ADA@a.TEST"});
    let taken = house.post("/v1/users", body).await.expect(409);
    assert_eq!(taken.fault(), ("/email", "is taken"));
    let found = house.get("/v1/users?email=aDa@a.test").await.expect(200);
    assert_eq!(found.body["items"][0]["id"], json!(id));
    assert_eq!(found.body["items"][0]["email"], "ada@a.test");
}

#[tokio::test]
async fn a_deleted_user_leaves_every_organization() {
    let house = House::new().await;
    house.organization("a").await;
    let user = house.user("ada@a.test").await;
    let body = json!({"user": user, "role": "owner"});
    house.post("/v1/organizations/a/members", body).await.expect(201);
    house.delete(&format!("/v1/users/{user}")).await.expect(204);
    let members = house.get("/v1/organizations/a/members").await.expect(200);
    assert_eq!(members.body["items"], json!([]));
}

#[tokio::test]
async fn a_user_is_renamed_readdressed_and_disabled() {
    let house = House::new().await;
    let path = format!("/v1/users/{}", house.user("ada@a.test").await);
    let body = json!({"name": "Ada L", "email": "L@a.test", "disabled": true});
    let changed = house.patch(&path, body).await.expect(200);
    assert_eq!((changed.text("name"), changed.text("email")), ("Ada L".into(), "l@a.test".into()));
    assert_eq!(changed.body["disabled_at"], 1_800_000_000);
}
