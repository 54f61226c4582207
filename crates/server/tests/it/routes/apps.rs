//! `/v1/apps`: blocking an app takes everybody's keys of it along.

use serde_json::json;

use crate::harness::{Server, a_key::refused, the};
use crate::house::House;

#[tokio::test]
async fn the_keys_of_a_blocked_app_count_no_more_and_it_gets_no_others() {
    let server = Server::start().await;
    let parent = server.a_key(json!({})).await;
    let code = async || {
        let body = json!({"callback_url": "https://notes.example/cb"});
        server.post("/auth/keys/code").bearer(&parent.text).json(body).await
    };
    let (first, second) = (code().await.expect(200), code().await.expect(200));
    let exchange = async |code: &serde_json::Value| {
        server.post("/auth/keys").json(json!({"code": code["data"]["id"]})).await
    };
    let key = the(&exchange(&first).await.expect(200)["key"]);
    server.check(&key, json!({})).await.expect(200);
    let store = &server.app().store;
    let app = store.find_app("https://notes.example").await.expect("reads").expect("an app");
    let blocked = keyhaven_store::organizations::Power::Disabled;
    store.set_app_power(&app, blocked, server.act()).await.expect("commits");
    let reason = "the app the key was handed to is blocked";
    refused(&server.check(&key, json!({})).await, &server, 401, "invalid_token", reason);
    assert_eq!(exchange(&second).await.status, 403);
    assert_eq!(code().await.status, 403);
    let again = keyhaven_store::organizations::Power::Enabled;
    store.set_app_power(&app, again, server.act()).await.expect("commits");
    server.check(&key, json!({})).await.expect(200);
}

#[tokio::test]
async fn only_an_administrator_of_the_instance_blocks() {
    let house = House::new().await;
    let mut act = house.app.act(
        "test",
        &keyhaven::app::Origin {
            address: std::net::Ipv4Addr::LOCALHOST.into(),
            request: "a test".into(),
        },
    );
    let app = house.app.store.recognise_app("https://a.test", &mut act).await.unwrap();
    let path = format!("/v1/apps/{}", app.id);
    let changed = house.patch(&path, json!({"blocked": true})).await.expect(200);
    assert!(changed.body["blocked_at"].is_i64());
    let listed = house.get("/v1/apps").await.expect(200);
    assert_eq!(listed.body["items"][0], changed.body);
    let organization = house.organization("a").await;
    let administrator = crate::house::of(&organization);
    let body = Some(json!({"blocked": false}));
    let patch = axum::http::Method::PATCH;
    house.send_as(administrator, patch, &path, body, &[]).await.expect(403);
    let unblocked = house.patch(&path, json!({"blocked": false})).await.expect(200);
    assert!(unblocked.body.get("blocked_at").is_none());
}
