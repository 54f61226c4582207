//! A tenant that says of its own client that nobody need be asked: that holds for its members. Whoever
//! else is signed in here is asked, so no tenant looks up its visitors behind their backs.

use keyhaven_protocol::client::AuthMethod;
use keyhaven_protocol::relying_party::ConsentPolicy;

use crate::harness::{Server, asks, query_of};

#[tokio::test]
async fn a_tenants_trusted_client_asks_everybody_but_its_members() {
    let server = Server::start().await;
    let member = server.a_person("ada@example.test").await;
    let visitor = server.a_stranger("eve@example.test").await;
    let app = server.a_client().app().but(|it| it.party.consent = ConsentPolicy::Trusted);
    let app = app.build().await;
    let silent = asks(&app, &[("scope", "openid email"), ("prompt", "none")]);
    let mut window = server.a_window_of(&member).await;
    assert!(query_of(&window.open(&silent).await).contains_key("code"));
    let mut window = server.a_window_of(&visitor).await;
    let query = query_of(&window.open(&silent).await);
    assert_eq!(query["error"], "consent_required");
    let reason = "something is asked for that was not consented to";
    assert_eq!(server.refusal().reason, reason);
    let page = window.open(&asks(&app, &[("scope", "openid email")])).await;
    assert!(page.text().contains("see your e-mail address"), "{}", page.text());
    assert!(query_of(&window.allow(&page).await).contains_key("code"));
    assert!(query_of(&window.open(&silent).await).contains_key("code"), "that was said once");
    // What was said is the person's to take back.
    let store = &server.app().store;
    let taken = store.withdraw_consent(visitor.id, app.key, server.act()).await;
    assert!(taken.expect("storage works").is_some());
    assert_eq!(query_of(&window.open(&silent).await)["error"], "consent_required");
}

#[tokio::test]
async fn trust_is_not_in_a_client_that_anybody_can_pose_as() {
    let server = Server::start().await;
    let member = server.a_person("ada@example.test").await;
    let back = "com.example.app:/cb";
    let app = server.a_client().app().but(|it| {
        it.auth_method = AuthMethod::None;
        it.party.consent = ConsentPolicy::Trusted;
        it.party.redirect_uris = vec![back.into()];
    });
    let app = app.build().await;
    let mut window = server.a_window_of(&member).await;
    let page = window.open(&asks(&app, &[("redirect_uri", back)])).await;
    assert_eq!(page.status, 200, "the person is asked");
    assert!(page.text().contains("Not verified"), "{}", page.text());
    let silent = window.open(&asks(&app, &[("redirect_uri", back), ("prompt", "none")])).await;
    assert!(silent.header("location").starts_with("com.example.app:/cb?error=consent_required"));
    let reason = "an unverified client is never let through silently";
    assert_eq!(server.refusal().reason, reason);
}
