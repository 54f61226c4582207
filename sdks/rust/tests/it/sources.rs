//! Token sources, ending calls early, and what never prints.

use std::sync::Arc;
use std::time::{Duration, Instant};

use keyhaven_sdk::{Client, ClientCredentials, Kind, RefreshToken, Secret, Security};
use serde_json::{Value, json};

use crate::faults::{Faults, token};

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

/// How long it takes to drop a call that waits: the best of five, because the machine may be busy.
async fn dropping(client: &Client) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let mut call = Box::pin(client.signing_keys().list_signing_keys().send());
        let waits = tokio::time::timeout(Duration::from_millis(100), &mut call).await;
        assert!(waits.is_err(), "{waits:?}");
        let at = Instant::now();
        drop(call);
        best = best.min(at.elapsed());
    }
    best
}

#[tokio::test]
async fn dropping_the_future_ends_the_call_within_50_ms_wherever_it_waits() {
    let faults = Faults::start();
    let mut slow = page();
    slow["delayMs"] = json!(20_000);
    let busy = json!({"status": 503, "headers": {"retry-after": "30"}});
    let bearer = Security::bearer("x");
    for (name, answer) in [("flight", slow), ("backoff", busy)] {
        let told = faults.tell(name, &json!([answer])).await;
        let builder = Client::builder().server_url(&told.url).security(bearer.clone());
        let took = dropping(&builder.build().unwrap()).await;
        assert!(took < Duration::from_millis(50), "{name}: {took:?}");
    }
    let mut late = token("t");
    late["delayMs"] = json!(20_000);
    let told = faults.tell("late", &json!([late])).await;
    let source = ClientCredentials::new(&told.url, "id", "secret").build();
    let client = Client::builder().server_url(&told.url).token_source(source).build().unwrap();
    let took = dropping(&client).await;
    assert!(took < Duration::from_millis(50), "token wait: {took:?}");
}

#[tokio::test]
async fn pages_are_one_sequence() {
    let faults = Faults::start();
    let of = |slug: &str, next: Option<&str>| {
        let item = json!({"id": "1", "slug": slug, "name": "x", "created_at": 1});
        json!({"status": 200, "body": {"items": [item], "next": next}})
    };
    let told = faults.tell("pages", &json!([of("a", Some("c2")), of("b", None)])).await;
    let security = Security::bearer("x");
    let client = Client::builder().server_url(&told.url).security(security).build().unwrap();
    let mut all = client.organizations().list_organizations().limit(1).items();
    let mut slugs = Vec::new();
    while let Some(organization) = all.next().await {
        slugs.push(organization.unwrap().slug);
    }
    assert_eq!(slugs, ["a", "b"]);
    let came = told.came().await;
    assert!(came[1]["path"].as_str().unwrap().contains("cursor=c2"), "{came:?}");
    assert_eq!(came.len(), 2);
}

#[test]
fn null_removes_a_member_of_a_change_and_absence_keeps_it() {
    use keyhaven_sdk::models::UpdateGroup;
    let clearing = UpdateGroup { bio: Some(None), ..UpdateGroup::default() };
    assert_eq!(serde_json::to_value(&clearing).unwrap(), json!({"bio": null}));
    assert_eq!(serde_json::to_value(UpdateGroup::default()).unwrap(), json!({}));
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
