//! A41: grant types that do not exist, are misspelt, or are not the client's.

use serde_json::json;

use crate::harness::Server;

#[tokio::test]
async fn unknown_grant_types_are_unsupported_whoever_asks() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    for name in ["password", "implicit", "CLIENT_CREDENTIALS", "client_credentials "] {
        let form = [("grant_type", name), ("username", "u"), ("password", "p")];
        let answer = server.post("/oauth2/token").basic(&client).form(&form).await;
        answer.refused(&server, 400, "unsupported_grant_type", "no such grant type");
        let body =
            json!({ "grant_type": name, "client_id": client.id, "client_secret": client.secret });
        let answer = server.post("/oauth2/token").json(body.clone()).await;
        answer.refused(&server, 400, "unsupported_grant_type", "no such grant type");
        let answer = server.post("/oauth/token").json_api(body).await;
        answer.refused_json_api(&server, 409, "InvalidGrantType", "no such grant type");
    }
}

#[tokio::test]
async fn a_grant_type_the_client_does_not_list_is_not_its_own() {
    let server = Server::start().await;
    let reason = "grant type is not registered for this client";
    let client = server.a_client().grants(&["refresh_token"]).build().await;
    let form = [("grant_type", "client_credentials")];
    let answer = server.post("/oauth2/token").basic(&client).form(&form).await;
    answer.refused(&server, 400, "unauthorized_client", reason);
    let body = json!({
        "grant_type": "client_credentials", "client_id": client.id, "client_secret": client.secret,
    });
    let answer = server.post("/oauth/token").json_api(body).await;
    answer.refused_json_api(&server, 403, "Forbidden", reason);
}

#[tokio::test]
async fn a_public_client_has_no_credentials_to_grant_by() {
    let server = Server::start().await;
    let public = server.a_client().public().build().await;
    let form = [("grant_type", "client_credentials"), ("client_id", &public.id)];
    let answer = server.post("/oauth2/token").form(&form).await;
    let reason = "a public client has no credentials of its own";
    answer.refused(&server, 400, "unauthorized_client", reason);
}
