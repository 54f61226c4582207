//! Calls to an outside API through a connection: its token is added on the way and never shown.

use keyhaven_fake_provider::{Act, Endpoint};
use serde_json::json;

use crate::harness::{Place, REACHABLE, Server};

on_every_engine![a_call_goes_to_the_connection_s_own_api_with_its_token];

async fn a_call_goes_to_the_connection_s_own_api_with_its_token(place: Place) {
    let server = Server::on(&place, REACHABLE).await;
    let connector = server.a_connector().await;
    let connection = connector.connect(&server).await;
    let admin = connector.admin(&server).await;
    let path = format!("/v1/connections/{connection}/proxy/files/7?limit=2");
    let answer = server.get(&path).bearer(&admin).header("cookie", "a=b").send().await;
    let body = answer.expect(200);
    assert_eq!(body["sub"], "account-1", "{body}");
    assert_eq!(body["path"], "/api/files/7", "{body}");
    assert_eq!(answer.header("keyhaven-proxy"), "upstream");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.header("content-security-policy").contains("sandbox"));
    assert!(!answer.text().contains("fake-access-token"), "{}", answer.text());
    let path = "/v1/audit?action=connection.token_read";
    let read = server.get(path).bearer(&admin).send().await.expect(200);
    assert!(read["items"][0].to_string().contains("proxy"), "{read}");
}

#[tokio::test]
async fn a_token_that_the_api_refuses_is_replaced_once() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let connection = connector.connect(&server).await;
    let admin = connector.admin(&server).await;
    let path = format!("/v1/connections/{connection}/proxy/me");
    connector.fake.expire_access_tokens();
    server.get(&path).bearer(&admin).send().await.expect(200);
    assert_eq!(connector.fake.refreshes(), 1);
    connector.fake.expire_access_tokens();
    let refused = server.get(&path).bearer(&admin).send().await;
    assert_eq!(refused.status, 401, "once a minute, and the API's word is passed on");
    assert_eq!(refused.header("keyhaven-proxy"), "upstream");
    assert_eq!(connector.fake.refreshes(), 1);
}

#[tokio::test]
async fn our_own_refusals_say_that_they_are_ours() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let connection = connector.connect(&server).await;
    let admin = connector.admin(&server).await;
    let by = async |token: &str, rest: &str| {
        let path = format!("/v1/connections/{connection}/proxy{rest}");
        let answer = server.get(&path).bearer(token).send().await;
        assert!(answer.headers.get("keyhaven-proxy").is_none(), "{answer:?}");
        answer.status
    };
    for rest in ["/%2e%2e/token", "/a/..%2f..%2ftoken", "/../token"] {
        let asked = connector.fake.requests(Endpoint::Token);
        assert_eq!(by(&admin, rest).await, 400, "{rest}");
        assert_eq!(connector.fake.requests(Endpoint::Token), asked, "{rest}");
    }
    let south = server.an_organization("South", "south").await;
    let other = server.a_client().of(south).scopes("connection:token").build().await;
    let other = server.token(&other).await;
    assert_eq!(by(&other, "/me").await, 404, "a neighbour's connection");
    server.present.pass(3_600);
    let admin = connector.admin(&server).await;
    connector.fake.next(Endpoint::Token, Act::Html(500));
    assert_eq!(by(&admin, "/me").await, 503, "the provider gives no token now");
    connector.fake.end_all_grants();
    server.present.pass(60);
    let admin = connector.admin(&server).await;
    assert_eq!(by(&admin, "/me").await, 409, "its user is needed");
    let bearer = format!("Bearer {admin}");
    let path = format!("/v1/connections/{connection}/proxy/me");
    let big = server.post(&path).header("authorization", bearer);
    let big = big.raw("application/json", json!("x".repeat(70_000)).to_string()).await;
    assert_eq!(big.status, 413, "{}", big.text());
}
