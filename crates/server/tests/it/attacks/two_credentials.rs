//! A36: two client credentials in one request.

use serde_json::json;

use crate::harness::Server;

#[tokio::test]
async fn basic_and_a_secret_in_the_form_are_one_too_many_even_when_they_agree() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let form = [("grant_type", "client_credentials"), ("client_secret", &client.secret)];
    let answer = server.post("/oauth2/token").basic(&client).form(&form).await;
    let reason = "two client credentials in one request";
    answer.refused(&server, 400, "invalid_request", reason);
}

#[tokio::test]
async fn basic_and_an_assertion_are_one_too_many() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", "a.b.c"),
    ];
    let answer = server.post("/oauth2/token").basic(&client).form(&form).await;
    let reason = "two client credentials in one request";
    answer.refused(&server, 400, "invalid_request", reason);
}

#[tokio::test]
async fn two_authorization_headers_are_one_too_many() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let request = server.post("/oauth2/token").basic(&client).basic(&client);
    let answer = request.form(&[("grant_type", "client_credentials")]).await;
    answer.refused(&server, 400, "invalid_request", "two Authorization headers");
}

#[tokio::test]
async fn a_client_id_in_the_body_must_be_the_basic_user() {
    let server = Server::start().await;
    let (client, other) = (server.a_client().build().await, server.a_client().build().await);
    let form = [("grant_type", "client_credentials"), ("client_id", &other.id)];
    let answer = server.post("/oauth2/token").basic(&client).form(&form).await;
    let reason = "client_id differs from the Basic user name";
    answer.refused(&server, 400, "invalid_request", reason);
}

#[tokio::test]
async fn in_json_both_may_be_filled_if_they_agree_and_an_empty_basic_pair_is_absent() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let body = |secret: &str| {
        json!({
            "grant_type": "client_credentials", "scope": "read",
            "client_id": client.id, "client_secret": secret,
        })
    };
    let both = server.post("/oauth2/token").basic(&client).json(body(&client.secret)).await;
    both.pair();
    let empty = server.post("/oauth2/token").header("authorization", "Basic Og==");
    empty.json(body(&client.secret)).await.pair();

    let differ = server.post("/oauth2/token").basic(&client).json(body("kh_secret_x")).await;
    let reason = "two client credentials in one request";
    differ.refused(&server, 400, "invalid_request", reason);
}
