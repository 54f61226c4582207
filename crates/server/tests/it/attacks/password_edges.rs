//! A64: passwords at the edges, as they come over HTTP: every byte counts, nothing is trimmed or cut,
//! and what is too long is refused before any work.

use keyhaven::routes;

use crate::harness::{AWindow, Answer, ISSUER, Server};
use crate::small_server::SmallServer;
use crate::wire::ask;

async fn set(browser: &mut AWindow<'_>, old: &str, new: &str) -> Answer {
    let page = browser.open("/account/password").await;
    browser.fill(&page, "/account/password", &[("current", old), ("password", new)]).await
}

async fn sign_in(server: &Server, password: &str) -> u16 {
    let mut browser = server.a_window();
    let page = browser.open("/login").await;
    let typed = [("username", "ada@example.test"), ("password", password)];
    browser.fill(&page, "/login", &typed).await.status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a64_every_byte_of_a_password_counts() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let mut old = "harbour lights at dusk".to_owned();
    server.set_password(&ada, &old).await;
    let seventy_two = "ship ".repeat(14) + "on";
    let cases = [
        ("the 73rd byte", format!("{seventy_two}x"), format!("{seventy_two}y")),
        ("spaces around", "  quiet harbour  ".to_owned(), "quiet harbour".to_owned()),
        ("emoji", "🦉🌊⛵🦉🌊⛵🦉🌊".to_owned(), "🦉🌊⛵🦉🌊⛵🦉🌋".to_owned()),
        ("composition", "cafe\u{301} au lait".to_owned(), "caf\u{e9} au lait".to_owned()),
        ("1,024 bytes", "0123456789abcdef".repeat(64), "0123456789abcdef".repeat(63)),
    ];
    for (what, password, near) in cases {
        let mut browser = server.a_window_of(&ada).await;
        let changed = set(&mut browser, &old, &password).await;
        assert_eq!(changed.status, 303, "{what}: {:?}", server.refusals());
        assert_eq!(sign_in(&server, &near).await, 422, "{what}");
        assert_eq!(server.refusal().reason, "wrong password", "{what}");
        assert_eq!(sign_in(&server, &password).await, 303, "{what}");
        old = password;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a64_what_is_too_long_or_too_short_is_refused() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let old = "harbour lights at dusk";
    server.set_password(&ada, old).await;
    let mut browser = server.a_window_of(&ada).await;
    for (new, reason) in [
        ("x".repeat(1_025), "a password has at most 1024 bytes"),
        ("seven77".to_owned(), "a password has at least 8 characters"),
        (" ".repeat(12), "a password is more than one character"),
    ] {
        let refused = set(&mut browser, old, &new).await;
        assert_eq!(refused.status, 422);
        assert_eq!(server.refusal().reason, reason);
    }
    let cut = set(&mut browser, old, "quiet\0harbour").await;
    assert_eq!(cut.status, 403, "a form with NUL in it is no form");
    assert_eq!(server.refusal().reason, "control character in a parameter");
    assert_eq!(sign_in(&server, &"x".repeat(1_025)).await, 422);
    assert_eq!(server.refusal().reason, "a password has at most 1024 bytes");
    let listening = SmallServer::start_with(routes::public(server.app.clone()), |_| {}).await;
    let mebibyte = format!(
        "POST /login HTTP/1.1\r\nHost: a.test\r\nOrigin: {ISSUER}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        1 << 20,
    );
    assert_eq!(ask(listening.address, mebibyte).await.status, 413, "before a byte of it is read");
    assert_eq!(sign_in(&server, old).await, 303, "nothing was changed");
}
