//! A75 for keys: the text of a key, a code or a verifier is in no column and in no audit row.

use serde_json::json;

use crate::harness::{Server, the};

const VERIFIER: &str = "marker-of-a-verifier-marker-of-a-verifier-00";

#[tokio::test]
async fn a75_texts_of_keys_codes_and_verifiers_are_nowhere_in_the_database() {
    let server = Server::start().await;
    let parent = server.a_key(json!({"limit": {"amount": "5", "unit": "USD"}})).await;
    let body = json!({
        "callback_url": "https://notes.example/cb",
        "code_challenge": crate::harness::challenge_of(VERIFIER),
        "code_challenge_method": "S256",
    });
    let issued = server.post("/auth/keys/code").bearer(&parent.text).json(body).await.expect(200);
    let code = the(&issued["data"]["id"]);
    let wrong = json!({"code": code, "code_verifier": "marker-of-a-wrong-verifier"});
    assert_eq!(server.post("/auth/keys").json(wrong).await.status, 403);
    let right = json!({"code": code, "code_verifier": VERIFIER});
    let handed = the(&server.post("/auth/keys").json(right).await.expect(200)["key"]);
    let meter = server.a_meter().await;
    let key = crate::harness::AKey { id: String::new(), text: handed.clone() };
    server.charge(&meter, &key, "1", "USD").await.expect(200);

    let mut kept = Vec::new();
    for name in ["keyhaven.db", "keyhaven.db-wal"] {
        kept.extend(std::fs::read(server.place().data().join(name)).unwrap_or_default());
    }
    assert!(kept.len() > 100_000, "the database is there");
    for text in [parent.text.as_str(), &code, &handed, VERIFIER, "marker-of-a-wrong-verifier"] {
        let secret = &text[text.len().saturating_sub(40)..];
        let found = kept.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "the end of {} is kept", &text[..8]);
    }
    for refusal in server.refusals() {
        assert!(!refusal.detail.contains("marker") && !refusal.reason.contains("marker"));
    }
}
