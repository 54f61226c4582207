//! What an API gateway must tell apart when it charges or checks: 401, 402, 403 and 429, each with
//! a word for programs and the key's limits in standard headers.

use serde_json::{Value, json};

use crate::harness::{Answer, Server};

struct Gateway {
    server: Server,
    meter: String,
}

impl Gateway {
    async fn open() -> Self {
        let server = Server::start().await;
        let meter = server.a_meter().await;
        Self { server, meter }
    }

    /// The same use, charged and asked about.
    async fn both(&self, credential: &str, amount: &str, more: Value) -> [Answer; 2] {
        let cost = json!({"amount": amount, "unit": "tokens"});
        let mut charge = json!({"credential": credential, "cost": cost});
        let mut check = json!({"credential": credential, "need": {"cost": cost}});
        if let Some(scopes) = more.get("scopes") {
            charge["scopes"] = scopes.clone();
            check["need"]["scopes"] = scopes.clone();
        }
        if let Some(from) = more.get("from") {
            charge["from"] = from.clone();
            check["from"] = from.clone();
        }
        let charged = self.server.meter(&self.meter, "charge", charge).await;
        [charged, self.server.post("/v1/check").json(check).await]
    }
}

#[tokio::test]
async fn a_charge_and_a_check_tell_refusals_apart_alike() {
    let gateway = Gateway::open().await;
    let limit = json!({"amount": "5", "unit": "tokens"});
    let members = json!({"limit": limit, "scopes": "read", "addresses": ["192.0.2.0/24"]});
    let key = gateway.server.a_key(members).await;
    let near = json!({"from": {"address": "192.0.2.7"}});
    for answer in gateway.both(&key.text, "1", near.clone()).await {
        answer.expect(200);
    }
    let wide = json!({"scopes": "read write", "from": {"address": "192.0.2.7"}});
    let far = json!({"from": {"address": "198.51.100.1"}});
    let unknown = "kh_key_x".to_owned();
    for (credential, amount, more, status, word, reason) in [
        (&unknown, "1", &near, 401, "invalid_token", "not a key of ours"),
        (&key.text, "5", &near, 402, "budget_exhausted", "the cost does not fit a budget"),
        (&key.text, "1", &wide, 403, "insufficient_scope", "the token lacks a scope"),
        (&key.text, "1", &far, 403, "not_from_here", "the key may not be used from this address"),
    ] {
        gateway.server.refusals();
        for answer in gateway.both(credential, amount, more.clone()).await {
            assert_eq!(answer.expect(status)["reason"], word, "{reason}");
        }
        let told: Vec<_> = gateway.server.refusals().into_iter().map(|one| one.reason).collect();
        assert_eq!(told, [reason, reason]);
    }
}

#[tokio::test]
async fn a_rate_limit_that_is_used_up_is_429_with_its_headers_and_charges_nothing() {
    let gateway = Gateway::open().await;
    let limits = json!([{"name": "burst", "limit": 2, "window": 10}]);
    let limit = json!({"amount": "5", "unit": "tokens"});
    let key = gateway.server.a_key(json!({"rate_limits": limits, "limit": limit})).await;
    let charge = || async { gateway.server.charge(&gateway.meter, &key, "1", "tokens").await };
    let first = charge().await;
    assert_eq!(first.expect(200)["budgets"][0]["left"], "4");
    assert_eq!(first.header("ratelimit"), "\"burst\";r=1;t=5");
    assert_eq!(first.header("ratelimit-policy"), "\"burst\";q=2;w=10");
    charge().await.expect(200);
    let third = charge().await;
    assert_eq!(
        (third.expect(429)["reason"].clone(), third.header("retry-after")),
        (json!("rate_limited"), "5")
    );
    assert!(third.header("ratelimit").starts_with("\"burst\";r=0"));
    gateway.server.present.pass(10);
    assert_eq!(charge().await.expect(200)["budgets"][0]["left"], "2", "the refused one was free");
}
