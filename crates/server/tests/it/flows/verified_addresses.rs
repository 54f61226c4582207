//! `email_verified` (OpenID Connect Core §5.1) says that the person has shown to receive mail at the
//! account's address: by what was sent there and nowhere else, or by a provider's word.

use keyhaven::operations::accounts::{
    NewPerson, confirm_sign_up, make_invited_account, mint_invitation, request_sign_up,
};
use keyhaven::operations::deliver_mail::deliver_mail;
use keyhaven::operations::recovery::{change_address, recover, request_address, request_recovery};
use keyhaven::operations::{mail_code, upstream_sign_in::Came};
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::upstream::admission::Admits;
use keyhaven_store::Reach;
use serde_json::json;

use crate::harness::{FakeUpstream, Server, a_browsers_origin};

const GOOD: &str = "seven quiet owls";

async fn is_verified(server: &Server, email: &str) -> bool {
    let store = &server.app().store;
    let user = store.find_user_by_email(Reach::Instance, email).await.expect("storage works");
    let profile = store.find_profile(user.expect("an account").id).await.expect("storage works");
    profile.expect("a profile").email_verified
}

#[tokio::test]
async fn a_sign_up_shows_the_address_and_an_invitation_does_not() {
    let server = Server::with(&[("sign_up", "open")]).await;
    let (app, origin) = (server.app(), a_browsers_origin());
    let password = Secret::from(GOOD);
    let new = NewPerson { name: "Ada", password: Some(&password) };
    request_sign_up(app, "ada@example.test", new, &origin).await.expect("asked");
    deliver_mail(app).await.expect("sent");
    let browser = server.a_browser().await;
    let code = server.code_in_the_outbox();
    confirm_sign_up(app, &code, browser.visitor()).await.expect("an account");
    assert!(is_verified(&server, "ada@example.test").await);
    // Who invites holds the link too.
    let invited = mint_invitation(app, "eve@example.test".into(), None);
    let kept = app.store.keep_one_time_code(&invited.code, "user.invited", server.act()).await;
    kept.expect("storage works");
    let code = invited.link.reveal().split_once('#').expect("a code").1;
    make_invited_account(app, code, new, browser.visitor()).await.expect("an account");
    assert!(!is_verified(&server, "eve@example.test").await);
}

#[tokio::test]
async fn recovery_shows_the_address() {
    let server = Server::start().await;
    server.a_person("ada@example.test").await;
    assert!(!is_verified(&server, "ada@example.test").await);
    let origin = a_browsers_origin();
    request_recovery(server.app(), "ada@example.test", &origin).await.expect("asked");
    deliver_mail(server.app()).await.expect("sent");
    let (code, new) = (server.code_in_the_outbox(), Secret::from(GOOD));
    recover(server.app(), &code, &new, &origin).await.expect("recovered");
    assert!(is_verified(&server, "ada@example.test").await);
}

#[tokio::test]
async fn a_mailed_code_shows_the_address_once_it_was_typed() {
    let server = Server::start().await;
    server.a_person("ada@example.test").await;
    let browser = server.a_browser().await;
    let (app, pending) = (server.app(), &browser.pending);
    mail_code::send(app, pending, "ada@example.test", browser.visitor()).await.expect("asked");
    deliver_mail(app).await.expect("sent");
    assert!(!is_verified(&server, "ada@example.test").await, "sending shows nothing");
    let code = server.mail_code_in_the_outbox();
    mail_code::sign_in(app, pending, &code, browser.visitor()).await.expect("signed in");
    assert!(is_verified(&server, "ada@example.test").await);
}

#[tokio::test]
async fn another_address_is_shown_by_its_own_link() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let signed_in = server.signed_in(&server.a_session(&ada).await).await;
    let (app, origin) = (server.app(), a_browsers_origin());
    request_address(app, &signed_in, "ada@elsewhere.test", &origin).await.expect("asked");
    deliver_mail(app).await.expect("sent");
    let code = server.code_in_the_outbox();
    change_address(app, &code, &signed_in, &origin).await.expect("changed");
    assert!(is_verified(&server, "ada@elsewhere.test").await);
}

#[tokio::test]
async fn a_newcomers_address_is_as_verified_as_their_provider_says() {
    let (server, fake) = (Server::beside_upstreams().await, FakeUpstream::start().await);
    let mut provider = server.an_upstream(&fake, Admits::Newcomers).await;
    let come = async |provider: &_| {
        let browser = server.a_browser().await;
        let query = server.visit(&browser, provider, &fake).await;
        let came = server.come_back(&browser, provider, &query).await.expect("signed in");
        assert!(matches!(came, Came::SignedIn(_)));
    };
    come(&provider).await;
    assert!(is_verified(&server, "ada@elsewhere.test").await);
    // An organization's provider brings in its own domain, verified or not.
    let store = &server.app().store;
    store.remove_upstream(&provider, server.act()).await.expect("storage works");
    provider.organization = Some(server.organization);
    store.add_upstream(&provider, [1; 12], server.act()).await.expect("storage works");
    let claimed = store.claim_domain(server.organization, "example.test", server.act()).await;
    claimed.expect("storage works");
    fake.says().claims =
        json!({"sub": "another", "email": "sam@example.test", "email_verified": false});
    fake.says().userinfo = json!({"sub": "another"});
    come(&provider).await;
    assert!(!is_verified(&server, "sam@example.test").await);
}
