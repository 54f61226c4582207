//! `/v1/keys`: keys from creation to deletion, and what a check says of them.

use serde_json::json;

use crate::harness::{Server, a_key::refused, the};

#[tokio::test]
async fn a_key_is_checked_as_what_it_is() {
    let server = Server::start().await;
    let key =
        server.a_key(json!({"label": "Laptop", "expires_at": server.present.now() + 60})).await;
    let body = server.check(&key.text, json!({"scopes": "read"})).await.expect(200);
    let now = server.present.now();
    let organization = server.organization.to_string();
    let expected = json!({
        "active": true, "kind": "key", "format": "opaque", "id": key.id, "label": "Laptop",
        "subject": organization, "organization": organization, "scopes": "read write",
        "issued_at": now, "expires_at": now + 60, "grant": key.id,
    });
    assert_eq!(body, expected);
    let narrow = server.check(&key.text, json!({"scopes": "admin"})).await;
    refused(&narrow, &server, 403, "insufficient_scope", "the token lacks a scope");
    server.present.pass(60);
    let late = server.check(&key.text, json!({})).await;
    refused(&late, &server, 401, "invalid_token", "the key expired");
}

#[tokio::test]
async fn a_disabled_key_is_refused_at_once_until_it_is_enabled() {
    let server = Server::start().await;
    let (key, token) = (server.a_key(json!({})).await, server.an_administrator().await);
    let path = format!("/v1/keys/{}", key.id);
    server.check(&key.text, json!({})).await.expect(200);
    let set = async |disabled: bool| {
        let body = json!({"disabled": disabled});
        server.ask("PATCH", &path).bearer(&token).json(body).await.expect(200)
    };
    assert!(set(true).await["disabled_at"].is_i64());
    refused(
        &server.check(&key.text, json!({})).await,
        &server,
        401,
        "invalid_token",
        "the key is disabled",
    );
    assert!(set(false).await.get("disabled_at").is_none());
    server.check(&key.text, json!({})).await.expect(200);
}

#[tokio::test]
async fn a_deleted_key_takes_its_children_along() {
    let server = Server::start().await;
    let (key, token) = (server.a_key(json!({})).await, server.an_administrator().await);
    let child = server.a_key(json!({"parent": key.id})).await;
    server.check(&child.text, json!({"scopes": "read"})).await.expect(200);
    let receipt = server.ask("DELETE", &format!("/v1/keys/{}", key.id)).bearer(&token).send().await;
    assert!(receipt.expect(200)["effective_by"].is_i64());
    let reason = "the key or a grant above it was revoked";
    for text in [&key.text, &child.text] {
        refused(&server.check(text, json!({})).await, &server, 401, "invalid_token", reason);
    }
    let again = server.ask("DELETE", &format!("/v1/keys/{}", key.id)).bearer(&token).send().await;
    assert_eq!(again.status, 404);
}

#[tokio::test]
async fn a_rotated_key_answers_to_both_texts_for_the_overlap() {
    let server = Server::start().await;
    let (key, token) = (server.a_key(json!({})).await, server.an_administrator().await);
    let path = format!("/v1/keys/{}/rotate", key.id);
    let rotated = server.post(&path).bearer(&token).json(json!({"overlap_seconds": 3_600})).await;
    let rotated = rotated.expect(200);
    let text = the(&rotated["secret"]);
    assert_eq!(rotated["id"], key.id);
    server.check(&key.text, json!({})).await.expect(200);
    server.check(&text, json!({})).await.expect(200);
    server.present.pass(3_600);
    refused(
        &server.check(&key.text, json!({})).await,
        &server,
        401,
        "invalid_token",
        "the key is unknown",
    );
    server.check(&text, json!({})).await.expect(200);
}

#[tokio::test]
async fn a_rate_limit_is_429_and_told_in_headers() {
    let server = Server::start().await;
    let limits = json!([{"name": "burst", "limit": 2, "window": 10}, {"name": "day", "limit": 9, "window": 86_400}]);
    let key = server.a_key(json!({"rate_limits": limits})).await;
    let first = server.check(&key.text, json!({})).await;
    assert_eq!(first.expect(200)["rate_limits"][0]["remaining"], 1);
    assert_eq!(first.header("ratelimit"), "\"burst\";r=1;t=5, \"day\";r=8;t=9600");
    assert_eq!(first.header("ratelimit-policy"), "\"burst\";q=2;w=10, \"day\";q=9;w=86400");
    server.check(&key.text, json!({})).await.expect(200);
    let third = server.check(&key.text, json!({})).await;
    refused(&third, &server, 429, "rate_limited", "a rate limit of the key is used up");
    assert_eq!(third.header("retry-after"), "5");
    assert!(third.header("ratelimit").starts_with("\"burst\";r=0"));
    server.present.pass(5);
    server.check(&key.text, json!({})).await.expect(200);
}

#[tokio::test]
async fn a_child_counts_against_the_rate_limit_of_its_parent() {
    let server = Server::start().await;
    let parent =
        server.a_key(json!({"rate_limits": [{"name": "all", "limit": 2, "window": 60}]})).await;
    let child = server.a_key(json!({"parent": parent.id})).await;
    server.check(&child.text, json!({})).await.expect(200);
    server.check(&parent.text, json!({})).await.expect(200);
    let third = server.check(&child.text, json!({})).await;
    refused(&third, &server, 429, "rate_limited", "a rate limit of the key is used up");
}

#[tokio::test]
async fn a_key_says_where_it_may_be_used_from() {
    let server = Server::start().await;
    let key =
        server.a_key(json!({"origins": ["https://a.test"], "addresses": ["192.0.2.0/24"]})).await;
    let check = async |from| {
        server.post("/v1/check").json(json!({"credential": key.text, "from": from})).await
    };
    check(json!({"origin": "https://a.test", "address": "192.0.2.9"})).await.expect(200);
    let reason = "the key may not be used by this origin";
    for from in [json!({}), json!({"origin": "https://b.test", "address": "192.0.2.9"})] {
        refused(&check(from).await, &server, 403, "not_from_here", reason);
    }
    let elsewhere = check(json!({"origin": "https://a.test", "address": "198.51.100.1"})).await;
    refused(&elsewhere, &server, 403, "not_from_here", "the key may not be used from this address");
}

#[tokio::test]
async fn a71_a_key_for_somebody_else_is_refused() {
    let server = Server::start().await;
    let token = server.an_administrator().await;
    let stranger = server.a_stranger("eve@a.test").await;
    let create = async |body| server.post("/v1/keys").bearer(&token).json(body).await;
    let elsewhere =
        create(json!({"label": "x", "owner": stranger.id.to_string()})).await.expect(400);
    assert_eq!(elsewhere["errors"][0]["pointer"], "/owner");
    let reserved = create(json!({"label": "x", "scopes": "keyhaven:admin"})).await.expect(400);
    assert_eq!(reserved["errors"][0]["detail"], "a key does not open Keyhaven itself");
    let other = server.an_organization("Other", "other").await;
    let foreign = create(json!({"label": "x", "organization": other.to_string()})).await;
    assert_eq!(foreign.expect(400)["errors"][0]["pointer"], "/organization");
    let key = server.a_key(json!({"scopes": "read"})).await;
    let wider = create(json!({"label": "x", "parent": key.id, "scopes": "read write"})).await;
    assert_eq!(wider.expect(400)["errors"][0]["pointer"], "/scopes");
}

#[tokio::test]
async fn a69_keys_and_budgets_of_another_tenant_are_not_there() {
    let server = Server::start().await;
    let limit = json!({"amount": "1", "unit": "USD"});
    let key = server.a_key(json!({"limit": limit})).await;
    let token = server.an_administrator().await;
    let budgets = server.get("/v1/budgets").bearer(&token).send().await.expect(200);
    let budget = the(&budgets["items"][0]["id"]);
    let mut other = server.beside().await;
    other.organization = server.an_organization("Other", "other").await;
    let stranger = other.an_administrator().await;
    for (method, path) in [
        ("GET", format!("/v1/keys/{}", key.id)),
        ("DELETE", format!("/v1/keys/{}", key.id)),
        ("GET", format!("/v1/keys?parent={}", key.id)),
        ("GET", format!("/v1/budgets/{budget}")),
        ("DELETE", format!("/v1/budgets/{budget}")),
        ("GET", format!("/v1/usage?key={}", key.id)),
    ] {
        let answer = server.ask(method, &path).bearer(&stranger).send().await;
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text());
    }
    let rotate = format!("/v1/keys/{}/rotate", key.id);
    assert_eq!(server.post(&rotate).bearer(&stranger).json(json!({})).await.status, 404);
    let listed = server.get("/v1/keys").bearer(&stranger).send().await.expect(200);
    assert_eq!(listed["items"], json!([]));
}

#[tokio::test]
async fn a_key_does_not_administer() {
    let server = Server::start().await;
    let key = server.a_key(json!({})).await;
    assert_eq!(server.get("/v1/keys").bearer(&key.text).send().await.status, 401);
    assert_eq!(server.refusal().reason, "the token is for another audience");
}

#[tokio::test]
async fn unsound_members_are_named() {
    let server = Server::start().await;
    let token = server.an_administrator().await;
    for (members, pointer) in [
        (json!({"label": ""}), "/label"),
        (json!({"scopes": "a  b"}), "/scopes"),
        (json!({"expires_at": 1}), "/expires_at"),
        (json!({"origins": ["a.test"]}), "/origins"),
        (json!({"addresses": ["x"]}), "/addresses"),
        (json!({"rate_limits": [{"name": "x", "limit": 0, "window": 1}]}), "/rate_limits"),
        (json!({"depth": 9}), "/depth"),
        (json!({"limit": {"amount": "-1", "unit": "USD"}}), "/limit/amount"),
        (json!({"limit": {"amount": "NaN", "unit": "USD"}}), "/limit/amount"),
        (json!({"limit": {"amount": "1.001", "unit": "USD"}}), "/limit/amount"),
        (json!({"limit": {"amount": "1", "unit": "usd!"}}), "/limit/unit"),
        (json!({"limit": {"amount": "1", "unit": "USD", "period": "yearly"}}), "/limit/period"),
    ] {
        let mut body = json!({"label": "x"});
        for (name, value) in members.as_object().expect("members") {
            body[name] = value.clone();
        }
        let answer = server.post("/v1/keys").bearer(&token).json(body).await.expect(400);
        assert_eq!(answer["errors"][0]["pointer"], pointer, "{answer}");
    }
}
