//! Accounts without a password: made with a mailed link, then a passkey; and what such a person is
//! asked when a change needs them again.

use keyhaven::operations::accounts::mint_invitation;
use keyhaven::operations::deliver_mail::deliver_mail;
use keyhaven_store::memberships::Role;

use crate::harness::{AWindow, Answer, Authenticator, Server};

/// Makes the passkey that a page asks for, and sends it.
async fn make_a_passkey(browser: &mut AWindow<'_>, device: &mut Authenticator) -> Answer {
    let page = browser.open("/account/passkeys/new").await;
    assert_eq!(page.status, 200, "{}", page.text());
    let made = device.create(&options_of(&page));
    let typed = [("credential", made.as_str()), ("name", "A phone")];
    browser.fill(&page, "/account/passkeys", &typed).await
}

/// Uses it at the sign-in page that is open.
async fn use_the_passkey(
    browser: &mut AWindow<'_>,
    page: &Answer,
    device: &mut Authenticator,
) -> Answer {
    let used = device.get(&options_of(page));
    browser.fill(page, "/login/passkey", &[("credential", used.as_str())]).await
}

/// What the page's script would read.
fn options_of(page: &Answer) -> String {
    let text = page.text();
    let options = text.split("data-options=\"").nth(1).and_then(|rest| rest.split('"').next());
    options.unwrap_or_else(|| panic!("no options: {text}")).replace("&#34;", "\"")
}

async fn has_a_password(server: &Server, email: &str) -> bool {
    let account = server.app().store.find_password_account(email).await.expect("storage works");
    account.expect("an account").password.is_some()
}

#[tokio::test]
async fn a_person_signs_up_and_in_with_a_passkey_alone() {
    let server = Server::with(&[("sign_up", "open")]).await;
    let (mut browser, mut device) = (server.a_window(), Authenticator::new("one"));
    let page = browser.open("/sign-up").await;
    let typed = [("username", "Ada@Example.test"), ("name", "Ada"), ("with", "passkey")];
    let asked = browser.fill(&page, "/sign-up", &typed).await;
    assert_eq!(asked.header("location"), "/sign-up/sent", "{}", asked.text());
    deliver_mail(server.app()).await.expect("sent");
    let once = server.code_in_the_outbox();
    let page = browser.open("/sign-up/confirm").await;
    let arrived = browser.fill(&page, "/sign-up/confirm", &[("once", &once)]).await;
    assert_eq!(arrived.header("location"), "/account/passkeys/new", "{}", arrived.text());
    let added = make_a_passkey(&mut browser, &mut device).await;
    assert_eq!(added.status, 200, "{}", added.text());
    assert!(added.text().contains("id=\"codes\""), "recovery codes come with it");
    assert!(!has_a_password(&server, "ada@example.test").await);
    let mut other = server.a_window();
    let page = other.open("/login?continue=/account").await;
    let arrived = use_the_passkey(&mut other, &page, &mut device).await;
    assert_eq!((arrived.status, arrived.header("location")), (303, "/account"));
}

#[tokio::test]
async fn an_invitation_is_accepted_with_a_passkey_alone() {
    let server = Server::start().await;
    let (mut browser, mut device) = (server.a_window(), Authenticator::new("one"));
    let into = Some((server.organization, Role::Member));
    let invited = mint_invitation(server.app(), "ada@example.test".to_owned(), into);
    let kept = server.app().store.keep_one_time_code(&invited.code, "user.invited", server.act());
    kept.await.expect("storage works");
    let once = invited.link.reveal().split_once('#').expect("a link with a code").1;
    let page = browser.open("/invitation").await;
    let typed = [("once", once), ("name", "Ada"), ("with", "passkey")];
    let arrived = browser.fill(&page, "/invitation", &typed).await;
    assert_eq!(arrived.header("location"), "/account/passkeys/new", "{}", arrived.text());
    make_a_passkey(&mut browser, &mut device).await;
    assert!(!has_a_password(&server, "ada@example.test").await);
    assert!(browser.open("/organizations").await.text().contains("North Health"));
}

/// V7.5.1 for somebody who has no password: the page asks for the person, by whatever way they have.
#[tokio::test]
async fn a_person_without_a_password_is_asked_again_by_a_passkey() {
    let server = Server::with(&[("sign_up", "open")]).await;
    let ada = server.a_person("ada@example.test").await;
    let (mut browser, mut device) = (server.a_window_of(&ada).await, Authenticator::new("one"));
    make_a_passkey(&mut browser, &mut device).await;
    server.present.pass(3_600);
    let stale = browser.open("/account/authenticator").await;
    assert_eq!(stale.status, 303);
    let page = browser.open(stale.header("location")).await;
    let before = browser.cookie("__Host-sid").map(str::to_owned);
    let arrived = use_the_passkey(&mut browser, &page, &mut device).await;
    assert_eq!(arrived.header("location"), "/account/authenticator", "{}", arrived.text());
    assert_ne!(browser.cookie("__Host-sid").map(str::to_owned), before, "a new session");
    assert_eq!(browser.open("/account/authenticator").await.status, 200);
}

#[tokio::test]
async fn a_person_without_a_password_is_asked_again_by_a_mailed_code() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let mut browser = server.a_window_of(&ada).await;
    server.present.pass(3_600);
    let stale = browser.open("/account/passkeys/new").await;
    let page = browser.open(stale.header("location")).await;
    let text = page.text();
    let way = text.split("href=\"/login/code?sign_in=").nth(1).and_then(|it| it.split('"').next());
    let way = format!("/login/code?sign_in={}", way.expect("a way by mail"));
    let page = browser.open(&way).await;
    let sent = browser.fill(&page, "/login/code", &[("username", "ada@example.test")]).await;
    deliver_mail(server.app()).await.expect("sent");
    let page = browser.open(sent.header("location")).await;
    let code = server.mail_code_in_the_outbox();
    let arrived = browser.fill(&page, "/login/code/enter", &[("code", &code)]).await;
    assert_eq!(arrived.header("location"), "/account/passkeys/new", "{}", arrived.text());
    assert_eq!(browser.open("/account/passkeys/new").await.status, 200);
}
