//! The user-controlled keys family: statuses, bodies and messages as its contract has them.

use serde_json::{Value, json};

use crate::harness::{AKey, Answer, Server, the};

const VERIFIER: &str = "h3Jt9PzWq0sLxRk2Yc7VbNf5Ae8UdGm1Ti4OoQp6Zw-";
const CHALLENGE: &str = "5BSxWuHm9vpsFuRpPXmF3J_IeTgFNKgj8RnNhhnWDqQ";

async fn code(server: &Server, bearer: &str, members: Value) -> Answer {
    let mut body = json!({
        "callback_url": "https://notes.example/cb",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    });
    for (name, value) in members.as_object().expect("members") {
        body[name] = value.clone();
    }
    server.post("/api/v1/auth/keys/code").bearer(bearer).json(body).await
}

async fn a_code(server: &Server, key: &AKey, members: Value) -> String {
    the(&code(server, &key.text, members).await.expect(200)["data"]["id"])
}

async fn exchange(server: &Server, code: &str, verifier: &str, method: &str) -> Answer {
    let body = json!({"code": code, "code_verifier": verifier, "code_challenge_method": method});
    server.post("/api/v1/auth/keys").json(body).await
}

/// Refused in the family's envelope, for the private reason.
#[track_caller]
fn refused(answer: &Answer, server: &Server, status: u16, message: &str, reason: &str) {
    let body = answer.expect(status);
    let refusal = server.refusal();
    assert_eq!(body["error"]["code"], status, "{body}");
    assert_eq!(body["error"]["message"], message);
    assert_eq!(body["error"]["metadata"]["code"], refusal.code);
    assert_eq!(refusal.reason, reason);
}

#[tokio::test]
async fn a_code_becomes_a_key_that_is_limited_as_asked() {
    let server = Server::start().await;
    let parent = server.a_key(json!({})).await;
    for limit in [json!(25), json!("25.0")] {
        let issued = code(&server, &parent.text, json!({"limit": limit})).await.expect(200);
        let data = &issued["data"];
        assert!(data["app_id"].as_i64().is_some_and(|number| number > 0));
        assert_eq!(data["created_at"], "2027-01-15T08:00:00.000Z");
        let handed = exchange(&server, &the(&data["id"]), VERIFIER, "S256").await;
        assert_eq!(handed.header("cache-control"), "no-store");
        let handed = handed.expect(200);
        assert_eq!(handed["user_id"], Value::Null);
        let shown = server.get("/key").bearer(&the(&handed["key"])).send().await.expect(200);
        let data = &shown["data"];
        assert_eq!(data["limit"], 25.0);
        assert_eq!((&data["limit_remaining"], &data["usage"]), (&json!(25.0), &json!(0.0)));
        assert_eq!(data["label"], "notes.example");
    }
}

#[tokio::test]
async fn what_a_key_spent_is_what_it_says_it_has_left() {
    let server = Server::start().await;
    let (parent, meter) = (server.a_key(json!({})).await, server.a_meter().await);
    let asked = json!({"limit": 2, "usage_limit_type": "daily", "key_label": "Notes", "expires_at": "2027-12-31T23:59:59.000Z"});
    let code = a_code(&server, &parent, asked).await;
    let text = the(&exchange(&server, &code, VERIFIER, "S256").await.expect(200)["key"]);
    let key = AKey { id: String::new(), text };
    server.charge(&meter, &key, "0.75", "USD").await.expect(200);
    let shown = server.get("/api/v1/key").bearer(&key.text).send().await.expect(200);
    let data = &shown["data"];
    assert_eq!(
        (&data["usage"], &data["usage_daily"], &data["limit_remaining"]),
        (&json!(0.75), &json!(0.75), &json!(1.25))
    );
    assert_eq!((&data["label"], &data["limit_reset"]), (&json!("Notes"), &json!("daily")));
    assert_eq!(data["limit_resets_at"], "2027-01-16T00:00:00.000Z");
    assert_eq!(data["expires_at"], "2027-12-31T23:59:59.000Z");
    assert_eq!(data["budgets"][0], data["effective_budget"]);
    assert_eq!(data["effective_budget"]["remaining_usd"], 1.25);
    let above = server.charge(&meter, &key, "1.26", "USD").await;
    assert_eq!(above.expect(402)["reason"], "budget_exhausted");
}

#[tokio::test]
async fn a_handed_out_key_narrows_and_dies_with_the_key_that_gave_it() {
    let server = Server::start().await;
    let parent =
        server.a_key(json!({"scopes": "read", "limit": {"amount": "1", "unit": "USD"}})).await;
    let code = a_code(&server, &parent, json!({})).await;
    let text = the(&exchange(&server, &code, VERIFIER, "S256").await.expect(200)["key"]);
    let checked =
        server.check(&text, json!({"cost": {"amount": "1", "unit": "USD"}})).await.expect(200);
    assert_eq!(checked["scopes"], "read");
    let above = server.check(&text, json!({"cost": {"amount": "2", "unit": "USD"}})).await;
    assert_eq!(above.status, 402);
    let token = server.an_administrator().await;
    server
        .ask("DELETE", &format!("/v1/keys/{}", parent.id))
        .bearer(&token)
        .send()
        .await
        .expect(200);
    assert_eq!(server.check(&text, json!({})).await.status, 401);
    server.refusals();
    // Its own codes are of no use either: handed-out keys have no children.
    let late = code_for_dead(&server, &text).await;
    assert_eq!(late.status, 401);
}

async fn code_for_dead(server: &Server, text: &str) -> Answer {
    code(server, text, json!({})).await
}

#[tokio::test]
async fn a_key_without_depth_gives_no_codes() {
    let server = Server::start().await;
    let parent = server.a_key(json!({"depth": 0})).await;
    let answer = code(&server, &parent.text, json!({})).await;
    refused(&answer, &server, 403, "the key may have no children", "the key may have no children");
}

#[tokio::test]
async fn a_person_gives_a_key_that_is_theirs() {
    let server = Server::start().await;
    let ada = server.a_person("ada@a.test").await;
    let session = server.a_session(&ada).await;
    let issued = code(&server, session.token.reveal(), json!({"limit": 3})).await.expect(200);
    let handed = exchange(&server, &the(&issued["data"]["id"]), VERIFIER, "S256").await.expect(200);
    assert_eq!(handed["user_id"], ada.id.to_string());
    let checked = server.check(&the(&handed["key"]), json!({})).await.expect(200);
    assert_eq!(checked["user"], ada.id.to_string());
    server.set_standing(&ada, keyhaven_store::organizations::Power::Disabled).await;
    assert_eq!(server.check(&the(&handed["key"]), json!({})).await.status, 401);
}

#[tokio::test]
async fn a_spent_code_is_403_whatever_else_is_wrong() {
    let server = Server::start().await;
    let parent = server.a_key(json!({})).await;
    let code = a_code(&server, &parent, json!({})).await;
    exchange(&server, &code, VERIFIER, "S256").await.expect(200);
    let message = "Invalid code or code_verifier";
    for (verifier, method) in [(VERIFIER, "S256"), ("wrong", "S256"), (VERIFIER, "plain")] {
        let answer = exchange(&server, &code, verifier, method).await;
        refused(&answer, &server, 403, message, "the code is spent");
    }
    let unknown = exchange(&server, "auth_code_5b21f7", VERIFIER, "S256").await;
    refused(&unknown, &server, 403, message, "the code is unknown");
}

#[tokio::test]
async fn misused_challenges_are_refused_and_leave_the_code() {
    let server = Server::start().await;
    let parent = server.a_key(json!({})).await;
    let code = a_code(&server, &parent, json!({})).await;
    let method = "Invalid code_challenge_method";
    refused(&exchange(&server, &code, VERIFIER, "plain").await, &server, 400, method, method);
    let wrong = "Invalid code or code_verifier";
    let answer = exchange(&server, &code, "another app's guess", "S256").await;
    refused(&answer, &server, 403, wrong, "the verifier does not fit the challenge");
    let without = server.post("/auth/keys").json(json!({"code": code})).await;
    refused(&without, &server, 403, wrong, "the verifier is missing");
    exchange(&server, &code, VERIFIER, "S256").await.expect(200);
}

#[tokio::test]
async fn five_wrong_verifiers_end_a_code() {
    let server = Server::start().await;
    let parent = server.a_key(json!({})).await;
    let code = a_code(&server, &parent, json!({})).await;
    for guess in 0..5 {
        assert_eq!(exchange(&server, &code, &format!("guess {guess}"), "S256").await.status, 403);
    }
    server.refusals();
    let reason = "the code saw too many wrong verifiers";
    let answer = exchange(&server, &code, VERIFIER, "S256").await;
    refused(&answer, &server, 403, "Invalid code or code_verifier", reason);
}

#[tokio::test]
async fn a_late_code_is_told_apart() {
    let server = Server::start().await;
    let parent = server.a_key(json!({})).await;
    let code = a_code(&server, &parent, json!({})).await;
    server.present.pass(600);
    let answer = exchange(&server, &code, VERIFIER, "S256").await;
    refused(&answer, &server, 403, "Authorization code expired", "the code expired");
}

#[tokio::test]
async fn an_exchange_ignores_a_credential_and_refuses_no_body() {
    let server = Server::start().await;
    let parent = server.a_key(json!({})).await;
    let code =
        a_code(&server, &parent, json!({"code_challenge": null, "code_challenge_method": null}))
            .await;
    let none = server.post("/auth/keys").raw("application/json", "").await;
    assert_eq!(none.expect(400)["error"]["code"], 400);
    let handed =
        server.post("/auth/keys").bearer("sk-or-v1-5e0a77c1").json(json!({"code": code})).await;
    assert_eq!(handed.status, 200, "{}", handed.text());
}

#[tokio::test]
async fn a_code_needs_a_key_or_a_session() {
    let server = Server::start().await;
    let body = json!({"callback_url": "https://notes.example/cb"});
    let nobody = server.post("/auth/keys/code").json(body.clone()).await;
    refused(
        &nobody,
        &server,
        401,
        "Missing Authentication header",
        "no bearer token in the request",
    );
    let unknown = server.post("/auth/keys/code").bearer("sk-or-v1-5e0a77c1").json(body).await;
    assert_eq!(unknown.expect(401)["error"]["code"], 401);
}

#[tokio::test]
async fn unsound_requests_are_400() {
    let server = Server::start().await;
    let parent = server.a_key(json!({})).await;
    for (members, message) in [
        (
            json!({"callback_url": "http://notes.example/cb"}),
            "callback_url is https, or http to localhost or 127.0.0.1",
        ),
        (
            json!({"callback_url": "javascript:alert(1)"}),
            "callback_url is https, or http to localhost or 127.0.0.1",
        ),
        (json!({"code_challenge_method": "S512"}), "Invalid code_challenge_method"),
        (json!({"limit": -1}), "limit: an amount is a plain decimal number, zero or more"),
        (json!({"limit": 1e300}), "limit: an amount is at most a thousand million"),
        (
            json!({"expires_at": "2027-12-31T23:59Z"}),
            "expires_at is a UTC time with seconds, ending in Z",
        ),
    ] {
        let answer = code(&server, &parent.text, members.clone()).await;
        refused(&answer, &server, 400, message, message);
    }
}

#[tokio::test]
async fn a_prefix_is_written_and_not_needed() {
    let server = Server::with(&[("hand_out_key_prefix", "sk-or-v1-")]).await;
    let parent = server.a_key(json!({})).await;
    let code = a_code(&server, &parent, json!({})).await;
    let text = the(&exchange(&server, &code, VERIFIER, "S256").await.expect(200)["key"]);
    let own = text.strip_prefix("sk-or-v1-").expect("the prefix");
    for text in [text.as_str(), own] {
        server.get("/key").bearer(text).send().await.expect(200);
    }
}

#[tokio::test]
async fn a49_a_key_is_taken_from_one_sound_bearer_header_only() {
    let server = Server::start().await;
    let key = server.a_key(json!({})).await.text;
    for value in [
        format!("Bearer  {key}"),
        format!("Bearer {key}, Bearer {key}"),
        format!("Bearer {key} x"),
        format!("Basic {key}"),
        key.clone(),
    ] {
        let answer = server.get("/key").header("authorization", &value).send().await;
        assert_eq!(answer.status, 401, "{value}");
    }
    let twice = server.get("/key").bearer(&key).bearer(&key).send().await;
    assert_eq!(twice.status, 400);
    for path in [format!("/key?api_key={key}"), format!("/key?access_token={key}")] {
        assert_eq!(server.get(&path).send().await.status, 401);
    }
}

#[tokio::test]
async fn what_nobody_answers_is_404_in_the_familys_shape() {
    let server = Server::start().await;
    for path in ["/api/v1/models", "/api/v1/auth/keys/code/x"] {
        let answer = server.get(path).send().await.expect(404);
        assert_eq!(answer, json!({"error": {"code": 404, "message": "Not Found"}}), "{path}");
    }
}
