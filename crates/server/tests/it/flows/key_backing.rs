//! What stands behind a key takes it along when it ends, and the next check says why; and everything
//! that a person gave to one app is taken back at once.

use keyhaven_store::organizations::{OrganizationEdit, Power};
use serde_json::{Value, json};

use crate::harness::{APerson, Server, a_key::refused, the};

/// A key that a person of the test's organization gave to an app.
async fn handed_out(server: &Server, person: &APerson, callback: &str) -> String {
    let session = server.a_session(person).await;
    let body = json!({"callback_url": callback});
    let issued = server.post("/auth/keys/code").bearer(session.token.reveal()).json(body).await;
    let code = issued.expect(200)["data"]["id"].clone();
    the(&server.post("/auth/keys").json(json!({"code": code})).await.expect(200)["key"])
}

async fn dead(server: &Server, text: &str, reason: &str) {
    server.refusals();
    refused(&server.check(text, json!({})).await, server, 401, "invalid_token", reason);
}

const NOTES: &str = "https://notes.example/cb";
const REVOKED: &str = "the key or a grant above it was revoked";

#[tokio::test]
async fn a_key_dies_with_its_app_its_person_and_its_organization_and_the_check_says_which() {
    let server = Server::start().await;
    let store = &server.app().store;
    let ada = server.a_person("ada@a.test").await;
    let key = handed_out(&server, &ada, NOTES).await;
    server.check(&key, json!({})).await.expect(200);

    let app = store.find_app("https://notes.example").await.expect("reads").expect("an app");
    store.set_app_power(&app, Power::Disabled, server.act()).await.expect("commits");
    dead(&server, &key, "the app the key was handed to is blocked").await;
    store.set_app_power(&app, Power::Enabled, server.act()).await.expect("commits");
    server.check(&key, json!({})).await.expect(200);

    server.set_standing(&ada, Power::Disabled).await;
    dead(&server, &key, "the owner of the key is gone or disabled").await;
    server.set_standing(&ada, Power::Enabled).await;
    server.check(&key, json!({})).await.expect(200);

    let own = server.organization;
    let stand = |standing| OrganizationEdit { standing: Some(standing), ..Default::default() };
    let (down, up) = (stand(Power::Disabled), stand(Power::Enabled));
    store.update_organization(own, down, "{}", server.act()).await.expect("commits");
    dead(&server, &key, "the organization of the key is gone or disabled").await;
    store.update_organization(own, up, "{}", server.act()).await.expect("commits");
    server.check(&key, json!({})).await.expect(200);

    store.remove_member(own, ada.id, server.act()).await.expect("commits");
    dead(&server, &key, REVOKED).await;
    // Coming back brings no key back.
    server.join(&ada, own, keyhaven_store::memberships::Role::Member).await;
    dead(&server, &key, REVOKED).await;
}

#[tokio::test]
async fn the_keys_of_a_deleted_person_or_organization_are_dead() {
    let server = Server::start().await;
    let store = &server.app().store;
    let (ada, bob) = (server.a_person("ada@a.test").await, server.a_person("bob@a.test").await);
    let (hers, his) =
        (handed_out(&server, &ada, NOTES).await, handed_out(&server, &bob, NOTES).await);
    store.delete_user(ada.id, server.act()).await.expect("commits");
    assert_eq!(server.check(&hers, json!({})).await.status, 401);
    server.check(&his, json!({})).await.expect(200);
    store.delete_organization(server.organization, server.act()).await.expect("commits");
    assert_eq!(server.check(&his, json!({})).await.status, 401);
}

#[tokio::test]
async fn what_a_person_gave_to_one_app_is_taken_back_at_once() {
    let server = Server::start().await;
    let (ada, bob) = (server.a_person("ada@a.test").await, server.a_person("bob@a.test").await);
    let other = "https://other.example/cb";
    let first = handed_out(&server, &ada, NOTES).await;
    let second = handed_out(&server, &ada, NOTES).await;
    let elsewhere = handed_out(&server, &ada, other).await;
    let his = handed_out(&server, &bob, NOTES).await;
    let store = &server.app().store;
    let app = store.find_app("https://notes.example").await.expect("reads").expect("an app");

    let token = server.an_administrator().await;
    let list = format!("/v1/keys?owner={}&app={}", ada.id, app.id);
    let held = async || server.get(&list).bearer(&token).send().await.expect(200);
    assert_eq!(held().await["items"].as_array().map(Vec::len), Some(2));

    // An administrator of another tenant does not even see the person.
    let mut others = server.beside().await;
    others.organization = server.an_organization("Other", "other").await;
    let stranger = others.an_administrator().await;
    let path = format!("/v1/users/{}/keys?app={}", ada.id, app.id);
    assert_eq!(server.ask("DELETE", &path).bearer(&stranger).send().await.status, 404);
    assert_eq!(held().await["items"].as_array().map(Vec::len), Some(2));

    let receipt = server.ask("DELETE", &path).bearer(&token).send().await.expect(200);
    assert!(receipt["effective_by"].is_i64(), "{receipt}");
    assert_eq!(held().await["items"], json!([]));
    for text in [&first, &second] {
        dead(&server, text, REVOKED).await;
    }
    for text in [&elsewhere, &his] {
        server.check(text, json!({})).await.expect(200);
    }
    let all = format!("/v1/users/{}/keys", ada.id);
    server.ask("DELETE", &all).bearer(&token).send().await.expect(200);
    dead(&server, &elsewhere, REVOKED).await;
    server.check(&his, json!({})).await.expect(200);
    let audit = server.get("/v1/audit?action=key.deleted").bearer(&token).send().await.expect(200);
    assert_eq!(audit["items"].as_array().map(Vec::len), Some(3), "{audit}");
    for query in ["app=x", "app=", "user=x"] {
        let path = format!("{all}?{query}");
        let answer = server.ask("DELETE", &path).bearer(&token).send().await;
        assert_eq!(answer.status, 400, "{query}");
    }
    let alone = server.get(&format!("/v1/keys?app={}", app.id)).bearer(&token).send().await;
    let told: Value = alone.expect(400);
    assert_eq!(told["errors"][0]["parameter"], "owner", "{told}");
}
