//! A51: introspection by nobody, and by a client that proves nothing (RFC 7662 §2.1).

use crate::harness::Server;

#[tokio::test]
async fn introspection_needs_a_proof() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let public = server.a_client().public().build().await;
    let token = server.token(&client).await;

    let anonymous = server.post("/oauth2/introspect").form(&[("token", &token)]).await;
    anonymous.header("www-authenticate");
    let reason = "no client authentication in the request";
    anonymous.refused(&server, 401, "invalid_client", reason);

    let form = [("token", token.as_str()), ("client_id", &public.id)];
    let unproven = server.post("/oauth2/introspect").form(&form).await;
    unproven.refused(&server, 401, "invalid_client", "a public client may not introspect");

    let form = [("token", token.as_str()), ("client_id", &client.id)];
    let named = server.post("/oauth2/introspect").form(&form).await;
    named.refused(&server, 401, "invalid_client", "a confidential client sent no proof");
}

#[tokio::test]
async fn the_token_itself_is_no_proof() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let token = server.token(&client).await;
    let answer = server.post("/oauth2/introspect").bearer(&token).form(&[("token", &token)]).await;
    answer.refused(&server, 401, "invalid_client", "Authorization scheme is not Basic");
}

#[tokio::test]
async fn a_strangers_question_gets_inactive_alone() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let elsewhere = server.an_organization("Elsewhere", "elsewhere").await;
    let stranger = server.a_client().of(elsewhere).build().await;
    let token = server.token(&client).await;
    for text in [token.as_str(), "unknown", "a.b.c"] {
        let ask = server.post("/oauth2/introspect").basic(&stranger);
        let answer = ask.form(&[("token", text)]).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, r#"{"active":false}"#));
    }
}
