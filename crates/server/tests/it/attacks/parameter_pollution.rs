//! A05, the token endpoint's half: a parameter twice is a refusal, whichever of the two a server in
//! front of us would have read.

use crate::harness::Server;

#[tokio::test]
async fn a_parameter_sent_twice_is_refused() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    for name in ["grant_type", "scope", "client_id", "refresh_token", "resource", "anything"] {
        let form = [("grant_type", "client_credentials"), (name, "a"), (name, "b")];
        let form = if name == "grant_type" { &form[..2] } else { &form[..] };
        let answer = server.post("/oauth2/token").basic(&client).form(form).await;
        let reason = format!("parameter sent twice: {name}");
        answer.refused(&server, 400, "invalid_request", &reason);
    }
}

#[tokio::test]
async fn a_repetition_is_one_even_when_empty_or_spelt_otherwise() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    for body in [
        "grant_type=client_credentials&scope=&scope=read",
        "grant_type=client_credentials&scope=read&scope",
        "grant_type=client_credentials&scope=read&%73cope=read",
    ] {
        let request = server.post("/oauth2/token").basic(&client);
        let answer = request.raw("application/x-www-form-urlencoded", body).await;
        answer.refused(&server, 400, "invalid_request", "parameter sent twice: scope");
    }
}

#[tokio::test]
async fn revocation_and_introspection_refuse_it_too() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    for path in ["/oauth2/revoke", "/oauth2/introspect"] {
        let answer = server.post(path).basic(&client).form(&[("token", "a"), ("token", "b")]).await;
        answer.refused(&server, 400, "invalid_request", "parameter sent twice: token");
    }
}

#[tokio::test]
async fn include_twice_is_a_bad_parameter_of_the_json_api_family() {
    let server = Server::start().await;
    let request = server.post("/pub/oauth/token?include=groups&include=organization");
    let answer = request.json_api(serde_json::json!({})).await;
    let reason = "parameter sent twice: include";
    answer.refused_json_api(&server, 409, "InvalidParameter", reason);
}
