//! A32: one client sends another's refresh token.

use serde_json::json;

use crate::harness::Server;

#[tokio::test]
async fn anothers_refresh_token_is_refused_and_its_owner_is_unharmed() {
    let server = Server::start().await;
    let (owner, thief) = (server.a_client().build().await, server.a_client().build().await);
    let (_, token) = server.tokens(&owner).await;

    let stolen = server.refresh(&thief, &token).await;
    stolen.refused(&server, 400, "invalid_grant", "refresh token belongs to another client");
    server.refresh(&owner, &token).await.pair();
}

#[tokio::test]
async fn a_spent_token_in_another_clients_hands_does_not_end_the_family() {
    let server = Server::start().await;
    let (owner, thief) = (server.a_client().build().await, server.a_client().build().await);
    let (_, first) = server.tokens(&owner).await;
    let (_, second) = server.refresh(&owner, &first).await.pair();
    let (_, third) = server.refresh(&owner, &second).await.pair();

    let stolen = server.refresh(&thief, &first).await;
    stolen.refused(&server, 400, "invalid_grant", "refresh token belongs to another client");
    server.refresh(&owner, &third).await.pair();
}

#[tokio::test]
async fn a_bearer_family_needs_its_own_clients_name() {
    let server = Server::start().await;
    let (owner, thief) = (server.a_client().build().await, server.a_client().build().await);
    let credentials = json!({
        "grant_type": "client_credentials", "client_id": owner.id, "client_secret": owner.secret,
    });
    let created = server.post("/pub/oauth/token").json_api(credentials).await.expect(201);
    let token = created["data"]["attributes"]["refresh_token"].clone();

    let stolen = json!({
        "grant_type": "refresh_token", "client_id": thief.id, "refresh_token": token,
    });
    let stolen = server.post("/pub/oauth/token").json_api(stolen).await;
    let reason = "the refresh token does not stand for itself";
    stolen.refused_json_api(&server, 401, "InvalidCredentials", reason);

    let own =
        json!({ "grant_type": "refresh_token", "client_id": owner.id, "refresh_token": token });
    server.post("/pub/oauth/token").json_api(own).await.expect(201);
}
