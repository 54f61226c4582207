//! `POST /oauth2/revoke` as a form (RFC 7009).

use crate::harness::Server;

#[tokio::test]
async fn success_is_an_empty_200_and_an_unknown_token_is_a_success() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let token = server.token(&client).await;
    let (_, refresh) = server.tokens(&client).await;
    for text in [token.as_str(), &refresh, "unknown", "a.b.c", "kh_refresh_x"] {
        let answer = server.post("/oauth2/revoke").basic(&client).form(&[("token", text)]).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, ""), "{text}");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn a_public_client_revokes_its_own_by_naming_itself() {
    let server = Server::start().await;
    let public = server.a_client().public().build().await;
    let form = [("token", "unknown"), ("client_id", &public.id)];
    let answer = server.post("/oauth2/revoke").form(&form).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_missing_token_is_an_invalid_request() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let answer = server.post("/oauth2/revoke").basic(&client).form(&[]).await;
    answer.refused(&server, 400, "invalid_request", "token is missing");
}

#[tokio::test]
async fn a_refresh_token_somebody_made_up_revokes_nothing() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let (_, refresh) = server.tokens(&client).await;
    let id = keyhaven_protocol::credential::parse(&refresh).expect("one of ours").id;
    let kind = keyhaven_protocol::credential::Kind::Refresh;
    let guess = keyhaven_protocol::credential::mint(kind, id, &[7; 32]);
    let form = [("token", guess.reveal())];
    let answer = server.post("/oauth2/revoke").basic(&client).form(&form).await;
    assert_eq!(answer.status, 200, "nothing of ours");
    server.refresh(&client, &refresh).await.pair();
}
