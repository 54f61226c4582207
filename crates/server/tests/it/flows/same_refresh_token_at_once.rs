//! F11: the same refresh token 20 times at once. One successor in total, every 200 carries that
//! same one, the family lives.

use std::collections::HashSet;

use futures_util::future::join_all;
use serde_json::json;

use crate::harness::{AClient, Answer, Place, Server};

on_every_engine![twenty_at_once_get_one_successor, twenty_at_once_on_two_nodes_get_one_successor];

async fn refresh(server: &Server, client: &AClient, token: &str) -> Answer {
    let body = json!({
        "grant_type": "refresh_token", "refresh_token": token,
        "client_id": client.id, "client_secret": client.secret,
    });
    server.post("/oauth2/token").json(body).await
}

async fn twenty_at_once_get_one_successor(place: Place) {
    let server = Server::on(&place, &[]).await;
    let jwt = server.a_client().build().await;
    let opaque = server.a_client().opaque().build().await;
    for client in [&jwt, &opaque] {
        let (_, token) = server.tokens(client).await;
        let answers = join_all((0..20).map(|_| refresh(&server, client, &token))).await;
        one_successor(&server, client, &answers).await;
    }
}

async fn twenty_at_once_on_two_nodes_get_one_successor(place: Place) {
    let server = Server::on(&place, &[]).await;
    let other = server.beside().await;
    let client = server.a_client().build().await;
    let (_, token) = server.tokens(&client).await;
    let nodes = [&server, &other];
    let answers = join_all((0..20).map(|n| refresh(nodes[n % 2], &client, &token))).await;
    one_successor(&server, &client, &answers).await;
}

async fn one_successor(server: &Server, client: &AClient, answers: &[Answer]) {
    let successors: HashSet<String> = answers.iter().map(|answer| answer.pair().1).collect();
    assert_eq!(successors.len(), 1, "every answer is 200 and carries the same successor");
    let accesses: HashSet<String> = answers.iter().map(|answer| answer.pair().0).collect();
    assert_eq!(accesses.len(), answers.len(), "each with an access token of its own");
    for access in &accesses {
        assert!(server.is_active(client, access).await);
    }
    for successor in &successors {
        refresh(server, client, successor).await.pair();
    }
    assert!(server.refusals().is_empty());
}
