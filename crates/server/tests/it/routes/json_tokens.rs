//! The JSON token family at `/oauth2/token` and `/oauth2/revoke`, as its contract has it.

use serde_json::{Value, json};

use crate::harness::{AClient, Answer, Server};

fn create(client: &AClient) -> Value {
    json!({
        "grant_type": "client_credentials", "scope": "read write",
        "client_id": client.id, "client_secret": client.secret,
    })
}

async fn token(server: &Server, body: Value) -> Answer {
    server.post("/oauth2/token").json(body).await
}

#[tokio::test]
async fn every_answer_has_all_five_members_in_the_seeds_vocabulary() {
    let server = Server::start().await;
    let jwt = server.a_client().build().await;
    let opaque = server.a_client().opaque().build().await;
    for (client, word) in [(&jwt, "jwt"), (&opaque, "opaque")] {
        let answer = token(&server, create(client)).await;
        let body = answer.expect(200);
        let members: Vec<_> = body.as_object().expect("an object").keys().cloned().collect();
        let all = ["access_token", "expires_in", "refresh_token", "scope", "token_type"];
        assert_eq!(members, all);
        assert_eq!(body["token_type"], word);
        assert_eq!(body["expires_in"], server.present.now() + 300, "a Unix timestamp");
        assert_eq!(body["scope"], "read write");
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), "no-store");

        let refreshed = json!({
            "grant_type": "refresh_token", "refresh_token": body["refresh_token"],
            "client_id": client.id, "client_secret": client.secret,
        });
        let refreshed = token(&server, refreshed).await.expect(200);
        assert_eq!(refreshed["token_type"], word);
        assert_ne!(refreshed["refresh_token"], body["refresh_token"], "it rotates");
    }
}

#[tokio::test]
async fn a_newer_version_header_asks_for_bearer_and_the_older_ones_do_not() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    for (version, word) in [
        ("v2026.07.00", "Bearer"),
        ("v2025.01.00", "Bearer"),
        ("v2024.00.00", "jwt"),
        ("latest", "jwt"),
    ] {
        let request = server.post("/oauth2/token").header("x-moov-version", version);
        assert_eq!(request.json(create(&client)).await.expect(200)["token_type"], word);
    }
}

#[tokio::test]
async fn the_settings_choose_bearer_and_seconds() {
    let settings = [("moov_token_type", "bearer"), ("moov_expires_in", "seconds")];
    let server = Server::with(&settings).await;
    let client = server.a_client().build().await;
    let body = token(&server, create(&client)).await.expect(200);
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(300)));
}

#[tokio::test]
async fn bad_client_credentials_are_400_because_the_family_knows_no_401() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let wrong = AClient { secret: "kh_secret_x".into(), ..client.clone() };
    let unknown = AClient { id: "mv_pub_3t7QyA".into(), ..client.clone() };
    for (who, reason) in
        [(&wrong, "wrong client secret"), (&unknown, "client_id is not one of ours")]
    {
        let answer = token(&server, create(who)).await;
        answer.refused(&server, 400, "invalid_client", reason);
    }
    let nobody = json!({ "grant_type": "client_credentials", "scope": "read" });
    let answer = token(&server, nobody).await;
    let reason = "no client authentication in the request";
    answer.refused(&server, 400, "invalid_client", reason);
}

#[tokio::test]
async fn a_missing_field_is_422_under_its_name() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let without = |edit: fn(&mut Value)| {
        let mut body = create(&client);
        edit(&mut body);
        body
    };
    let answer = token(&server, without(|body| body["scope"] = Value::Null)).await;
    answer.refused_field(&server, "scope", "scope is missing");
    let refresh = without(|body| body["grant_type"] = json!("refresh_token"));
    let answer = token(&server, refresh).await;
    answer.refused_field(&server, "refresh_token", "refresh_token is missing");
    let long = json!({ "grant_type": "refresh_token", "refresh_token": "x".repeat(4_097) });
    let answer = token(&server, long).await;
    let reason = "refresh_token is longer than 4096 characters";
    answer.refused_field(&server, "refresh_token", reason);

    let ask = || server.post("/oauth2/revoke").basic(&client);
    ask().json(json!({})).await.refused_field(&server, "token", "token is missing");
    let reason = "token is longer than 4096 characters";
    ask().json(json!({ "token": "x".repeat(4_097) })).await.refused_field(&server, "token", reason);
    let reason = "token_type_hint is neither access_token nor refresh_token";
    let hint = json!({ "token": "x", "token_type_hint": "id_token" });
    ask().json(hint).await.refused_field(&server, "token_type_hint", reason);
}

#[tokio::test]
async fn the_other_refusals_are_400_with_one_word() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let mut wide = create(&client);
    wide["scope"] = json!("read admin");
    let answer = token(&server, wide).await;
    answer.refused(&server, 400, "invalid_scope", "scope is wider than allowed");
    let unknown = json!({
        "grant_type": "refresh_token", "refresh_token": "rt_Qb82",
        "client_id": client.id, "client_secret": client.secret,
    });
    let answer = token(&server, unknown).await;
    answer.refused(&server, 400, "invalid_grant", "not a refresh token of ours");
    let mut none = create(&client);
    none["grant_type"] = Value::Null;
    let answer = token(&server, none).await;
    answer.refused(&server, 400, "invalid_request", "grant_type is missing");
}

#[tokio::test]
async fn members_nobody_knows_are_ignored() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let mut body = create(&client);
    body["client_type"] = json!("service");
    body["nested"] = json!({ "a": [1, 2] });
    token(&server, body).await.pair();
}

#[tokio::test]
async fn revoking_is_an_empty_204() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let (access, refresh) = token(&server, create(&client)).await.pair();
    for text in [access.as_str(), &refresh, "unknown"] {
        let body = json!({
            "token": text, "client_id": client.id, "client_secret": client.secret,
            "token_type_hint": "access_token",
        });
        let answer = server.post("/oauth2/revoke").json(body).await;
        assert_eq!((answer.status, answer.text().as_str()), (204, ""));
    }
    assert!(!server.is_active(&client, &access).await);
}
