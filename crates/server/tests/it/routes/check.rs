//! `POST /v1/check`.

use serde_json::{Value, json};

use crate::harness::{AClient, Answer, ISSUER, Server, claims_of};

async fn check(server: &Server, body: Value) -> Answer {
    server.post("/v1/check").json(body).await
}

/// Refused with `word` for programs and the exact rule for us.
#[track_caller]
fn refused(answer: &Answer, server: &Server, status: u16, word: &str, reason: &str) {
    let body = answer.expect(status);
    let refusal = server.refusal();
    assert_eq!((&body["reason"], &body["code"]), (&json!(word), &json!(refusal.code)), "{body}");
    assert_eq!(refusal.reason, reason);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.header("cache-control"), "no-store");
}

async fn a_token(server: &Server) -> (AClient, String) {
    let client = server.a_client().build().await;
    let token = server.token(&client).await;
    (client, token)
}

#[tokio::test]
async fn a_live_token_is_resolved_alike_in_both_formats() {
    let server = Server::start().await;
    for format in ["jwt", "opaque"] {
        let client = server.a_client();
        let client = if format == "jwt" { client } else { client.opaque() };
        let client = client.build().await;
        let token = server.token(&client).await;
        let answer = check(&server, json!({ "credential": token })).await;
        let mut body = answer.expect(200);
        let id = body.as_object_mut().expect("an object").remove("id").expect("an id");
        if format == "jwt" {
            assert_eq!(id, claims_of(&token)["jti"]);
        }
        let now = server.present.now();
        let expected = json!({
            "active": true, "kind": "access_token", "format": format, "client_id": client.id,
            "subject": client.id, "organization": server.organization.to_string(),
            "scopes": "read write", "audience": ISSUER, "issued_at": now, "expires_at": now + 300,
        });
        assert_eq!(body, expected);
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn a_token_of_a_refresh_family_names_its_grant() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let (token, _) = server.tokens(&client).await;
    let body = check(&server, json!({ "credential": token })).await.expect(200);
    assert_eq!(body["grant"], claims_of(&token)["gid"], "{body}");
}

#[tokio::test]
async fn what_is_needed_beyond_life_is_asked_too() {
    let server = Server::start().await;
    let (_, token) = a_token(&server).await;
    let need = |need: Value| json!({ "credential": token, "need": need });
    for fits in [json!({}), json!({ "scopes": "read" }), json!({ "audience": ISSUER })] {
        check(&server, need(fits)).await.expect(200);
    }
    let wider = check(&server, need(json!({ "scopes": "read delete" }))).await;
    refused(&wider, &server, 403, "insufficient_scope", "the token lacks a scope");
    let elsewhere = check(&server, need(json!({ "audience": "https://other.test" }))).await;
    refused(&elsewhere, &server, 401, "invalid_token", "the token is for another audience");
}

#[tokio::test]
async fn the_dead_and_the_unknown_are_refused_by_their_rule() {
    let server = Server::start().await;
    let (client, token) = a_token(&server).await;
    let unknown = check(&server, json!({ "credential": "kh_access_x" })).await;
    refused(&unknown, &server, 401, "invalid_token", "not a credential of ours");
    assert!(unknown.header("www-authenticate").starts_with("Bearer"));

    let form = [("token", token.as_str())];
    assert_eq!(server.post("/oauth2/revoke").basic(&client).form(&form).await.status, 200);
    let revoked = check(&server, json!({ "credential": token })).await;
    refused(&revoked, &server, 401, "invalid_token", "access token was revoked");

    let token = server.token(&client).await;
    server.present.pass(300);
    let expired = check(&server, json!({ "credential": token })).await;
    refused(&expired, &server, 401, "invalid_token", "token expired");
}

#[tokio::test]
async fn the_client_decides_with_its_life() {
    let server = Server::start().await;
    let (client, token) = a_token(&server).await;
    client
        .alter(&server, |record| record.disabled_at = Some(keyhaven_protocol::time::Timestamp(1)))
        .await;
    let answer = check(&server, json!({ "credential": token })).await;
    let reason = "the client of the access token is disabled";
    refused(&answer, &server, 401, "invalid_token", reason);
}

#[tokio::test]
async fn our_own_failure_is_never_the_credentials() {
    let server = Server::start().await;
    let client = server.a_client().opaque().build().await;
    let token = server.token(&client).await;
    let other = server.beside().await;
    other.database.fail();
    let answer = check(&other, json!({ "credential": token })).await;
    let body = answer.expect(503);
    assert_eq!(body["reason"], "temporarily_unavailable");
    assert_eq!(answer.header("retry-after"), "1");
    assert!(other.refusals().is_empty());
}

#[tokio::test]
async fn a83_a_sloppy_body_is_refused_and_points_at_the_member() {
    let server = Server::start().await;
    for (body, pointer, detail) in [
        (r#"{}"#, "/credential", "is required"),
        (r#"{"credential":1}"#, "/credential", "must be a string"),
        (r#"{"credential":"a","credential":"b"}"#, "/credential", "is there twice"),
        (r#"{"credential":"a","token":"b"}"#, "/token", "is not a member of this request"),
        (
            r#"{"credential":"a","need":{"price":1}}"#,
            "/need/price",
            "is not a member of this request",
        ),
        (r#"{"credential":"a","need":{"cost":1}}"#, "/need/cost", "must be an amount and its unit"),
        (r#"{"credential":"a","need":{"scopes":["b"]}}"#, "/need/scopes", "must be a string"),
        (
            r#"{"credential":"a","need":{"scopes":"b  c"}}"#,
            "/need/scopes",
            "scope has an empty word",
        ),
        (r#"{"credential":"a"} {}"#, "", "is not JSON"),
        ("credential=a", "", "is not JSON"),
    ] {
        let answer = server.post("/v1/check").raw("application/json", body).await.expect(400);
        let error = &answer["errors"][0];
        assert_eq!(
            (&error["pointer"], &error["detail"]),
            (&json!(pointer), &json!(detail)),
            "{body}"
        );
        server.refusal();
    }
    let form = server.post("/v1/check").form(&[("credential", "a")]).await;
    assert_eq!(form.status, 415);
    assert_eq!(server.ask("GET", "/v1/check").send().await.status, 405);
}
