//! A73: a provider that lies, or another one that speaks for it. The sign-in is refused, the audit
//! says by which rule, and nobody is signed in.

use keyhaven::operations::upstream_sign_in::{redirect_uri, start_sign_in};
use keyhaven_protocol::upstream::admission::Admits;
use keyhaven_store::organizations::Power;
use keyhaven_store::upstream_providers::UpstreamEdit;
use keyhaven_store::{Page, Reach};
use serde_json::{Value, json};

use crate::harness::{FakeUpstream, START, Server, refused};

const ALL: Page = Page { after: None, limit: 100 };

/// What a sign-in is refused with after `lie`, and what the audit has of it.
async fn told(lie: impl FnOnce(&FakeUpstream)) -> (String, String) {
    let (server, fake) = (Server::beside_upstreams().await, FakeUpstream::start().await);
    let provider = server.an_upstream(&fake, Admits::Newcomers).await;
    let browser = server.a_browser().await;
    let query = server.visit(&browser, &provider, &fake).await;
    lie(&fake);
    let reason = refused(server.come_back(&browser, &provider, &query).await);
    let rows = server.app().store.list_audit(Reach::Instance, Some("upstream.refused"), ALL).await;
    let rows = rows.expect("storage works").items;
    let [row] = rows.as_slice() else { panic!("{} audit rows", rows.len()) };
    (reason, row.entry.detail.clone())
}

#[tokio::test]
async fn every_lie_of_an_id_token_is_refused_and_audited() {
    for (claims, rule) in [
        (json!({"iss": "https://evil.test"}), "ID token iss is another issuer"),
        (json!({"aud": "somebody-else"}), "ID token aud is another client"),
        (json!({"azp": "somebody-else"}), "ID token azp is another client"),
        (json!({"nonce": "of another sign-in"}), "ID token nonce is of another sign-in"),
        (json!({"nonce": Value::Null}), "ID token nonce is missing or not a string"),
        (json!({"exp": START - 10}), "ID token expired"),
        (json!({"iat": START + 60}), "ID token was issued in the future"),
        (json!({"sub": ""}), "sub is empty or longer than 255 bytes"),
    ] {
        let (reason, audited) = told(|fake| fake.says().claims = claims).await;
        assert_eq!(reason, rule);
        assert_eq!(audited, json!({ "reason": rule }).to_string());
    }
}

#[tokio::test]
async fn userinfo_about_somebody_else_is_refused() {
    let (reason, _) = told(|fake| fake.says().userinfo = json!({"sub": "eve-there"})).await;
    assert_eq!(reason, "userinfo is about another subject");
}

#[tokio::test]
async fn a_key_that_is_not_published_signs_nothing() {
    let other = FakeUpstream::start().await;
    let foreign = other.says().publishes.take();
    let (reason, _) = told(|fake| fake.says().publishes = foreign).await;
    assert_eq!(reason, "kid names no known key");
}

#[tokio::test]
async fn metadata_of_another_issuer_starts_no_visit() {
    let (server, fake) = (Server::beside_upstreams().await, FakeUpstream::start().await);
    let provider = server.an_upstream(&fake, Admits::Nobody).await;
    fake.says().metadata = json!({"issuer": "https://evil.test"});
    let browser = server.a_browser().await;
    let (pending, handle) = (&browser.pending, &browser.handle);
    let started = start_sign_in(server.app(), provider.id, pending, handle, &browser.cookie).await;
    assert_eq!(refused(started), "metadata is of another issuer");
}

#[tokio::test]
async fn an_answer_is_taken_once_from_its_own_browser_and_provider() {
    let (server, fake) = (Server::beside_upstreams().await, FakeUpstream::start().await);
    let provider = server.an_upstream(&fake, Admits::Newcomers).await;
    let other = server.an_upstream(&fake, Admits::Newcomers).await;
    let (browser, eve) = (server.a_browser().await, server.a_browser().await);
    let query = server.visit(&browser, &provider, &fake).await;
    let over = "the visit is over, was answered, or is of another browser";
    assert_eq!(refused(server.come_back(&eve, &provider, &query).await), over);
    assert_eq!(refused(server.come_back(&browser, &other, &query).await), over, "mix-up");
    server.come_back(&browser, &provider, &query).await.expect("its own browser");
    assert_eq!(refused(server.come_back(&browser, &provider, &query).await), over, "once");
    assert_ne!(redirect_uri(server.app(), provider.id), redirect_uri(server.app(), other.id));
}

#[tokio::test]
async fn an_answer_that_says_another_issuer_or_none_is_refused_and_spent() {
    for (from, to, rule) in [
        ("iss=http", "iss=https", "the answer is of another issuer"),
        ("&iss=", "&was=", "the answer does not say whose it is (iss)"),
        ("code=a-code", "error=access_denied", "the provider did not sign the person in"),
        ("code=a-code", "code=another", "the token endpoint refused the code"),
    ] {
        let (server, fake) = (Server::beside_upstreams().await, FakeUpstream::start().await);
        let provider = server.an_upstream(&fake, Admits::Newcomers).await;
        let browser = server.a_browser().await;
        let query = server.visit(&browser, &provider, &fake).await;
        let altered = query.replace(from, to);
        assert_eq!(refused(server.come_back(&browser, &provider, &altered).await), rule);
        let again = refused(server.come_back(&browser, &provider, &query).await);
        assert_eq!(again, "the visit is over, was answered, or is of another browser");
    }
}

#[tokio::test]
async fn a_disabled_provider_is_refused_at_the_start_and_at_the_callback() {
    let (server, fake) = (Server::beside_upstreams().await, FakeUpstream::start().await);
    let provider = server.an_upstream(&fake, Admits::Newcomers).await;
    let browser = server.a_browser().await;
    let query = server.visit(&browser, &provider, &fake).await;
    let edit = UpstreamEdit { standing: Some(Power::Disabled), ..UpstreamEdit::default() };
    let store = &server.app().store;
    let disabled = store.update_upstream(&provider, edit, [1; 12], "{}", server.act()).await;
    disabled.expect("storage works");
    let rule = "the provider is disabled";
    assert_eq!(refused(server.come_back(&browser, &provider, &query).await), rule);
    let (pending, handle) = (&browser.pending, &browser.handle);
    let started = start_sign_in(server.app(), provider.id, pending, handle, &browser.cookie).await;
    assert_eq!(refused(started), rule);
}

#[tokio::test]
async fn an_address_leads_into_no_account() {
    let (server, fake) = (Server::beside_upstreams().await, FakeUpstream::start().await);
    let provider = server.an_upstream(&fake, Admits::Newcomers).await;
    server.a_stranger("ada@elsewhere.test").await;
    let browser = server.a_browser().await;
    let query = server.visit(&browser, &provider, &fake).await;
    let reason = refused(server.come_back(&browser, &provider, &query).await);
    assert_eq!(reason, "an account has this address: it links the provider itself");
}
