//! A33: a refresh that asks for more than was granted.

use serde_json::json;

use crate::harness::Server;

#[tokio::test]
async fn a_refresh_may_not_ask_for_more_and_spends_nothing() {
    let server = Server::start().await;
    let client = server.a_client().scopes("read write admin").build().await;
    let body = json!({ "grant_type": "client_credentials", "scope": "read write" });
    let (_, token) = server.post("/oauth2/token").basic(&client).json(body).await.pair();

    let wider =
        [("grant_type", "refresh_token"), ("refresh_token", &token), ("scope", "read admin")];
    let refused = server.post("/oauth2/token").basic(&client).form(&wider).await;
    refused.refused(&server, 400, "invalid_scope", "scope is wider than allowed");

    let narrower = [("grant_type", "refresh_token"), ("refresh_token", &token), ("scope", "read")];
    let answer = server.post("/oauth2/token").basic(&client).form(&narrower).await;
    assert_eq!(answer.expect(200)["scope"], "read");
}

#[tokio::test]
async fn a_scope_taken_from_the_client_is_gone_after_the_next_refresh() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let (_, token) = server.tokens(&client).await;
    client
        .alter(&server, |record| {
            record.client.scopes = keyhaven_protocol::scope::Scopes::parse("read").expect("sound");
        })
        .await;
    let answer = server.refresh(&client, &token).await;
    assert_eq!(answer.expect(200)["scope"], "read");
}
