//! A50: a thousand tokens with key names nobody knows. Our own keys are in memory, so no such name
//! makes us read or fetch anything.

use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_protocol::jose::signing_key::SigningKey;
use serde_json::json;

use crate::harness::{Server, claims_of, signed};

#[tokio::test]
async fn unknown_key_names_cost_no_look_up() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let claims = claims_of(&server.token(&client).await);
    let key = SigningKey::generate(Algorithm::EdDsa).expect("a key");
    server.database.reads();
    let commits = server.database.commits();
    for n in 0..1_000 {
        let header = json!({ "alg": "EdDSA", "kid": format!("key-{n}"), "typ": "at+jwt" });
        let token = signed(&header, &claims, &key);
        let answer = server.get("/oauth/token/x/groups").bearer(&token).send().await;
        answer.refused_json_api(&server, 401, "Unauthorized", "kid names no known key");
    }
    assert_eq!(server.database.reads(), Vec::<&str>::new());
    assert_eq!(server.database.commits(), commits);
}
