//! The grace window: a client that never received its new refresh token asks again with the old
//! one and gets the same successor, never a second head (security bar, refresh).

use crate::harness::{Place, Server};

const REPLAY: &str = "a spent refresh token was used again";

on_every_engine![a_lost_answer_is_given_again_until_the_window_ends];

async fn a_lost_answer_is_given_again_until_the_window_ends(place: Place) {
    let server = Server::on(&place, &[]).await;
    let client = server.a_client().build().await;
    let (_, first) = server.tokens(&client).await;
    let (access, second) = server.refresh(&client, &first).await.pair();
    for _ in 0..3 {
        let (another, same) = server.refresh(&client, &first).await.pair();
        assert_eq!(same, second);
        assert_ne!(another, access, "a fresh access token each time");
    }
    server.present.pass(89);
    let (_, same) = server.refresh(&client, &first).await.pair();
    assert_eq!(same, second);
    server.present.pass(1);
    server.refresh(&client, &first).await.refused(&server, 400, "invalid_grant", REPLAY);
}

#[tokio::test]
async fn a_window_of_nothing_forgives_nothing() {
    let server = Server::start().await;
    let client = server.a_client().but(|client| {
        client.refresh_grace = keyhaven_protocol::time::Seconds(0);
    });
    let client = client.build().await;
    let (_, first) = server.tokens(&client).await;
    server.refresh(&client, &first).await.pair();
    server.refresh(&client, &first).await.refused(&server, 400, "invalid_grant", REPLAY);
}

#[tokio::test]
async fn the_window_needs_the_same_client_and_its_secret() {
    let server = Server::start().await;
    let (client, other) = (server.a_client().build().await, server.a_client().build().await);
    let (_, first) = server.tokens(&client).await;
    let (_, second) = server.refresh(&client, &first).await.pair();
    let stolen = server.refresh(&other, &first).await;
    stolen.refused(&server, 400, "invalid_grant", "refresh token belongs to another client");
    let guessed = crate::harness::AClient { secret: "kh_secret_x".into(), ..client.clone() };
    let unproven = server.refresh(&guessed, &first).await;
    unproven.refused(&server, 401, "invalid_client", "wrong client secret");
    let (_, same) = server.refresh(&client, &first).await.pair();
    assert_eq!(same, second, "neither changed anything");
}
