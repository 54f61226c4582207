//! F23 and A50: a provider's keys that cannot be fetched, and keys that nobody knows. The last good
//! set is used within its ceiling, an unknown key is looked for once a minute, and verification is
//! never skipped.

use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_protocol::jose::signing_key::SigningKey;
use keyhaven_protocol::upstream::admission::Admits;
use serde_json::json;

use crate::harness::{FakeUpstream, Server, key_set, refused};

/// Signs in once; the private reason of a refusal, or nothing.
async fn attempt(server: &Server, fake: &FakeUpstream) -> String {
    let known = server.app().store.list_upstream_buttons().await.expect("storage works");
    let provider = server.app().store.find_upstream(keyhaven_store::Reach::Instance, known[0].0);
    let provider = provider.await.expect("storage works").expect("it is there");
    let now = server.present.now();
    fake.says().claims = json!({"iat": now, "exp": now + 300});
    let browser = server.a_browser().await;
    let query = server.visit(&browser, &provider, fake).await;
    match server.come_back(&browser, &provider, &query).await {
        Ok(_) => String::new(),
        failed => refused(failed),
    }
}

async fn a_pair() -> (Server, FakeUpstream) {
    let (server, fake) = (Server::beside_upstreams().await, FakeUpstream::start().await);
    server.an_upstream(&fake, Admits::Newcomers).await;
    (server, fake)
}

#[tokio::test]
async fn keys_that_cannot_be_fetched_are_used_for_a_day_and_no_longer() {
    let (server, fake) = a_pair().await;
    assert_eq!(attempt(&server, &fake).await, "");
    fake.says().publishes = None;
    server.present.pass(3 * 3_600);
    assert_eq!(attempt(&server, &fake).await, "", "the last good set");
    server.present.pass(22 * 3_600);
    assert_eq!(attempt(&server, &fake).await, "the provider cannot be reached");
}

#[tokio::test]
async fn keys_never_fetched_verify_nothing() {
    let (server, fake) = a_pair().await;
    fake.says().publishes = None;
    assert_eq!(attempt(&server, &fake).await, "the provider cannot be reached");
    fake.says().publishes = Some("<html>".into());
    server.present.pass(11);
    assert_eq!(attempt(&server, &fake).await, "malformed JSON");
}

#[tokio::test]
async fn an_unknown_key_is_looked_for_once_a_minute() {
    let (server, fake) = a_pair().await;
    assert_eq!(attempt(&server, &fake).await, "");
    let next = SigningKey::generate(Algorithm::Es256).expect("a key");
    fake.says().signs = next;
    server.present.pass(61);
    for _ in 0..5 {
        assert_eq!(attempt(&server, &fake).await, "kid names no known key");
    }
    assert_eq!(fake.says().asked_for_keys, 2);
    let published = key_set(&fake.says().signs);
    fake.says().publishes = Some(published);
    assert_eq!(attempt(&server, &fake).await, "kid names no known key", "not within the minute");
    server.present.pass(60);
    assert_eq!(attempt(&server, &fake).await, "", "a rotation is followed");
    assert_eq!(fake.says().asked_for_keys, 3);
}
