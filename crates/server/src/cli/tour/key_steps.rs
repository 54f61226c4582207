//! The stops at the user-controlled keys: an app gets a key with a limit, and the limit holds.

use anyhow::Result;
use serde_json::{Value, json};

use super::guide::Guide;
use super::server::Visitor;
use super::steps::{CHECK, JSON, object, post, text};

const VERIFIER: &str = "h3Jt9PzWq0sLxRk2Yc7VbNf5Ae8UdGm1Ti4OoQp6Zw-";
const CHALLENGE: &str = "5BSxWuHm9vpsFuRpPXmF3J_IeTgFNKgj8RnNhhnWDqQ";

pub(super) async fn walk(guide: &mut Guide, visitor: &Visitor) -> Result<()> {
    let code = post_auth_keys_code(guide, visitor).await?;
    let key = post_auth_keys(guide, &code).await?;
    check_cost(guide, &key, "25.00", 200).await?;
    check_cost(guide, &key, "25.01", 402).await
}

async fn post_auth_keys_code(guide: &mut Guide, visitor: &Visitor) -> Result<String> {
    let body = json!({
        "callback_url": "https://notes.example/cb", "code_challenge": CHALLENGE,
        "code_challenge_method": "S256", "limit": 25,
    });
    let about = "a code for an app, with a limit";
    let path = "/api/v1/auth/keys/code";
    let mut plan = post("postAuthKeysCode", about, path, JSON, body.to_string());
    plan.headers.push(("authorization", format!("Bearer {}", visitor.key)));
    let sent = guide.send(plan, |exchange, answer| {
        exchange.expect(200, Some(JSON));
        exchange.check("data.id a text", answer["data"]["id"].is_string());
        exchange.check("data.app_id a number", answer["data"]["app_id"].is_i64());
        exchange.check("data.created_at a text", answer["data"]["created_at"].is_string());
    });
    text(&sent.await?, "/data/id")
}

async fn post_auth_keys(guide: &mut Guide, code: &str) -> Result<String> {
    let body =
        object(&[("code", code), ("code_verifier", VERIFIER), ("code_challenge_method", "S256")]);
    let about = "the code becomes a key";
    let plan = post("postAuthKeys", about, "/api/v1/auth/keys", JSON, body);
    let sent = guide.send(plan, |exchange, answer| {
        exchange.expect(200, Some(JSON));
        exchange.check("key a text", answer["key"].is_string());
        exchange.check("user_id is there", answer.get("user_id").is_some());
    });
    text(&sent.await?, "/key")
}

async fn check_cost(guide: &mut Guide, key: &str, amount: &str, status: u16) -> Result<()> {
    let need = json!({ "cost": { "amount": amount, "unit": "USD" } });
    let body = json!({ "credential": key, "need": need }).to_string();
    let about = if status == 200 { "a cost that fits its limit" } else { "one that does not" };
    let plan = post(CHECK, about, "/v1/check", JSON, body);
    let fits = status == 200;
    let media_type = if fits { JSON } else { "application/problem+json" };
    let look = |exchange: &mut super::exchange::Exchange, answer: &Value| {
        exchange.expect(status, Some(media_type));
        let reason = if fits { Value::Null } else { json!("budget_exhausted") };
        exchange.check("told why", answer["reason"] == reason);
    };
    guide.send(plan, look).await.map(drop)
}
