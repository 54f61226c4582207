//! A52: a client revokes what is not its own (RFC 7009 §2.1).

use serde_json::json;

use crate::harness::Server;

const FOREIGN: &str = "the token belongs to another client";

#[tokio::test]
async fn anothers_tokens_live_on() {
    let server = Server::start().await;
    let jwt = server.a_client().build().await;
    let opaque = server.a_client().opaque().build().await;
    let thief = server.a_client().build().await;
    for owner in [&jwt, &opaque] {
        let (access, refresh) = server.tokens(owner).await;
        for token in [&access, &refresh] {
            let form = [("token", token.as_str())];
            let answer = server.post("/oauth2/revoke").basic(&thief).form(&form).await;
            answer.refused(&server, 400, "unauthorized_client", FOREIGN);
            let body = json!({ "token": token });
            let answer = server.post("/oauth2/revoke").basic(&thief).json(body).await;
            answer.refused(&server, 400, "unauthorized_client", FOREIGN);
        }
        assert!(server.is_active(owner, &access).await);
        server.refresh(owner, &refresh).await.pair();
    }
}

#[tokio::test]
async fn nobody_revokes_anything() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let token = server.token(&client).await;
    let answer = server.post("/oauth2/revoke").form(&[("token", &token)]).await;
    answer.refused(&server, 401, "invalid_client", "no client authentication in the request");
    assert!(server.is_active(&client, &token).await);
}
