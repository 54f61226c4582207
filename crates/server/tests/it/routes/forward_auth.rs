//! `/v1/forward-auth`: the check as proxies ask it.

use crate::harness::{Answer, ISSUER, Server};

const NAMES: [&str; 6] = [
    "x-auth-subject",
    "x-auth-client",
    "x-auth-organization",
    "x-auth-scopes",
    "x-auth-token-id",
    "x-auth-expires",
];

#[track_caller]
fn headers(answer: &Answer) -> [&str; 6] {
    assert_eq!(answer.status, 200, "{}", answer.text());
    NAMES.map(|name| answer.header(name))
}

#[tokio::test]
async fn a_live_bearer_is_let_through_by_any_method() {
    let server = Server::start().await;
    let client = server.a_client().opaque().build().await;
    let token = server.token(&client).await;
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let answer = server.ask(method, "/v1/forward-auth").bearer(&token).send().await;
        let [subject, id, organization, scopes, _, expires] = headers(&answer);
        assert_eq!([subject, id, scopes], [&client.id, &client.id, "read write"], "{method}");
        assert_eq!(organization, server.organization.to_string());
        assert_eq!(expires, (server.present.now() + 300).to_string());
        assert!(answer.body.is_empty());
    }
}

/// A proxy that copies our headers must overwrite what the client sent under their names.
#[tokio::test]
async fn what_does_not_apply_is_said_to_be_nothing() {
    let server = Server::start().await;
    let client = server.a_client().but(|client| client.organization = None).build().await;
    let token = server.token(&client).await;
    let answer = server.get("/v1/forward-auth").bearer(&token).send().await;
    assert_eq!(headers(&answer)[2], "");
}

#[tokio::test]
async fn the_query_says_what_is_needed() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let token = server.token(&client).await;
    let fits = format!("/v1/forward-auth?scopes=read+write&audience={ISSUER}");
    headers(&server.get(&fits).bearer(&token).send().await);
    for (query, status, error, reason) in [
        ("scopes=delete", 403, "insufficient_scope", "the token lacks a scope"),
        ("audience=https://b.test", 401, "invalid_token", "the token is for another audience"),
        ("scope=read", 400, "invalid_request", "the query takes scopes, audience and refuse only"),
        ("scopes=a&scopes=read", 400, "invalid_request", "parameter sent twice: scopes"),
    ] {
        let path = format!("/v1/forward-auth?{query}");
        let answer = server.get(&path).bearer(&token).send().await;
        answer.refused(&server, status, error, reason);
        assert!(answer.header("www-authenticate").contains(&format!("error=\"{error}\"")));
    }
}

#[tokio::test]
async fn nobody_and_the_dead_are_kept_out() {
    let server = Server::start().await;
    let nobody = server.get("/v1/forward-auth").send().await;
    nobody.refused(&server, 401, "invalid_token", "no bearer token in the request");
    let unknown = server.get("/v1/forward-auth").bearer("kh_access_x").send().await;
    unknown.refused(&server, 401, "invalid_token", "not a credential of ours");
    for name in NAMES {
        assert!(!unknown.headers.contains_key(name), "{name} on a refusal");
    }
}
