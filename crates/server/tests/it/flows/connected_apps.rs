//! What people let apps do: seen and taken back on their account page, and by administrators.

use keyhaven::api::administrator::Administrator;
use keyhaven_store::Reach;

use crate::harness::{Answer, Server, asks};

async fn administer(server: &Server, reach: Reach, method: &str, path: &str) -> Answer {
    let administrator = Administrator { reach, actor: "test:administrator".into() };
    server.ask(method, path).administered_by(administrator).send().await
}

#[tokio::test]
async fn a_person_sees_their_apps_and_takes_one_back() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let mut browser = server.a_window_of(&ada).await;
    assert!(browser.open("/account/apps").await.text().contains("No app uses your account"));
    let asked = [("scope", "openid email offline_access")];
    let tokens = browser.tokens(&server, &app, &asked).await;
    let page = browser.open("/account/apps").await;
    assert!(page.text().contains("see your e-mail address"), "{}", page.text());
    let taken = browser.fill(&page, "/account/apps/withdraw", &[]).await;
    assert_eq!((taken.status, taken.header("location")), (303, "/account/apps"));
    let refused = server.refresh(&app, &tokens.refresh).await;
    refused.refused(&server, 400, "invalid_grant", "refresh family is revoked");
    let told = server.get("/oauth2/userinfo").bearer(&tokens.access).send().await;
    told.refused(&server, 401, "invalid_token", "the grant of the access token was revoked");
    // The app has to ask again.
    assert_eq!(browser.open(&asks(&app, &asked)).await.status, 200);
    assert!(browser.open("/account/apps").await.text().contains("No app uses your account"));
}

#[tokio::test]
async fn nobody_takes_back_what_another_gave() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let eve = server.a_person("eve@example.test").await;
    let app = server.a_client().app().build().await;
    let mut adas = server.a_window_of(&ada).await;
    let tokens = adas.tokens(&server, &app, &[("scope", "openid offline_access")]).await;
    let mut eves = server.a_window_of(&eve).await;
    eves.tokens(&server, &app, &[]).await;
    let page = eves.open("/account/apps").await;
    let form = eves.fill(&page, "/account/apps/withdraw", &[]).await;
    assert_eq!(form.status, 303);
    server.refresh(&app, &tokens.refresh).await.expect(200);
    // The second time there is nothing.
    let again = eves.fill(&page, "/account/apps/withdraw", &[]).await;
    assert_eq!(again.status, 410);
    assert_eq!(server.refusal().reason, "the person gave this app nothing");
}

#[tokio::test]
async fn an_administrator_withdraws_what_concerns_their_clients() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let other = server.a_client().app().but(|client| client.organization = None).build().await;
    let mut browser = server.a_window_of(&ada).await;
    let tokens = browser.tokens(&server, &app, &[("scope", "openid offline_access")]).await;
    browser.tokens(&server, &other, &[]).await;
    let list = format!("/v1/users/{}/consents", ada.id);
    let (all, own) = (Reach::Instance, Reach::Organization(server.organization));
    let everything = administer(&server, all, "GET", &list).await.expect(200);
    assert_eq!(everything["items"].as_array().map(Vec::len), Some(2));
    let seen = administer(&server, own, "GET", &list).await.expect(200);
    assert_eq!(seen["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(seen["items"][0]["client"], app.id.as_str());
    assert_eq!(seen["items"][0]["scope"], "openid offline_access");
    let foreign = format!("{list}/{}", other.id);
    assert_eq!(administer(&server, own, "DELETE", &foreign).await.status, 404);
    let mine = format!("{list}/{}", app.id);
    let receipt = administer(&server, own, "DELETE", &mine).await.expect(200);
    assert_eq!(receipt["revoked_at"], server.present.now());
    server.refusals();
    let refused = server.refresh(&app, &tokens.refresh).await;
    refused.refused(&server, 400, "invalid_grant", "refresh family is revoked");
    assert_eq!(administer(&server, own, "DELETE", &mine).await.status, 404);
    assert_eq!(administer(&server, all, "DELETE", &foreign).await.status, 200);
}
