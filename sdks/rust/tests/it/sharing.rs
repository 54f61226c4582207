//! One request for whoever asks the same as the same client at the same time, and none for others.

use std::sync::Arc;

use keyhaven_sdk::tokens::{JwtBearer, TokenExchange, TokenSource};
use keyhaven_sdk::{ClientCredentials, RefreshToken};
use serde_json::json;
use tokio::task::JoinSet;

use crate::faults::{Faults, Told, token};

async fn slow(faults: &Faults, milliseconds: u32) -> Told {
    let mut answer = token("t");
    answer["delayMs"] = json!(milliseconds);
    faults.tell("t", &json!([answer])).await
}

async fn ask(sources: &[Arc<dyn TokenSource>], calls: usize) {
    let mut asked = JoinSet::new();
    for call in 0..calls {
        let source = Arc::clone(&sources[call % sources.len()]);
        asked.spawn(async move { source.token().await });
    }
    for answer in asked.join_all().await {
        assert_eq!(answer.unwrap().access_token.reveal(), "t");
    }
}

#[tokio::test]
async fn a_thousand_calls_of_several_sources_are_one_request() {
    let faults = Faults::start();
    let told = slow(&faults, 1_500).await;
    let client = |scope| ClientCredentials::new(&told.url, "id", "secret").scope(scope).build();
    ask(&[client("a b"), client("b a"), client("a b"), client("b a")], 1_000).await;
    assert_eq!(told.came().await.len(), 1);
}

#[tokio::test]
async fn two_sources_of_one_refresh_token_spend_it_once() {
    let faults = Faults::start();
    let told = slow(&faults, 1_500).await;
    let client = || ClientCredentials::new(&told.url, "id", "secret").ours(false);
    ask(&[RefreshToken::new(client(), "r").build(), RefreshToken::new(client(), "r").build()], 100)
        .await;
    assert_eq!(told.came().await.len(), 1);
}

#[tokio::test]
async fn sources_of_other_clients_scopes_and_subjects_share_nothing() {
    let faults = Faults::start();
    let told = slow(&faults, 300).await;
    let client = || ClientCredentials::new(&told.url, "id", "secret").ours(false);
    let exchange = |subject: &str| TokenExchange::new(client(), subject).build().unwrap();
    let sources = [
        client().build(),
        ClientCredentials::new(&told.url, "id", "wrong").build(),
        ClientCredentials::new(&told.url, "other", "secret").build(),
        client().resource("https://api.example").build(),
        client().scope("a").build(),
        exchange("ada"),
        exchange("bob"),
        JwtBearer::new(client(), "a").build().unwrap(),
    ];
    ask(&sources, sources.len()).await;
    assert_eq!(told.came().await.len(), sources.len());
}
