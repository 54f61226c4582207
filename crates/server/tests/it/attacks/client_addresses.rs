//! A24: pictures and pages of apps are addresses that people may follow elsewhere. No page of ours
//! loads them, whatever is behind them.

use keyhaven::api::administrator::Administrator;
use keyhaven_store::Reach;
use serde_json::json;

use crate::harness::{Server, asks};

#[tokio::test]
async fn a24_a_logo_is_an_address_that_no_page_of_ours_loads() {
    let server = Server::start().await;
    for logo in ["http://a.example/logo.png", "data:image/svg+xml,<svg onload=x>", "javascript:x"] {
        let administrator =
            Administrator { reach: Reach::Instance, actor: "test:administrator".into() };
        let body = json!({"name": "x", "sign_in": {"logo_uri": logo}});
        let ask = server.post("/v1/clients").administered_by(administrator);
        let refused = ask.json(body).await.expect(400);
        assert_eq!(refused["errors"][0]["pointer"], "/sign_in/logo_uri", "{logo}");
        assert_eq!(refused["errors"][0]["detail"], "is an https URL");
    }
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().but(|client| {
        client.party.logo_uri = Some("https://logos.example/huge.svg".into());
    });
    let app = app.build().await;
    let mut browser = server.a_window_of(&ada).await;
    let page = browser.open(&asks(&app, &[])).await;
    assert_eq!(page.status, 200);
    assert!(!page.text().contains("logos.example"), "{}", page.text());
    let policy = page.header("content-security-policy");
    assert!(policy.contains("img-src 'self';"), "{policy}");
}
