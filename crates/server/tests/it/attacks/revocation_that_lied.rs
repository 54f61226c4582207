//! A53: revoking while the database is down. The answer is 503 with `Retry-After`, never success
//! and never a wrong word about the credential; the retry succeeds and the token is dead.

use serde_json::json;

use crate::harness::{AClient, Answer, Server};

#[track_caller]
fn unavailable(answer: &Answer) {
    let body = answer.expect(503);
    assert_eq!(body["error"], "temporarily_unavailable");
    assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
}

async fn by_form(server: &Server, client: &AClient, token: &str) -> Answer {
    server.post("/oauth2/revoke").basic(client).form(&[("token", token)]).await
}

#[tokio::test]
async fn a_revocation_that_did_not_happen_is_not_a_success() {
    let server = Server::start().await;
    let jwt = server.a_client().build().await;
    let opaque = server.a_client().opaque().build().await;
    for client in [&jwt, &opaque] {
        let (access, refresh) = server.tokens(client).await;
        for token in [&access, &refresh] {
            server.database.fail();
            unavailable(&by_form(&server, client, token).await);
            let body = json!({ "token": token });
            unavailable(&server.post("/oauth2/revoke").basic(client).json(body).await);
            server.database.repair();
            assert_eq!(server.refusals().len(), 0, "nothing was called wrong");
        }
        assert!(server.is_active(client, &access).await, "nothing was revoked");
        assert_eq!(by_form(&server, client, &access).await.status, 200);
        assert!(!server.is_active(client, &access).await);
        assert_eq!(by_form(&server, client, &refresh).await.status, 200);
        let dead = server.refresh(client, &refresh).await;
        dead.refused(&server, 400, "invalid_grant", "refresh family is revoked");
    }
}

#[tokio::test]
async fn our_failure_is_never_the_clients_fault() {
    let server = Server::start().await;
    let client = server.a_client().opaque().build().await;
    let (access, refresh) = server.tokens(&client).await;
    let cold = server.a_client().build().await;
    server.database.fail();

    // A client that is not in memory, so that authentication itself needs the database.
    let form = [("grant_type", "client_credentials")];
    unavailable(&server.post("/oauth2/token").basic(&cold).form(&form).await);
    unavailable(&server.post("/oauth2/introspect").basic(&cold).form(&[("token", &access)]).await);
    let body = json!({ "grant_type": "client_credentials", "scope": "read" });
    unavailable(&server.post("/oauth2/token").basic(&cold).json(body.clone()).await);
    // One in memory, whose token or family needs it.
    unavailable(&server.post("/oauth2/token").basic(&client).form(&form).await);
    unavailable(&server.refresh(&client, &refresh).await);
    let body = json!({
        "grant_type": "client_credentials", "client_id": client.id, "client_secret": client.secret,
    });
    unavailable(&server.post("/oauth/token").json_api(body).await);
    let bearer = server.get("/oauth/token/x/organization").bearer(&access).send().await;
    unavailable(&bearer);

    server.database.repair();
    assert_eq!(server.refusals().len(), 0, "nothing was called wrong");
    server.refresh(&client, &refresh).await.pair();
}

#[tokio::test]
async fn a_replay_that_could_not_end_the_family_is_not_answered_as_if_it_had() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let (_, first) = server.tokens(&client).await;
    let (_, second) = server.refresh(&client, &first).await.pair();
    let (_, third) = server.refresh(&client, &second).await.pair();

    server.database.fail_commits();
    unavailable(&server.refresh(&client, &first).await);
    server.database.repair();
    let replay = server.refresh(&client, &first).await;
    replay.refused(&server, 400, "invalid_grant", "a spent refresh token was used again");
    let dead = server.refresh(&client, &third).await;
    dead.refused(&server, 400, "invalid_grant", "refresh family is revoked");
}
