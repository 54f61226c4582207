//! Accounts elsewhere on the account page: linked by a visit there, shown, used, unlinked; and the
//! provider of an organization at the sign-in page of its people.

use keyhaven_protocol::sign_in::Demand;
use keyhaven_protocol::upstream::admission::Admits;
use keyhaven_store::sign_in_policies::SignInPolicy;

use crate::harness::{APerson, AWindow, FakeUpstream, Server, answered, field_of};

/// Goes to the provider from the account page and comes back.
async fn link(browser: &mut AWindow<'_>, fake: &FakeUpstream) -> String {
    let page = browser.open("/account").await;
    assert!(page.text().contains("Link Elsewhere"), "{}", page.text());
    let leaving = browser.fill(&page, "/account/upstreams/link", &[]).await;
    let text = leaving.text();
    let url = text.rsplit("href=\"").find(|rest| rest.starts_with("http://127.0.0.1"));
    let url = url
        .and_then(|rest| rest.split('"').next())
        .expect("a URL")
        .replace("&#38;", "&")
        .replace("&amp;", "&");
    let provider = text.split("%2Flogin%2Fwith%2F").nth(1).expect("a redirect URI");
    let provider = provider.split("%2F").next().expect("an id");
    let query = answered(&url, fake);
    let answer = browser.open(&format!("/login/with/{provider}/callback?{query}")).await;
    answer.header("location").to_owned()
}

async fn at_the_account(server: &Server) -> (APerson, FakeUpstream, AWindow<'_>) {
    let fake = FakeUpstream::start().await;
    server.an_upstream(&fake, Admits::Nobody).await;
    let ada = server.a_person("ada@here.test").await;
    let browser = server.a_window_of(&ada).await;
    (ada, fake, browser)
}

#[tokio::test]
async fn a_person_links_an_account_elsewhere_and_unlinks_it() {
    let server = Server::beside_upstreams().await;
    let (ada, fake, mut browser) = at_the_account(&server).await;
    assert_eq!(link(&mut browser, &fake).await, "/account?done=linked");
    let page = browser.open("/account").await;
    assert!(page.text().contains("ada@elsewhere.test · Linked on"), "{}", page.text());
    assert!(!page.text().contains("Link Elsewhere"), "one is enough");
    let store = &server.app().store;
    let before = store.list_upstream_identities(ada.id).await.expect("storage works");
    let foreign = server.a_person("eve@here.test").await;
    let mut eve = server.a_window_of(&foreign).await;
    let hers = eve.open("/account").await;
    let id = before[0].id.to_string();
    let token = field_of(&hers.text(), "form_token");
    let stolen = [("identity", id.as_str()), ("form_token", token.as_str())];
    eve.post("/account/upstreams/unlink", &stolen).await;
    let still = store.list_upstream_identities(ada.id).await.expect("storage works");
    assert_eq!(still.len(), 1, "a foreign link is nobody's to end");
    let answer = browser.fill(&page, "/account/upstreams/unlink", &[]).await;
    assert_eq!(answer.header("location"), "/account?done=unlinked");
    assert!(store.list_upstream_identities(ada.id).await.expect("storage works").is_empty());
}

#[tokio::test]
async fn linking_and_unlinking_ask_for_the_person_again_when_that_was_long_ago() {
    let server = Server::beside_upstreams().await;
    let (_, fake, mut browser) = at_the_account(&server).await;
    let page = browser.open("/account").await;
    server.present.pass(3_600);
    let again = "/login?again=yes&continue=%2Faccount";
    let answer = browser.fill(&page, "/account/upstreams/link", &[]).await;
    assert_eq!(answer.header("location"), again);
    drop(fake);
}

#[tokio::test]
async fn an_address_of_a_claimed_domain_is_shown_where_its_organization_signs_in() {
    let server = Server::beside_upstreams().await;
    let fake = FakeUpstream::start().await;
    let mut provider = server.an_upstream(&fake, Admits::Newcomers).await;
    let store = &server.app().store;
    store.remove_upstream(&provider, server.act()).await.expect("storage works");
    provider.organization = Some(server.organization);
    store.add_upstream(&provider, [1; 12], server.act()).await.expect("storage works");
    let claimed = store.claim_domain(server.organization, "elsewhere.test", server.act()).await;
    claimed.expect("storage works");
    let policy = SignInPolicy {
        demand: Demand::Upstream,
        upstream: Some(provider.id),
        ..SignInPolicy::default()
    };
    let decided = store.decide_sign_in_policy(server.organization, &policy, server.act()).await;
    decided.expect("storage works");
    let shown = async |email: &str| {
        let mut browser = server.a_window();
        let page = browser.open("/login").await;
        assert!(!page.text().contains("home-submit"), "nobody was named yet");
        let typed = [("username", email), ("password", "not a password of anybody")];
        browser.fill(&page, "/login", &typed).await.text()
    };
    // Whether the address has an account does not matter (A58).
    let home = shown("ada@elsewhere.test").await;
    assert!(home.contains("Your organization signs in with Elsewhere"), "{home}");
    assert!(home.contains(&format!("action=\"/login/with/{}\"", provider.id)), "{home}");
    assert!(!shown("ada@here.test").await.contains("home-submit"));
}
