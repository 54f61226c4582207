//! A49: bearer tokens where they do not belong, and headers that a lenient parser would repair
//! (RFC 6750 §2.1).

use serde_json::json;

use crate::harness::Server;

#[tokio::test]
async fn a_bearer_token_comes_in_one_header_in_one_form() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let body = json!({
        "grant_type": "client_credentials", "client_id": client.id, "client_secret": client.secret,
    });
    let created = server.post("/oauth/token").json_api(body).await.expect(201);
    let token = created["data"]["attributes"]["access_token"].as_str().expect("a token");
    let path = format!("/oauth/token/{}/groups", created["data"]["id"].as_str().expect("an id"));
    server.get(&path).bearer(token).send().await.expect(200);

    let form = "Bearer credentials are not one b64token";
    for (value, reason) in [
        (format!("Bearer  {token}"), form),
        (format!("Bearer {token}, Bearer {token}"), form),
        (format!("Bearer {token} "), form),
        (format!("Bearer \"{token}\""), form),
        (format!("Token {token}"), "Authorization scheme is not Bearer"),
        (token.to_owned(), "Authorization has no credentials"),
        (format!("Bearer\t{token}"), "Authorization has no credentials"),
    ] {
        let answer = server.get(&path).header("authorization", &value).send().await;
        answer.refused_json_api(&server, 401, "Unauthorized", reason);
    }

    let twice = server.get(&path).bearer(token).bearer(token).send().await;
    twice.refused_json_api(&server, 401, "Unauthorized", "two Authorization headers");
    let in_query = server.get(&format!("{path}?access_token={token}")).send().await;
    in_query.refused_json_api(&server, 401, "Unauthorized", "no bearer token in the request");
    let in_body = server.get(&path).form(&[("access_token", token)]).await;
    in_body.refused_json_api(&server, 401, "Unauthorized", "no bearer token in the request");
}
