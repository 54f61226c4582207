//! Grants that work once: repeated where the server gives the same answer again, and nowhere else.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use keyhaven_sdk::tokens::{ClientCredentials, DeviceCode, JwtBearer, RefreshToken, TokenSource};
use keyhaven_sdk::{Error, Kind};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::faults::{Faults, Told, token};

type Made = fn(ClientCredentials) -> Arc<dyn TokenSource>;

/// Lets the server of a case say of itself what the case says it does.
async fn describe(told: &Told, kind: &str) {
    if kind == "undescribed" {
        return;
    }
    let mut body =
        json!({"issuer": told.url, "token_endpoint": format!("{}/oauth2/token", told.url)});
    if kind != "foreign" {
        body["keyhaven_idempotent_tokens"] = true.into();
    }
    if kind == "impostor" {
        body["issuer"] = "https://elsewhere.example".into();
    }
    told.describe(&body).await;
}

async fn keys(told: &Told) -> Vec<Option<String>> {
    let key = |request: &Value| request["headers"]["idempotency-key"].as_str().map(str::to_owned);
    told.came().await.iter().map(key).collect()
}

fn class(error: &Error) -> &'static str {
    match error.kind() {
        Kind::OAuth => "OAuthError",
        Kind::Connection => "ConnectionError",
        _ => "another",
    }
}

async fn check(faults: Arc<Faults>, name: String, case: Value, made: Made) {
    let told = faults.tell(&name, &case["responses"]).await;
    describe(&told, case["server"].as_str().unwrap()).await;
    let mut last = None;
    for call in 0..case["calls"].as_u64().unwrap_or(1) {
        if call > 0 {
            tokio::time::sleep(Duration::from_millis(1_100)).await;
        }
        let client = ClientCredentials::new(&told.url, "c", "");
        last = Some(made(client).token().await);
    }
    let (expect, title) = (&case["expect"], &case["name"]);
    match last.unwrap() {
        Ok(token) => assert_eq!(token.access_token.reveal(), expect["token"], "{title}"),
        Err(error) if expect["error"] == "any" => drop(error),
        Err(error) => assert_eq!(class(&error), expect["error"], "{title}: {error}"),
    }
    let keys = keys(&told).await;
    assert_eq!(keys.len() as u64, expect["count"].as_u64().unwrap(), "{title}");
    for key in &keys {
        assert_eq!((key, key.is_some()), (&keys[0], expect["keyed"] == true), "{title}");
    }
}

#[tokio::test]
async fn grants_that_work_once_are_repeated_at_our_servers_only() {
    let text = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../wire/tokens.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_slice(&text).unwrap();
    let faults = Arc::new(Faults::start());
    let grants: [(&str, Made); 2] = [
        ("refresh", |client| RefreshToken::new(client, "r1").build()),
        ("assertion", |client| JwtBearer::new(client, "a").build().unwrap()),
    ];
    let mut checks = JoinSet::new();
    for (grant, made) in grants {
        for (number, case) in cases.iter().enumerate() {
            checks.spawn(check(faults.clone(), format!("{grant}{number}"), case.clone(), made));
        }
    }
    assert_eq!(checks.join_all().await.len(), 2 * cases.len());
}

#[tokio::test]
async fn each_poll_of_a_device_is_a_request_of_its_own() {
    let faults = Faults::start();
    let begun = json!({
        "device_code": "d", "user_code": "A", "verification_uri": "https://x.example",
        "expires_in": 60, "interval": 0.01,
    });
    let pending = json!({"status": 400, "body": {"error": "authorization_pending"}});
    let answers = json!([
        {"status": 200, "body": begun}, pending, {"resetAfter": "request"}, token("t"),
    ]);
    let told = faults.tell("device", &answers).await;
    describe(&told, "ours").await;
    let client = ClientCredentials::new(&told.url, "c", "");
    let token = DeviceCode::new(client).sign_in(|_| {}).await.unwrap();
    assert_eq!(token.access_token.reveal(), "t");
    let keys = keys(&told).await;
    assert_eq!(keys.len(), 4);
    assert!(keys[0].is_none() && keys[1] != keys[2] && keys[2] == keys[3], "{keys:?}");
}

#[tokio::test]
async fn keys_grow_with_time() {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let faults = Faults::start();
    let told = faults.tell("keys", &json!([token("t")])).await;
    let client = ClientCredentials::new(&told.url, "c", "").ours(true);
    let began = now();
    RefreshToken::new(client, "r1").build().token().await.unwrap();
    let key = keys(&told).await.remove(0).unwrap();
    let parts: Vec<_> = key.split('-').collect();
    assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    assert!(parts[2].starts_with('7') && "89ab".contains(&parts[3][..1]), "{key}");
    let at = u128::from_str_radix(&format!("{}{}", parts[0], parts[1]), 16).unwrap();
    assert!((began..=now()).contains(&at), "{key}");
}
