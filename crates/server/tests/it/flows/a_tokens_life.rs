//! Issue, use, refresh, revoke: through each door, in each format, on each engine.

use serde_json::json;

use crate::harness::{Answer, Place, Server, the};

on_every_engine![
    a_token_lives_from_issue_to_revocation,
    revoking_a_refresh_token_takes_its_access_tokens_along,
    a_family_ends_when_idle_and_in_any_case,
    a_confidential_clients_json_api_family_rotates_without_its_secret,
];

async fn a_token_lives_from_issue_to_revocation(place: Place) {
    let server = Server::on(&place, &[]).await;
    let jwt = server.a_client().build().await;
    let opaque = server.a_client().opaque().build().await;
    for client in [&jwt, &opaque] {
        let token = server.token(client).await;
        assert!(server.is_active(client, &token).await);
        server.present.pass(299);
        assert!(server.is_active(client, &token).await);
        server.present.pass(1);
        assert!(!server.is_active(client, &token).await, "300 seconds are over");

        let token = server.token(client).await;
        let form = [("token", token.as_str()), ("token_type_hint", "refresh_token")];
        let revoked = server.post("/oauth2/revoke").basic(client).form(&form).await;
        assert_eq!((revoked.status, revoked.text().as_str()), (200, ""));
        assert!(!server.is_active(client, &token).await, "a wrong hint changes nothing");
        let again = server.post("/oauth2/revoke").basic(client).form(&form).await;
        assert_eq!(again.status, 200, "revoking twice is a success");
    }
}

async fn revoking_a_refresh_token_takes_its_access_tokens_along(place: Place) {
    let server = Server::on(&place, &[]).await;
    let jwt = server.a_client().build().await;
    let opaque = server.a_client().opaque().build().await;
    for client in [&jwt, &opaque] {
        let (first_access, first) = server.tokens(client).await;
        let (access, refresh) = server.refresh(client, &first).await.pair();
        let (bystander, _) = server.tokens(client).await;
        let body = json!({ "token": refresh });
        let revoked = server.post("/oauth2/revoke").basic(client).json(body).await;
        assert_eq!((revoked.status, revoked.text().as_str()), (204, ""));

        for token in [&first_access, &access] {
            assert!(!server.is_active(client, token).await);
        }
        assert!(server.is_active(client, &bystander).await, "another family lives");
        let dead = server.refresh(client, &refresh).await;
        dead.refused(&server, 400, "invalid_grant", "refresh family is revoked");
    }
}

async fn a_family_ends_when_idle_and_in_any_case(place: Place) {
    let server = Server::on(&place, &[]).await;
    // 1,000 seconds idle, 5,000 in any case.
    let client = server.a_client().build().await;
    let (_, mut token) = server.tokens(&client).await;
    for _ in 0..5 {
        server.present.pass(900);
        (_, token) = server.refresh(&client, &token).await.pair();
    }
    server.present.pass(400);
    let body = server.refresh(&client, &token).await.expect(200);
    assert_eq!(body["expires_in"], 100, "no access token outlives its family");
    server.present.pass(100);
    let over = server.refresh(&client, &the(&body["refresh_token"])).await;
    over.refused(&server, 400, "invalid_grant", "refresh family reached its absolute end");

    let (_, token) = server.tokens(&client).await;
    server.present.pass(1_000);
    let idle = server.refresh(&client, &token).await;
    idle.refused(&server, 400, "invalid_grant", "refresh family was idle too long");
}

async fn a_confidential_clients_json_api_family_rotates_without_its_secret(place: Place) {
    let server = Server::on(&place, &[]).await;
    let client = server.a_client().opaque().build().await;
    let created = server
        .post("/oauth/token")
        .json_api(json!({
            "grant_type": "client_credentials",
            "client_id": client.id,
            "client_secret": client.secret,
        }))
        .await;
    let refresh = async |token: &str| {
        let body = json!({
            "grant_type": "refresh_token", "client_id": client.id, "refresh_token": token,
        });
        server.post("/oauth/token").json(body).await
    };
    let (id, _, first) = resource(&created);
    let (same, second_access, second) = resource(&refresh(&first).await);
    assert_eq!(id, same, "the resource keeps its id");
    resource(&refresh(&second).await);
    let replay = refresh(&first).await;
    let reason = "a spent refresh token was used again";
    replay.refused_json_api(&server, 401, "InvalidCredentials", reason);
    assert!(!server.is_active(&client, &second_access).await);
}

/// Id, access token and refresh token of a JSON:API answer.
fn resource(answer: &Answer) -> (String, String, String) {
    let data = &answer.expect(201)["data"];
    let attributes = &data["attributes"];
    (the(&data["id"]), the(&attributes["access_token"]), the(&attributes["refresh_token"]))
}
