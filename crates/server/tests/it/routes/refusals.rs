//! `/v1/refusals/{code}`, and what every refusal carries.

use axum::http::Method;
use serde_json::json;

use crate::house::{House, of};

#[tokio::test]
async fn a_refusal_is_explained_by_its_code_for_a_day() {
    let house = House::new().await;
    let refused = house.post("/v1/clients", json!({"name": "C", "access_ttl": 0})).await;
    let refused = refused.expect(400);
    assert_eq!(refused.body["instance"], "/v1/clients");
    house.write_refusals().await;
    let path = format!("/v1/refusals/{}", refused.text("code"));
    let explained = house.get(&path).await.expect(200);
    assert_eq!(explained.text("reason"), "/access_ttl: is 1 to 600");
    assert_eq!(
        explained.text("request"),
        refused.headers["x-request-id"].to_str().unwrap().to_owned()
    );
    house.wait(86_401);
    house.get(&path).await.expect(404);
}

#[tokio::test]
async fn a_refusal_that_concerns_no_tenant_is_for_the_instance_only() {
    let house = House::new().await;
    let own = house.organization("own").await;
    let refused = house.get("/v1/nowhere").await.expect(404);
    house.write_refusals().await;
    let path = format!("/v1/refusals/{}", refused.text("code"));
    house.send_as(of(&own), Method::GET, &path, None, &[]).await.expect(404);
    house.get(&path).await.expect(200);
}

#[tokio::test]
async fn a_method_that_is_not_there_names_those_that_are() {
    let house = House::new().await;
    let refused = house.delete("/v1/clients").await.expect(405);
    assert_eq!(refused.headers["allow"], "GET,HEAD,POST");
    assert_eq!(refused.headers["content-type"], "application/problem+json");
}
