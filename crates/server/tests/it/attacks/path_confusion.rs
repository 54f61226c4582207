//! A81: other spellings of a protected path (CVE-2026-0976). None of them reaches a route, so none
//! can reach it past a rule that was written for the canonical spelling.

use crate::small_server::{SmallServer, patient};
use crate::wire::ask;

#[tokio::test]
async fn other_spellings_of_a_path_are_404() {
    let server = SmallServer::start(patient()).await;
    for path in [
        "//token",
        "/token/",
        "/token;x=1",
        "/%74oken",
        "/x/../token",
        "/./token",
        "/token%00",
        "/token%2f",
        "/TOKEN",
        "/token%20",
        "/%2e%2e/token",
        "/x%2ftoken",
        "/token\\",
    ] {
        let request = format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
        let answer = ask(server.address, request).await;
        assert!(matches!(answer.status, 404 | 400), "{path}: {answer:?}");
    }
    let canonical = "POST /token HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(ask(server.address, canonical).await.status, 200);
}

#[tokio::test]
async fn an_absolute_target_is_the_same_path() {
    let server = SmallServer::start(patient()).await;
    let request = "GET http://evil.test/hello HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(ask(server.address, request).await.body, "hello");
}
