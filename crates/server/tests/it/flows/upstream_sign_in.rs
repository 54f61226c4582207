//! Signing in with another provider: a newcomer, a person who linked it, and who may not.

use keyhaven::operations::factors::FRESH;
use keyhaven::operations::sign_in::Next;
use keyhaven::operations::upstream_sign_in::{Came, finish_visit, start_link};
use keyhaven_protocol::params::Params;
use keyhaven_protocol::upstream::admission::Admits;
use keyhaven_store::Reach;
use serde_json::json;

use crate::harness::{FakeUpstream, Server, answered, refused};

#[tokio::test]
async fn a_newcomer_gets_an_account_once_and_comes_back_to_it() {
    let (server, fake) = (Server::beside_upstreams().await, FakeUpstream::start().await);
    let provider = server.an_upstream(&fake, Admits::Newcomers).await;
    let mut users = Vec::new();
    for _ in 0..2 {
        let browser = server.a_browser().await;
        let query = server.visit(&browser, &provider, &fake).await;
        let came = server.come_back(&browser, &provider, &query).await.expect("signed in");
        let Came::SignedIn(Next::SignedIn(opened)) = came else { panic!("{came:?}") };
        let signed_in = server.signed_in(&opened).await;
        assert_eq!(signed_in.session.methods.to_string(), "upstream");
        users.push(signed_in.person.user.clone());
        // The address may change there; who it is does not.
        fake.says().claims = json!({"email": "renamed@elsewhere.test"});
    }
    assert_eq!(users[0].id, users[1].id);
    assert_eq!(
        (users[0].email.as_str(), users[0].name.as_str()),
        ("ada@elsewhere.test", "Ada Lovelace")
    );
}

#[tokio::test]
async fn an_organizations_provider_brings_in_the_people_of_its_domain() {
    let (server, fake) = (Server::beside_upstreams().await, FakeUpstream::start().await);
    let mut provider = server.an_upstream(&fake, Admits::Newcomers).await;
    server.app().store.remove_upstream(&provider, server.act()).await.expect("storage works");
    provider.organization = Some(server.organization);
    let added = server.app().store.add_upstream(&provider, [1; 12], server.act()).await;
    added.expect("storage works");
    let attempt = async || {
        let browser = server.a_browser().await;
        let query = server.visit(&browser, &provider, &fake).await;
        server.come_back(&browser, &provider, &query).await
    };
    let unclaimed = "the provider's organization has not claimed the domain";
    assert_eq!(refused(attempt().await), unclaimed);
    let store = &server.app().store;
    let claimed = store.claim_domain(server.organization, "elsewhere.test", server.act()).await;
    claimed.expect("storage works");
    let Came::SignedIn(Next::SignedIn(opened)) = attempt().await.expect("signed in") else {
        panic!("not signed in")
    };
    assert_eq!(opened.organization, Some(server.organization));
}

#[tokio::test]
async fn a_provider_that_admits_nobody_signs_in_those_who_linked_it() {
    let (server, fake) = (Server::beside_upstreams().await, FakeUpstream::start().await);
    let provider = server.an_upstream(&fake, Admits::Nobody).await;
    let attempt = async || {
        let browser = server.a_browser().await;
        let query = server.visit(&browser, &provider, &fake).await;
        server.come_back(&browser, &provider, &query).await
    };
    assert_eq!(refused(attempt().await), "nobody here is linked with this identity");
    let ada = server.a_person("ada@here.test").await;
    let signed_in = server.signed_in(&server.a_session(&ada).await).await;
    let url = start_link(server.app(), provider.id, &signed_in).await.expect("a visit begins");
    let query = answered(&url, &fake);
    let browser = server.a_browser().await;
    let finish = async |session| {
        let params = Params::parse_form(query.as_bytes());
        finish_visit(server.app(), provider.id, params, browser.visitor(), session).await
    };
    let over = "the visit is over, was answered, or is of another browser";
    assert_eq!(refused(finish(None).await), over, "a link is bound to its session");
    assert!(matches!(finish(Some(&*signed_in)).await.expect("linked"), Came::Linked));
    let Came::SignedIn(Next::SignedIn(opened)) = attempt().await.expect("signed in") else {
        panic!("not signed in")
    };
    assert_eq!(server.signed_in(&opened).await.person.user.id, ada.id);
    let none = server.app().store.find_user_by_email(Reach::Instance, "ada@elsewhere.test").await;
    assert!(none.expect("storage works").is_none(), "no second account was made");
}

#[tokio::test]
async fn linking_needs_a_fresh_sign_in() {
    let (server, fake) = (Server::beside_upstreams().await, FakeUpstream::start().await);
    let provider = server.an_upstream(&fake, Admits::Nobody).await;
    let ada = server.a_person("ada@here.test").await;
    let signed_in = server.signed_in(&server.a_session(&ada).await).await;
    server.present.pass(FRESH.0.unsigned_abs());
    let stale = start_link(server.app(), provider.id, &signed_in).await;
    assert_eq!(refused(stale), "the change needs a fresh sign-in");
}
