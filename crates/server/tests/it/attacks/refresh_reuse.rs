//! A31: a spent refresh token comes back after its successor was used (RFC 9700 §4.14.2).

use keyhaven::operations::deliver_mail::deliver_mail;
use keyhaven_store::{Page, Reach};
use serde_json::json;

use crate::harness::{AClient, Answer, CALLBACK, Place, Server, VERIFIER};

const REPLAY: &str = "a spent refresh token was used again";

async fn by_json(server: &Server, client: &AClient, token: &str) -> Answer {
    let body = json!({
        "grant_type": "refresh_token", "refresh_token": token,
        "client_id": client.id, "client_secret": client.secret,
    });
    server.post("/oauth2/token").json(body).await
}

on_every_engine![a_replay_ends_the_family_with_its_newest_tokens];

async fn a_replay_ends_the_family_with_its_newest_tokens(place: Place) {
    let server = Server::on(&place, &[]).await;
    let client = server.a_client().build().await;
    let (_, first) = server.tokens(&client).await;
    let (_, second) = by_json(&server, &client, &first).await.pair();
    let (access, third) = by_json(&server, &client, &second).await.pair();

    by_json(&server, &client, &first).await.refused(&server, 400, "invalid_grant", REPLAY);

    let dead = by_json(&server, &client, &third).await;
    dead.refused(&server, 400, "invalid_grant", "refresh family is revoked");
    assert!(!server.is_active(&client, &access).await, "the newest access token died too");
}

#[tokio::test]
async fn the_replay_is_in_the_audit_with_its_reason() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let (_, first) = server.tokens(&client).await;
    let (_, second) = by_json(&server, &client, &first).await.pair();
    by_json(&server, &client, &second).await.pair();
    assert_eq!(by_json(&server, &client, &first).await.status, 400);

    let reach = Reach::Organization(server.organization);
    let page = Page { after: None, limit: 10 };
    let rows = server.app().store.list_audit(reach, Some("grant.revoked"), page).await;
    let rows = rows.expect("storage works").items;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].entry.actor, format!("client:{}", client.id));
    assert!(rows[0].entry.detail.contains(REPLAY), "{}", rows[0].entry.detail);
}

#[tokio::test]
async fn a_replay_after_the_grace_window_ends_the_family_although_the_successor_is_unused() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let (_, first) = server.tokens(&client).await;
    let (_, second) = by_json(&server, &client, &first).await.pair();
    server.present.pass(90);

    by_json(&server, &client, &first).await.refused(&server, 400, "invalid_grant", REPLAY);
    let dead = by_json(&server, &client, &second).await;
    dead.refused(&server, 400, "invalid_grant", "refresh family is revoked");
}

#[tokio::test]
async fn a_made_up_token_with_a_familys_id_does_not_end_it() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let (_, token) = server.tokens(&client).await;
    let id = keyhaven_protocol::credential::parse(&token).expect("one of ours").id;
    let kind = keyhaven_protocol::credential::Kind::Refresh;
    let guess = keyhaven_protocol::credential::mint(kind, id, &[7; 32]);

    let refused = by_json(&server, &client, guess.reveal()).await;
    refused.refused(&server, 400, "invalid_grant", "unknown refresh token");
    by_json(&server, &client, &token).await.pair();
}

#[tokio::test]
async fn the_person_whose_token_was_copied_hears_of_it_once() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().public().but(|it| it.name = "Notebook".into()).build().await;
    let mut window = server.a_window_of(&ada).await;
    let code = window.code(&app, &[("scope", "openid offline_access")]).await;
    let refresh = async |token: &str| {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("client_id", app.id.as_str()),
        ];
        server.post("/oauth2/token").form(&form).await
    };
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        ("client_id", app.id.as_str()),
    ];
    let (_, first) = server.post("/oauth2/token").form(&form).await.pair();
    let (_, second) = refresh(&first).await.pair();
    refresh(&second).await.pair();
    refresh(&first).await.refused(&server, 400, "invalid_grant", REPLAY);
    refresh(&first).await.refused(&server, 400, "invalid_grant", "refresh family is revoked");
    deliver_mail(server.app()).await.expect("delivered");
    let letters = server.letters();
    let about: Vec<_> =
        letters.iter().filter(|text| text.contains("An app was disconnected")).collect();
    assert_eq!(about.len(), 1, "{letters:?}");
    assert!(about[0].contains("Notebook") && about[0].contains(&ada.email), "{about:?}");
}
