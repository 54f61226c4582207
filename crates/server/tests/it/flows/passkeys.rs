//! Passkeys: registered by somebody who is signed in, used alone and as a second factor, and every
//! way of using one that is not theirs.

use keyhaven::operations::passkeys::{creation_options, register, request_options, sign_in};
use keyhaven::operations::second_factor::{Answer, prove_second_factor};
use keyhaven::operations::sign_in::Next;
use keyhaven_protocol::sign_in::Method;

use crate::harness::{APerson, Authenticator, Server, a_browsers_origin, refused};

/// Registers a passkey for a person.
async fn enrolled(server: &Server, person: &APerson, name: &str) -> Authenticator {
    let signed_in = server.signed_in(&server.a_session(person).await).await;
    let options = creation_options(server.app(), &signed_in).await.expect("options");
    let mut device = Authenticator::new(name);
    let made = device.create(&options);
    let origin = a_browsers_origin();
    register(server.app(), &signed_in, &made, "A phone", &origin).await.expect("registered");
    let again = register(server.app(), &signed_in, &made, "A phone", &origin).await;
    let spent = "the challenge is over, was answered, or is of another sign-in";
    assert_eq!(refused(again), spent);
    device
}

#[tokio::test]
async fn a_passkey_signs_in_without_a_password_and_counts_as_two_factors() {
    let server = Server::start().await;
    let ada = server.a_person("ada@a.test").await;
    let mut device = enrolled(&server, &ada, "one").await;
    let browser = server.a_browser().await;
    let options = request_options(server.app(), &browser.pending, &a_browsers_origin())
        .await
        .expect("options");
    assert!(options.contains(r#""allowCredentials":[]"#), "it says nothing of who has what");
    let used = device.get(&options);
    let next = sign_in(server.app(), &browser.pending, &used, browser.visitor()).await;
    let Next::SignedIn(opened) = next.expect("signed in") else { panic!("more is asked for") };
    let signed_in = server.signed_in(&opened).await;
    assert_eq!(signed_in.person.user.id, ada.id);
    assert!(signed_in.session.methods.is_multi_factor());
    let replayed = sign_in(server.app(), &browser.pending, &used, browser.visitor()).await;
    let spent = "the challenge is over, was answered, or is of another sign-in";
    assert_eq!(refused(replayed), spent);
}

#[tokio::test]
async fn a_passkey_is_a_second_factor_for_its_owner_only() {
    let server = Server::start().await;
    let (ada, eve) = (server.a_person("ada@a.test").await, server.a_person("eve@a.test").await);
    let mut hers = enrolled(&server, &ada, "one").await;
    let mut other = enrolled(&server, &eve, "two").await;
    let browser = server.at_the_second_factor(&ada).await;
    assert!(browser.pending.wanted.contains(&Method::Passkey));
    let options = request_options(server.app(), &browser.pending, &a_browsers_origin())
        .await
        .expect("options");
    let foreign = other.get(&options);
    let answer = Answer::Passkey(&foreign);
    let refusal = prove_second_factor(server.app(), &browser.pending, answer, browser.visitor());
    assert_eq!(refused(refusal.await), "the passkey belongs to another user");
    let own = hers.get(&options);
    let answer = Answer::Passkey(&own);
    let opened = prove_second_factor(server.app(), &browser.pending, answer, browser.visitor());
    let signed_in = server.signed_in(&opened.await.expect("signed in")).await;
    assert_eq!(signed_in.session.methods.to_string(), "password passkey");
}

#[tokio::test]
async fn an_answer_from_another_page_or_of_another_sign_in_is_refused() {
    let server = Server::start().await;
    let ada = server.a_person("ada@a.test").await;
    let mut device = enrolled(&server, &ada, "one").await;
    let (browser, eve) = (server.a_browser().await, server.a_browser().await);
    let options = request_options(server.app(), &browser.pending, &a_browsers_origin())
        .await
        .expect("options");
    let used = device.get(&options);
    let foreign = sign_in(server.app(), &eve.pending, &used, eve.visitor()).await;
    let spent = "the challenge is over, was answered, or is of another sign-in";
    assert_eq!(refused(foreign), spent);
    device.origin = "https://keyhaven.test.evil.test".into();
    let phished = device.get(&options);
    let refusal = sign_in(server.app(), &browser.pending, &phished, browser.visitor()).await;
    assert_eq!(refused(refusal), "clientDataJSON has another origin");
    server.present.pass(300);
    device.origin = crate::harness::ISSUER.into();
    let late = device.get(&options);
    let refusal = sign_in(server.app(), &browser.pending, &late, browser.visitor()).await;
    assert_eq!(refused(refusal), spent);
}

#[tokio::test]
async fn a_copied_passkey_is_noticed() {
    let server = Server::start().await;
    let ada = server.a_person("ada@a.test").await;
    let mut device = enrolled(&server, &ada, "one").await;
    let mut attempt = async |counter: u32| {
        device.counter = counter;
        let browser = server.a_browser().await;
        let options = request_options(server.app(), &browser.pending, &a_browsers_origin())
            .await
            .expect("options");
        let used = device.get(&options);
        sign_in(server.app(), &browser.pending, &used, browser.visitor()).await
    };
    attempt(10).await.expect("signed in");
    let copied = "the passkey's counter did not grow: it may have been copied";
    assert_eq!(refused(attempt(5).await), copied);
}
