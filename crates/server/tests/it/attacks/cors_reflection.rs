//! A82: pages of other origins try to read answers.

use crate::small_server::{SmallServer, patient};
use crate::wire::{Answer, ask};

const ORIGINS: [&str; 4] =
    ["https://evil.test", "null", "https://localhost:8484.evil.test", "https://a"];

async fn cross(server: &SmallServer, method: &str, path: &str, origin: &str) -> Answer {
    let asks = if method == "OPTIONS" {
        "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization\r\n"
    } else {
        ""
    };
    let head = format!("{method} {path} HTTP/1.1\r\nHost: a\r\nOrigin: {origin}\r\n{asks}");
    ask(server.address, format!("{head}Cookie: __Host-sid=x\r\nContent-Length: 0\r\n\r\n")).await
}

#[tokio::test]
async fn a_page_is_readable_by_no_other_origin() {
    let server = SmallServer::start(patient()).await;
    for origin in ORIGINS {
        for method in ["GET", "POST", "OPTIONS"] {
            let answer = cross(&server, method, "/page", origin).await;
            assert!(!answer.head.to_ascii_lowercase().contains("access-control"), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn a_token_answer_is_readable_by_all_but_never_with_credentials() {
    let server = SmallServer::start(patient()).await;
    for origin in ORIGINS {
        for (method, status) in [("POST", 200), ("OPTIONS", 204)] {
            let answer = cross(&server, method, "/token", origin).await;
            assert_eq!(answer.status, status);
            assert_eq!(answer.field("access-control-allow-origin"), Some("*"), "not reflected");
            assert_eq!(answer.field("access-control-allow-credentials"), None);
        }
    }
}

#[tokio::test]
async fn a_preflight_names_methods_and_fields_and_runs_no_handler() {
    let server = SmallServer::start(patient()).await;
    let answer = cross(&server, "OPTIONS", "/token", "https://app.test").await;
    assert_eq!(answer.field("access-control-allow-methods"), Some("POST"));
    assert_eq!(
        answer.field("access-control-allow-headers"),
        Some("authorization, content-type, dpop, idempotency-key"),
        "a star would not cover authorization"
    );
    assert_eq!(answer.body, "");
    let wrong_method = cross(&server, "GET", "/token", "https://app.test").await;
    assert_eq!(wrong_method.status, 405);
    assert_eq!(wrong_method.field("access-control-allow-origin"), Some("*"), "errors are readable");
}
