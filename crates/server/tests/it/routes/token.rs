//! `POST /oauth2/token` as a form (RFC 6749 §5).

use serde_json::json;

use crate::harness::{ISSUER, Server, claims_of};

#[tokio::test]
async fn a_jwt_is_issued_as_rfc_9068_has_it_without_touching_the_database() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    server.token(&client).await;
    let (commits, _) = (server.database.commits(), server.database.reads());

    let form = [("grant_type", "client_credentials"), ("scope", "read")];
    let answer = server.post("/oauth2/token").basic(&client).form(&form).await;
    let body = answer.expect(200);
    let members: Vec<_> = body.as_object().expect("an object").keys().cloned().collect();
    assert_eq!(members, ["access_token", "expires_in", "scope", "token_type"]);
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(300)));
    assert_eq!(body["scope"], "read");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));

    let claims = claims_of(body["access_token"].as_str().expect("a token"));
    let now = server.present.now();
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["aud"], ISSUER);
    assert_eq!((&claims["sub"], &claims["client_id"]), (&json!(client.id), &json!(client.id)));
    assert_eq!((&claims["iat"], &claims["exp"]), (&json!(now), &json!(now + 300)));
    assert_eq!(claims["scope"], "read");
    assert_eq!(claims["org"], server.organization.to_string());
    assert_eq!(server.database.commits(), commits, "a JWT needs no write");
    assert_eq!(server.database.reads(), Vec::<&str>::new(), "nor a read, the client being known");
}

#[tokio::test]
async fn an_opaque_token_is_durable_before_the_answer() {
    let server = Server::start().await;
    let client = server.a_client().opaque().build().await;
    let commits = server.database.commits();
    let token = server.token(&client).await;
    assert!(token.starts_with("kh_access_"), "{token}");
    assert_eq!(server.database.commits(), commits + 1);
}

#[tokio::test]
async fn without_a_scope_everything_but_the_reserved_is_granted() {
    let server = Server::start().await;
    let client = server.a_client().scopes("read write keyhaven:admin").build().await;
    let form = [("grant_type", "client_credentials")];
    let body = server.post("/oauth2/token").basic(&client).form(&form).await.expect(200);
    assert_eq!(body["scope"], "read write");
    let form = [("grant_type", "client_credentials"), ("scope", "keyhaven:admin")];
    let body = server.post("/oauth2/token").basic(&client).form(&form).await.expect(200);
    assert_eq!(body["scope"], "keyhaven:admin");
}

#[tokio::test]
async fn every_signing_algorithm_signs_what_the_key_set_verifies() {
    let server = Server::start().await;
    for alg in ["ES256", "EdDSA", "PS256", "RS256"] {
        let client = server.a_client().but(|client| client.token_alg = alg.into()).build().await;
        let token = server.token(&client).await;
        assert!(server.is_active(&client, &token).await, "{alg}");
    }
}

#[tokio::test]
async fn a_secret_is_taken_where_it_is_registered_and_nowhere_else() {
    let server = Server::start().await;
    let (basic, post) = (server.a_client().build().await, server.a_client().post().build().await);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &post.id),
        ("client_secret", &post.secret),
    ];
    server.post("/oauth2/token").form(&form).await.expect(200);

    let reason = "not the registered authentication method";
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &basic.id),
        ("client_secret", &basic.secret),
    ];
    let answer = server.post("/oauth2/token").form(&form).await;
    answer.refused(&server, 401, "invalid_client", reason);
    let form = [("grant_type", "client_credentials")];
    let answer = server.post("/oauth2/token").basic(&post).form(&form).await;
    answer.refused(&server, 401, "invalid_client", reason);
}

#[tokio::test]
async fn a_wrong_secret_and_an_unknown_client_get_the_same_answer() {
    let server = Server::start().await;
    let known = server.a_client().build().await;
    let wrong = crate::harness::AClient { secret: "kh_secret_x".into(), ..known.clone() };
    let unknown = crate::harness::AClient {
        id: keyhaven_protocol::id::ClientId(server.app().id()).to_string(),
        ..wrong.clone()
    };
    let form = [("grant_type", "client_credentials")];
    let mut answers = Vec::new();
    for (client, reason) in [(&wrong, "wrong client secret"), (&unknown, "unknown client")] {
        let answer = server.post("/oauth2/token").basic(client).form(&form).await;
        let (text, headers) = (answer.text(), answer.headers.clone());
        let code = server.refusals().remove(0);
        assert_eq!(code.reason, reason);
        answers.push((answer.status, text.replace(&code.code, "CODE"), headers));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(
        answers[0].1,
        r#"{"error":"invalid_client","error_description":"Client authentication failed. (CODE)"}"#
    );
}

#[tokio::test]
async fn guessing_is_slowed_and_the_right_secret_still_works() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let wrong = crate::harness::AClient { secret: "kh_secret_x".into(), ..client.clone() };
    let form = [("grant_type", "client_credentials")];
    let mut last = server.post("/oauth2/token").basic(&wrong).form(&form).await;
    for _ in 0..30 {
        last = server.post("/oauth2/token").basic(&wrong).form(&form).await;
    }
    assert!(last.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
    assert_eq!(last.expect(429)["error"], "too_many_requests");
    let reasons: Vec<_> = server.refusals().into_iter().map(|refusal| refusal.reason).collect();
    assert_eq!(reasons[0], "wrong client secret");
    let slowed = "too many failed client authentications from this network";
    assert_eq!(reasons.last().expect("refusals"), slowed);
    server.token(&client).await;
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    for (form, reason) in [
        (&[][..], "grant_type is missing"),
        (&[("grant_type", "")][..], "grant_type is missing"),
        (&[("grant_type", "refresh_token")][..], "refresh_token is missing"),
    ] {
        let answer = server.post("/oauth2/token").basic(&client).form(form).await;
        answer.refused(&server, 400, "invalid_request", reason);
    }
}

#[tokio::test]
async fn malformed_scopes_are_refused() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let flood = "read ".repeat(300);
    for (scope, reason) in [
        ("read  write", "scope has an empty word"),
        ("re\"ad", "scope has a character outside RFC 6749 §3.3"),
        ("re\\ad", "scope has a character outside RFC 6749 §3.3"),
        (&flood, "scope is longer than 1024 bytes"),
        ("read admin", "scope is wider than allowed"),
    ] {
        let form = [("grant_type", "client_credentials"), ("scope", scope)];
        let answer = server.post("/oauth2/token").basic(&client).form(&form).await;
        answer.refused(&server, 400, "invalid_scope", reason);
    }
}
