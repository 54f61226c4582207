//! A62 · headers that pretend to be the proxy's own [CVE-2025-64484, CVE-2026-40575]. The check
//! behind a proxy believes none of them: what they say neither opens nor closes anything.

use crate::harness::Server;

const SMUGGLED: [(&str, &str); 12] = [
    ("x-forwarded-uri", "/public/health"),
    ("x-forwarded-method", "OPTIONS"),
    ("x-forwarded-host", "evil.test"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-for", "127.0.0.1"),
    ("x_forwarded_for", "127.0.0.1"),
    ("x-original-url", "/v1/forward-auth?scopes="),
    ("x_original_url", "/public"),
    ("x-original-uri", "/public"),
    ("x-rewrite-url", "/public"),
    ("x-auth-subject", "root"),
    ("x-auth-scopes", "read write delete"),
];

#[tokio::test]
async fn smuggled_headers_open_nothing() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let token = server.token(&client).await;
    for (name, value) in SMUGGLED {
        let nobody = server.get("/v1/forward-auth").header(name, value).send().await;
        nobody.refused(&server, 401, "invalid_token", "no bearer token in the request");
        let narrow = server.get("/v1/forward-auth?scopes=delete").header(name, value);
        let narrow = narrow.bearer(&token).send().await;
        narrow.refused(&server, 403, "insufficient_scope", "the token lacks a scope");
    }
}

#[tokio::test]
async fn smuggled_headers_do_not_change_who_is_let_through() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let token = server.token(&client).await;
    for (name, value) in SMUGGLED {
        let ask = server.get("/v1/forward-auth?scopes=read").header(name, value).bearer(&token);
        let answer = ask.send().await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        assert_eq!(answer.header("x-auth-subject"), client.id);
        assert_eq!(answer.header("x-auth-scopes"), "read write");
    }
}

#[tokio::test]
async fn a_second_authorization_header_is_not_chosen_from() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let token = server.token(&client).await;
    let twice = server.get("/v1/forward-auth").bearer("kh_access_x").bearer(&token).send().await;
    twice.refused(&server, 400, "invalid_request", "two Authorization headers");
}
