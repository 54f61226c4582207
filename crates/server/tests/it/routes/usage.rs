//! `/v1/usage` and `/v1/budgets`: what use costs, at every level.

use serde_json::json;

use crate::harness::{AKey, Server, a_key::refused, the};

async fn a_key_with(server: &Server, amount: &str, unit: &str) -> AKey {
    server.a_key(json!({"limit": {"amount": amount, "unit": unit}})).await
}

#[tokio::test]
async fn a_charge_above_the_limit_is_402_and_takes_nothing() {
    let server = Server::start().await;
    let (key, meter) = (a_key_with(&server, "1.00", "USD").await, server.a_meter().await);
    let charged = server.charge(&meter, &key, "0.4000001", "USD").await;
    assert_eq!(charged.expect(400)["errors"][0]["pointer"], "/cost/amount");
    server.refusals();
    let charged = server.charge(&meter, &key, "0.400001", "USD").await.expect(200);
    assert_eq!(
        (&charged["budgets"][0]["left"], &charged["repeated"]),
        (&json!("0.599999"), &json!(false))
    );
    let above = server.charge(&meter, &key, "0.60", "USD").await;
    refused(&above, &server, 402, "budget_exhausted", "the cost does not fit a budget");
    server.charge(&meter, &key, "0.599999", "USD").await.expect(200);
}

#[tokio::test]
async fn a_cost_in_another_unit_is_refused() {
    let server = Server::start().await;
    let (key, meter) = (a_key_with(&server, "1.00", "USD").await, server.a_meter().await);
    for unit in ["EUR", "tokens"] {
        let answer = server.charge(&meter, &key, "1", unit).await;
        let reason = "the cost is in a unit the budgets do not count";
        refused(&answer, &server, 422, "unit_mismatch", reason);
    }
}

#[tokio::test]
async fn check_says_whether_a_cost_would_fit_and_charges_nothing() {
    let server = Server::start().await;
    let key = a_key_with(&server, "10", "tokens").await;
    let cost =
        |amount: &str| json!({"cost": {"amount": amount, "unit": "tokens"}, "scopes": "read"});
    for _ in 0..3 {
        let body = server.check(&key.text, cost("10")).await.expect(200);
        assert_eq!(body["budgets"][0]["left"], "10");
    }
    let above = server.check(&key.text, cost("11")).await;
    refused(&above, &server, 402, "budget_exhausted", "the cost does not fit a budget");
}

#[tokio::test]
async fn every_level_must_fit() {
    let server = Server::start().await;
    let (token, meter) = (server.an_administrator().await, server.a_meter().await);
    let limit = json!({"amount": "5", "unit": "tokens", "period": "daily"});
    let body = json!({"level": "organization", "limit": limit});
    let made = server.post("/v1/budgets").bearer(&token).json(body.clone()).await.expect(201);
    let taken = server.post("/v1/budgets").bearer(&token).json(body).await;
    assert_eq!(taken.status, 409);
    server.refusals();
    let (one, other) =
        (a_key_with(&server, "4", "tokens").await, a_key_with(&server, "4", "tokens").await);
    server.charge(&meter, &one, "4", "tokens").await.expect(200);
    let above = server.charge(&meter, &other, "2", "tokens").await;
    refused(&above, &server, 402, "budget_exhausted", "the cost does not fit a budget");
    server.charge(&meter, &other, "1", "tokens").await.expect(200);
    let path = format!("/v1/budgets/{}", the(&made["id"]));
    let raised = server.ask("PATCH", &path).bearer(&token).json(json!({"amount": "6"})).await;
    assert_eq!(raised.expect(200)["left"], "1");
    // The next day all is there again, at that level.
    server.present.pass(86_400);
    let meter = server.a_meter().await;
    server.charge(&meter, &other, "3", "tokens").await.expect(200);
}

#[tokio::test]
async fn a_reservation_is_committed_or_released_once() {
    let server = Server::start().await;
    let (key, meter) = (a_key_with(&server, "100", "tokens").await, server.a_meter().await);
    let reserve =
        json!({"credential": key.text, "cost": {"amount": "60", "unit": "tokens"}, "seconds": 30});
    let held = server.meter(&meter, "reserve", reserve.clone()).await.expect(200);
    let hold = the(&held["id"]);
    assert_eq!(held["budgets"][0]["held"], "60");
    refused(
        &server.meter(&meter, "reserve", reserve.clone()).await,
        &server,
        402,
        "budget_exhausted",
        "the cost does not fit a budget",
    );
    let commit = json!({"hold": hold, "actual": "101"});
    let above = server.meter(&meter, "commit", commit).await;
    refused(&above, &server, 402, "budget_exhausted", "the cost does not fit a budget");
    let commit = json!({"hold": hold, "actual": "25"});
    let done = server.meter(&meter, "commit", commit.clone()).await.expect(200);
    assert_eq!(done["budgets"][0]["left"], "75");
    assert_eq!(server.meter(&meter, "commit", commit).await.status, 404);
    let held = server.meter(&meter, "reserve", reserve.clone()).await.expect(200);
    server.meter(&meter, "release", json!({"hold": held["id"]})).await.expect(200);
    let held = server.meter(&meter, "reserve", reserve).await.expect(200);
    server.present.pass(30);
    assert_eq!(server.meter(&meter, "release", json!({"hold": held["id"]})).await.status, 404);
}

#[tokio::test]
async fn a_named_charge_happens_once() {
    let server = Server::start().await;
    let (key, meter) = (a_key_with(&server, "100", "tokens").await, server.a_meter().await);
    let charge = async |amount: &str| {
        let body = json!({"credential": key.text, "cost": {"amount": amount, "unit": "tokens"}});
        server
            .post("/v1/usage/charge")
            .bearer(&meter)
            .header("idempotency-key", "one")
            .json(body)
            .await
    };
    let first = charge("10").await.expect(200);
    let second = charge("10").await.expect(200);
    assert_eq!((&second["id"], &second["repeated"]), (&first["id"], &json!(true)));
    assert_eq!(charge("11").await.expect(409)["error"], "idempotency_key_reused");
    let left = server.check(&key.text, json!({"cost": {"amount": "90", "unit": "tokens"}})).await;
    assert_eq!(left.expect(200)["budgets"][0]["left"], "90");
}

#[tokio::test]
async fn what_takes_from_a_budget_needs_a_name() {
    let server = Server::start().await;
    let (key, meter) = (a_key_with(&server, "100", "tokens").await, server.a_meter().await);
    let cost = json!({"credential": key.text, "cost": {"amount": "1", "unit": "tokens"}});
    let held = server.meter(&meter, "reserve", cost.clone()).await.expect(200);
    let end = json!({"hold": held["id"], "actual": "1"});
    for (deed, body) in [("charge", &cost), ("reserve", &cost), ("commit", &end)] {
        let post = server.post(&format!("/v1/usage/{deed}")).bearer(&meter);
        let told = post.json(body.clone()).await.expect(400);
        assert_eq!(told["errors"][0]["parameter"], "Idempotency-Key", "{deed}: {told}");
    }
    // A name is visible, and one.
    for names in [&[""][..], &["a b"], &["é"], &[&"n".repeat(256)], &["one", "two"]] {
        let mut post = server.post("/v1/usage/charge").bearer(&meter);
        for name in names {
            post = post.header("idempotency-key", name);
        }
        assert_eq!(post.json(cost.clone()).await.status, 400, "{names:?}");
    }
    // What takes nothing needs none.
    let release = server.post("/v1/usage/release").bearer(&meter);
    let released = release.json(json!({"hold": held["id"]})).await.expect(200);
    assert_eq!(released["budgets"][0]["left"], "100", "and nothing was charged");
}

#[tokio::test]
async fn a_cost_that_is_no_amount_is_named_and_takes_nothing() {
    let server = Server::start().await;
    let (key, meter) = (a_key_with(&server, "100", "USD").await, server.a_meter().await);
    let (huge, longest) = ("9".repeat(40), "9".repeat(5_000));
    for amount in
        ["-1", "-0", "NaN", "Infinity", "1e3", "0x1", "1,5", "", " 1", "0.0000001", &huge, &longest]
    {
        let told = server.charge(&meter, &key, amount, "USD").await.expect(400);
        assert_eq!(told["errors"][0]["pointer"], "/cost/amount", "{amount}");
    }
    for cost in [json!({"amount": 1, "unit": "USD"}), json!({"amount": "1"}), json!(null)] {
        let body = json!({"credential": key.text, "cost": cost});
        assert_eq!(server.meter(&meter, "charge", body).await.status, 400, "{cost}");
    }
    let held = json!({"credential": key.text, "cost": {"amount": "10", "unit": "USD"}});
    let hold = the(&server.meter(&meter, "reserve", held).await.expect(200)["id"]);
    for actual in ["-1", "NaN", "0.0000001", &huge] {
        let body = json!({"hold": hold, "actual": actual});
        assert_eq!(server.meter(&meter, "commit", body).await.status, 400, "{actual}");
    }
    let need = json!({"cost": {"amount": "90", "unit": "USD"}});
    assert_eq!(server.check(&key.text, need).await.expect(200)["budgets"][0]["left"], "90.00");
}

#[tokio::test]
async fn only_an_api_of_the_tenant_may_charge() {
    let server = Server::start().await;
    let key = a_key_with(&server, "100", "tokens").await;
    let nobody = server.a_client().build().await;
    let token = server.token(&nobody).await;
    assert_eq!(server.charge(&token, &key, "1", "tokens").await.status, 403);
    assert_eq!(server.charge(&key.text, &key, "1", "tokens").await.status, 401);
    let mut other = server.beside().await;
    other.organization = server.an_organization("Other", "other").await;
    let stranger = other.a_meter().await;
    server.refusals();
    let reason = "the key belongs to another tenant than its caller";
    refused(
        &server.charge(&stranger, &key, "1", "tokens").await,
        &server,
        401,
        "invalid_token",
        reason,
    );
}

#[tokio::test]
async fn use_is_listed_by_day_and_key() {
    let server = Server::start().await;
    let (key, meter) = (a_key_with(&server, "100", "tokens").await, server.a_meter().await);
    for amount in ["3", "4"] {
        server.charge(&meter, &key, amount, "tokens").await.expect(200);
    }
    let token = server.an_administrator().await;
    let listed = server.get("/v1/usage").bearer(&token).send().await.expect(200);
    let expected = json!([{
        "key": key.id, "day": "2027-01-15", "unit": "tokens", "amount": "7", "charges": 2,
    }]);
    assert_eq!(listed["items"], expected);
    let none = server.get("/v1/usage?to=2027-01-14").bearer(&token).send().await.expect(200);
    assert_eq!(none["items"], json!([]));
    for query in ["from=x", "from=2027-1-1", "day=1", "from=2027-01-01&from=2027-01-01"] {
        let answer = server.get(&format!("/v1/usage?{query}")).bearer(&token).send().await;
        assert_eq!(answer.status, 400, "{query}");
    }
}
