//! A80: two thousand sign-ins at once. As many passwords are hashed at a time as there are processors,
//! a bounded number waits, the others hear at once that it is too much; tokens go on being issued.

use std::net::Ipv4Addr;
use std::sync::Arc;

use keyhaven::password_pool::PasswordPool;
use keyhaven_protocol::secret::Secret;
use keyhaven_store::Error;
use tokio::task::JoinSet;

use crate::harness::{ISSUER, Server, field_of};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_sign_ins_leave_room_for_everything_else() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let pool = Arc::new(PasswordPool::new(2));
    let mut tries = JoinSet::new();
    for _ in 0..2_000 {
        let pool = pool.clone();
        tries.spawn(async move { pool.compare(&Secret::from("guess"), None).await });
    }
    // Tokens are issued while the hashes wait.
    for _ in 0..20 {
        server.token(&client).await;
    }
    let (mut compared, mut turned_away) = (0, 0);
    while let Some(outcome) = tries.join_next().await {
        match outcome.expect("no panic") {
            Ok(_) => compared += 1,
            Err(Error::Busy(_)) => turned_away += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(compared >= 66, "only {compared} were hashed");
    assert!(compared + turned_away == 2_000 && turned_away > 1_500, "{turned_away} turned away");
}

/// The same through the page, from as many networks: the answers say which were compared and which
/// are told to come back, and nothing is left waiting behind them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a80_two_thousand_passwords_at_the_page_are_compared_or_told_to_come_back() {
    let server = Arc::new(Server::start().await);
    let client = server.a_client().build().await;
    let mut browser = server.a_window();
    let page = browser.open("/login").await.text();
    let field = |name| field_of(&page, name);
    let (token, handle, cookies) = (field("form_token"), field("sign_in"), browser.cookies());
    drop(browser);
    let mut tries = JoinSet::new();
    for number in 0..2_000_u32 {
        let (server, token, handle, cookies) =
            (server.clone(), token.clone(), handle.clone(), cookies.clone());
        tries.spawn(async move {
            let email = format!("user{number}@example.test");
            let form = [
                ("form_token", token.as_str()),
                ("sign_in", handle.as_str()),
                ("username", email.as_str()),
                ("password", "guess"),
            ];
            let network = Ipv4Addr::from(u32::from(Ipv4Addr::new(198, 18, 0, 0)) + number);
            let ask = server.post("/login").header("cookie", cookies).header("origin", ISSUER);
            let ask = ask.header("sec-fetch-site", "same-origin").from(network.into());
            let answer = ask.form(&form).await;
            (answer.status, answer.headers.contains_key("retry-after"))
        });
    }
    for _ in 0..20 {
        server.token(&client).await;
    }
    let (mut compared, mut turned_away) = (0, 0);
    while let Some(answer) = tries.join_next().await {
        match answer.expect("no panic") {
            (422, _) => compared += 1,
            (503, true) => turned_away += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(compared + turned_away, 2_000);
    assert!(compared > 0, "nobody was served");
    server.token(&client).await;
}
