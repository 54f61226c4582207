//! `POST /oauth2/introspect` (RFC 7662).

use serde_json::json;

use crate::harness::{ISSUER, Server, claims_of};

#[tokio::test]
async fn a_live_token_is_described_alike_in_both_formats() {
    let server = Server::start().await;
    let jwt = server.a_client().build().await;
    let opaque = server.a_client().opaque().build().await;
    for client in [&jwt, &opaque] {
        let token = server.token(client).await;
        let ask = server.post("/oauth2/introspect").basic(client);
        let mut body = ask.form(&[("token", &token)]).await.expect(200);
        let id = body.as_object_mut().expect("an object").remove("jti").expect("an id");
        if token.contains('.') {
            assert_eq!(id, claims_of(&token)["jti"]);
        }
        let now = server.present.now();
        let expected = json!({
            "active": true, "scope": "read write", "client_id": client.id, "token_type": "Bearer",
            "exp": now + 300, "iat": now, "sub": client.id, "aud": ISSUER, "iss": ISSUER,
        });
        assert_eq!(body, expected);
    }
}

#[tokio::test]
async fn whatever_is_no_live_access_token_is_inactive_and_nothing_else() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let (_, refresh) = server.tokens(&client).await;
    for text in ["unknown", "a.b.c", "kh_access_x", &refresh, &client.secret] {
        let answer =
            server.post("/oauth2/introspect").basic(&client).form(&[("token", text)]).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, r#"{"active":false}"#), "{text}");
    }
}

#[tokio::test]
async fn json_is_not_a_form() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let answer =
        server.post("/oauth2/introspect").basic(&client).json(json!({ "token": "x" })).await;
    answer.refused(&server, 415, "invalid_request", "the body is neither a form nor JSON");
}
