//! How often storage is visited on the way to a code: a number that does not vary, so a test can hold
//! it (the goal is at most three visits for a live session and remembered consent).

use keyhaven_protocol::relying_party::ConsentPolicy;

use crate::harness::{AWindow, Server, asks, query_of};

const GOAL: u64 = 3;

/// The statements read and the number of commits on the way to a code.
async fn visits(
    server: &Server,
    browser: &mut AWindow<'_>,
    address: &str,
) -> (Vec<&'static str>, u64) {
    server.database.reads();
    let before = server.database.commits();
    let answer = browser.open(address).await;
    assert!(query_of(&answer).contains_key("code"));
    (server.database.reads(), server.database.commits() - before)
}

#[tokio::test]
async fn a_code_for_a_live_session_and_remembered_consent_takes_two_visits() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let mut browser = server.a_window_of(&ada).await;
    browser.code(&app, &[]).await;
    let (reads, commits) = visits(&server, &mut browser, &asks(&app, &[])).await;
    assert_eq!((reads.as_slice(), commits), (&["consents.find"][..], 1));
    let silent = asks(&app, &[("prompt", "none"), ("state", "2")]);
    let (reads, commits) = visits(&server, &mut browser, &silent).await;
    assert_eq!((reads.as_slice(), commits), (&["consents.find"][..], 1));
    assert!(reads.len() as u64 + commits <= GOAL);
}

#[tokio::test]
async fn a_node_that_remembers_nothing_reads_session_person_and_client_besides() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let mut browser = server.a_window_of(&ada).await;
    browser.code(&app, &[]).await;
    let cold = server.beside().await;
    let mut there = cold.a_window();
    there.plant("__Host-sid", browser.cookie("__Host-sid").expect("signed in"));
    let (reads, commits) = visits(&cold, &mut there, &asks(&app, &[])).await;
    let person = ["people.places", "people.projects", "people.groups"];
    let expected = [&["sessions.find"][..], &person, &["clients.find", "consents.find"]].concat();
    assert_eq!((reads, commits), (expected, 1));
    // From the second on it is a node like any other.
    let (reads, commits) = visits(&cold, &mut there, &asks(&app, &[])).await;
    assert_eq!((reads.as_slice(), commits), (&["consents.find"][..], 1));
}

#[tokio::test]
async fn a_trusted_client_and_a_redemption_take_less() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().but(|it| it.party.consent = ConsentPolicy::Trusted);
    let app = app.build().await;
    let mut browser = server.a_window_of(&ada).await;
    let answer = browser.open(&asks(&app, &[])).await;
    let code = query_of(&answer)["code"].clone();
    server.redeem(&app, &code).await.expect(200);
    let (reads, commits) = visits(&server, &mut browser, &asks(&app, &[])).await;
    assert_eq!((reads.as_slice(), commits), (&["consents.find"][..], 1));
    let answer = browser.open(&asks(&app, &[])).await;
    let code = query_of(&answer)["code"].clone();
    server.database.reads();
    let before = server.database.commits();
    server.redeem(&app, &code).await.expect(200);
    let commits = server.database.commits() - before;
    assert_eq!((server.database.reads(), commits), (vec![], 1));
}
