//! `/v1/organizations/{organization}/projects`.

use serde_json::json;

use crate::house::House;

#[tokio::test]
async fn a_slug_is_unique_within_its_organization_only() {
    let house = House::new().await;
    house.organization("a").await;
    house.organization("b").await;
    let body = json!({"name": "P", "slug": "p"});
    house.post("/v1/organizations/a/projects", body.clone()).await.expect(201);
    house.post("/v1/organizations/b/projects", body.clone()).await.expect(201);
    let taken = house.post("/v1/organizations/a/projects", body).await.expect(409);
    assert_eq!(taken.fault(), ("/slug", "is taken"));
}

#[tokio::test]
async fn a_project_lives_from_creation_to_deletion() {
    let house = House::new().await;
    house.organization("a").await;
    let made = house
        .post("/v1/organizations/a/projects", json!({"name": "P", "slug": "p"}))
        .await
        .expect(201);
    let path = made.headers["location"].to_str().unwrap().to_owned();
    assert_eq!(house.get(&path).await.expect(200).body, made.body);
    let changed = house.patch(&path, json!({"slug": "q"})).await.expect(200);
    assert_eq!((changed.text("name"), changed.text("slug")), ("P".into(), "q".into()));
    house.delete(&path).await.expect(204);
    house.get(&path).await.expect(404);
    house.delete(&path).await.expect(404);
}
