//! A59: a thousand guesses at one account, and one guess at thousands. What is counted does not depend
//! on whether an account is there, and the owner's own browser still gets in.

use std::net::{IpAddr, Ipv4Addr};

use keyhaven::limits::network;
use keyhaven_store::sign_in_tries::Counter;

use crate::harness::{AWindow, Answer, Server};

const PASSWORD: &str = "harbour lights at dusk";

async fn sign_in(browser: &mut AWindow<'_>, email: &str, password: &str) -> Answer {
    let page = browser.open("/login").await;
    browser.fill(&page, "/login", &[("username", email), ("password", password)]).await
}

fn somewhere(number: u32) -> IpAddr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(198, 18, 0, 0)) + number).into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a59_of_a_thousand_guesses_from_a_thousand_networks_ten_are_compared() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    server.set_password(&ada, PASSWORD).await;
    let mut own = server.a_window_at(somewhere(9_999));
    assert_eq!(sign_in(&mut own, "ada@example.test", PASSWORD).await.status, 303);
    let page = own.open("/logout").await;
    own.fill(&page, "/logout", &[("where", "here")]).await;
    for email in ["ada@example.test", "nobody@example.test"] {
        let (mut compared, mut told_to_wait) = (0, 0);
        for number in 0..1_000 {
            let mut stranger = server.a_window_at(somewhere(number));
            let answer = sign_in(&mut stranger, email, "guess").await;
            match answer.status {
                422 => compared += 1,
                429 => told_to_wait += 1,
                other => panic!("{other}: {}", answer.text()),
            }
        }
        assert_eq!((compared, told_to_wait), (10, 990), "{email}");
        let last = server.refusals().pop().expect("refused");
        assert_eq!(last.reason, "too many tries to sign in");
    }
    let mut stranger = server.a_window_at(somewhere(5_000));
    let right = sign_in(&mut stranger, "ada@example.test", PASSWORD).await;
    assert_eq!(right.status, 429, "a stranger waits, even with the password");
    let known = sign_in(&mut own, "ada@example.test", PASSWORD).await;
    assert_eq!(known.status, 303, "a known device has tries of its own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a59_one_password_tried_at_thousands_of_accounts_runs_out() {
    let server = Server::start().await;
    let ada = server.a_person("user4999@example.test").await;
    server.set_password(&ada, PASSWORD).await;
    let (eve, app) = (somewhere(1), server.app());
    // Most of what one network may try in its window was tried before.
    for _ in 0..280 {
        let counters = [Counter::of_network(network(eve))];
        let wait = app.store.take_sign_in_try(&counters, app.clock.now()).await;
        assert!(wait.expect("storage works").is_none());
    }
    let mut browser = server.a_window_at(eve);
    let page = browser.open("/login").await;
    let mut compared = 0;
    for number in 0..5_000 {
        let email = format!("user{number}@example.test");
        let typed = [("username", email.as_str()), ("password", PASSWORD)];
        let answer = browser.fill(&page, "/login", &typed).await;
        match answer.status {
            422 => compared += 1,
            429 => {}
            other => panic!("{other}: {}", answer.text()),
        }
    }
    assert_eq!(compared, 20, "the last account is the one that has the password");
    let mut elsewhere = server.a_window_at(somewhere(2));
    let owner = sign_in(&mut elsewhere, "user4999@example.test", PASSWORD).await;
    assert_eq!(owner.status, 303, "the account itself was not locked");
}

/// Sign-ins that are begun are kept, so one network begins so many.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a80_a_network_begins_so_many_sign_ins_and_another_begins_its_own() {
    let server = Server::start().await;
    let (eve, app) = (somewhere(1), server.app());
    for _ in 0..4_999 {
        let counters = [Counter::of_openings(network(eve))];
        let wait = app.store.take_sign_in_try(&counters, app.clock.now()).await;
        assert!(wait.expect("storage works").is_none());
    }
    let answer = server.a_window_at(eve).open("/login").await;
    assert_eq!(answer.status, 429, "{}", answer.text());
    assert_eq!(server.refusal().reason, "too many sign-ins were begun by a network");
    assert!(!answer.header("retry-after").is_empty());
    assert_eq!(server.a_window_at(somewhere(2)).open("/login").await.status, 200);
    server.present.pass(15 * 60);
    assert_eq!(server.a_window_at(eve).open("/login").await.status, 200, "it is a window");
}
