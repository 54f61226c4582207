//! Token sources, ending calls early, and what never prints.

use std::sync::Arc;
use std::time::{Duration, Instant};

use keyhaven_sdk::{Client, ClientCredentials, Kind, RefreshToken, Secret, Security};
use serde_json::{Value, json};

use crate::faults::Faults;

fn token(name: &str) -> Value {
    json!({"status": 200, "body": {"access_token": name, "expires_in": 600}})
}

fn dead() -> Value {
    json!({"status": 401, "headers": {"content-type": "application/problem+json"},
        "body": {"title": "no", "status": 401, "detail": "dead"}})
}

fn page() -> Value {
    json!({"status": 200, "body": {"items": []}})
}

#[tokio::test]
async fn a_thousand_calls_at_once_are_one_token_request() {
    let faults = Faults::start();
    let mut slow = token("t");
    slow["delayMs"] = json!(50);
    let told = faults.tell("t", &json!([slow])).await;
    let source = ClientCredentials::new(&told.url, "id", "secret").build();
    let calls: Vec<_> = (0..1000)
        .map(|_| {
            let source = Arc::clone(&source);
            tokio::spawn(async move { source.token().await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().access_token.reveal(), "t");
    }
    assert_eq!(told.came().await.len(), 1);
}

#[tokio::test]
async fn a_401_is_renewed_once_and_a_late_one_leaves_the_new_token() {
    let faults = Faults::start();
    let tokens = faults.tell("t", &json!([token("a"), token("b"), token("c")])).await;
    let source = ClientCredentials::new(&tokens.url, "id", "secret").build();
    let api = faults.tell("api", &json!([dead(), page(), dead()])).await;
    let builder = Client::builder().server_url(&api.url).token_source(Arc::clone(&source));
    let client = builder.build().unwrap();
    let old = source.token().await.unwrap();
    let page = client.signing_keys().list_signing_keys().send().await.unwrap();
    assert_eq!(page.meta().attempts, 2);
    assert_eq!(api.came().await[1]["headers"]["authorization"], "Bearer b");
    source.invalidate(&old);
    assert_eq!(source.token().await.unwrap().access_token.reveal(), "b");
    let error = client.signing_keys().list_signing_keys().send().await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (Kind::Unauthorized, 2));
    assert_eq!(tokens.came().await.len(), 3);
}

#[tokio::test]
async fn invalid_grant_asks_for_a_new_sign_in() {
    let faults = Faults::start();
    let refused = json!([{"status": 400, "body": {"error": "invalid_grant"}}]);
    let told = faults.tell("t", &refused).await;
    let client = ClientCredentials::new(&told.url, "id", "secret");
    let source = RefreshToken::new(client, "r1").build();
    let error = source.token().await.unwrap_err();
    assert_eq!(error.kind(), Kind::ReauthenticationRequired);
    assert_eq!(error.oauth().unwrap().error, "invalid_grant");
    assert!(source.token().await.is_err());
    assert_eq!(told.came().await.len(), 1, "a failure is remembered for a moment");
}

#[tokio::test]
async fn dropping_the_future_ends_the_call_at_once() {
    let faults = Faults::start();
    let mut slow = page();
    slow["delayMs"] = json!(3000);
    let told = faults.tell("slow", &json!([slow])).await;
    let security = Security::bearer("x");
    let client = Client::builder().server_url(&told.url).security(security).build().unwrap();
    let started = Instant::now();
    let limit = Duration::from_millis(100);
    let call = client.signing_keys().list_signing_keys().send();
    assert!(tokio::time::timeout(limit, call).await.is_err());
    assert!(started.elapsed() < limit + Duration::from_millis(50));
}

#[test]
fn a_blocking_call_gives_the_same() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let faults = Faults::start();
    let told = runtime.block_on(faults.tell("b", &json!([page()])));
    let security = Security::bearer("x");
    let client = Client::builder().server_url(&told.url).security(security).build().unwrap();
    let page = client.signing_keys().list_signing_keys().send_blocking().unwrap();
    assert!(page.items.is_empty());
}

#[test]
fn no_secret_prints() {
    let secret = Secret::from("SECRET");
    let credentials = ClientCredentials::new("http://x.example", "id", "SECRET");
    let security = Security::basic("id", "SECRET").and("session", "SECRET");
    let printed = format!("{secret} {secret:?} {credentials:?} {security:?}");
    assert!(!printed.contains("SECRET"), "{printed}");
}
