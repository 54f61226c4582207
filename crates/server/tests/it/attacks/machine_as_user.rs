//! A42: a program asks for what only a person can give.

use serde_json::Value;

use crate::harness::Server;

#[tokio::test]
async fn openid_and_offline_access_need_a_user_even_where_they_are_registered() {
    let server = Server::start().await;
    let registered = server.a_client().scopes("read openid offline_access").build().await;
    let unregistered = server.a_client().build().await;
    for scope in ["openid offline_access", "openid", "read offline_access"] {
        let form = [("grant_type", "client_credentials"), ("scope", scope)];
        let answer = server.post("/oauth2/token").basic(&registered).form(&form).await;
        let reason = "openid and offline_access need a user";
        answer.refused(&server, 400, "invalid_scope", reason);
        let answer = server.post("/oauth2/token").basic(&unregistered).form(&form).await;
        answer.refused(&server, 400, "invalid_scope", "scope is wider than allowed");
    }
}

#[tokio::test]
async fn a_standard_client_credentials_answer_has_neither_id_token_nor_refresh_token() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let form = [("grant_type", "client_credentials")];
    let body = server.post("/oauth2/token").basic(&client).form(&form).await.expect(200);
    assert_eq!(body["id_token"], Value::Null);
    assert_eq!(body["refresh_token"], Value::Null);
}
