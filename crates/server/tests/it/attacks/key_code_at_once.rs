//! One code, exchanged many times at once over two nodes: one key exists afterwards.

use serde_json::json;
use tokio::task::JoinSet;

use std::sync::Arc;

use crate::harness::{Place, Server, the};

on_every_engine![fifty_exchanges_of_one_code_make_one_key];

async fn fifty_exchanges_of_one_code_make_one_key(place: Place) {
    let server = Server::on(&place, &[]).await;
    let parent = server.a_key(json!({})).await;
    let body = json!({
        "callback_url": "https://notes.example/cb",
        "code_challenge": "verifier",
        "code_challenge_method": "plain",
    });
    let issued = server.post("/auth/keys/code").bearer(&parent.text).json(body).await.expect(200);
    let code = the(&issued["data"]["id"]);
    let nodes = [Arc::new(server.beside().await), Arc::new(server.beside().await)];
    let mut tries = JoinSet::new();
    for nth in 0..50 {
        let (node, code) = (nodes[nth % 2].clone(), code.clone());
        tries.spawn(async move {
            let body = json!({"code": code, "code_verifier": "verifier"});
            node.post("/auth/keys").json(body).await.status
        });
    }
    let statuses = tries.join_all().await;
    let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!((count(200), count(403)), (1, 49), "{statuses:?}");
    let token = server.an_administrator().await;
    let path = format!("/v1/keys?parent={}", parent.id);
    let children = server.get(&path).bearer(&token).send().await.expect(200);
    assert_eq!(children["items"].as_array().expect("a list").len(), 1);
}
