//! F24: signing keys that rotate, on schedule and on demand, with interruptions. At every instant one
//! key signs, whoever keeps a copy of the published set as long as it says meets no unknown key, and
//! every token that has not ended verifies.

use keyhaven::app::Origin;
use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_store::Act;
use serde_json::{Value, json};

use crate::harness::{AClient, ISSUER, Server, a_browsers_origin};

const DAY: u64 = 86_400;

/// A verifier that keeps the published set for as long as it may.
struct Verifier {
    kids: Vec<String>,
    fetched_at: i64,
}

async fn published(server: &Server) -> Vec<String> {
    let set = server.get("/.well-known/jwks.json").send().await.expect(200);
    let keys = set["keys"].as_array().expect("keys").iter();
    keys.map(|key| key["kid"].as_str().expect("a kid").to_owned()).collect()
}

fn kid_of(token: &str) -> String {
    use base64::Engine as _;
    let text = token.split('.').next().expect("a JWT has a header");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).expect("base64url");
    let header: Value = serde_json::from_slice(&bytes).expect("JSON");
    header["kid"].as_str().expect("a kid").to_owned()
}

impl Verifier {
    async fn new(server: &Server) -> Self {
        Self { kids: published(server).await, fetched_at: server.present.now() }
    }

    /// Meets a token as it was issued a moment ago.
    async fn meet(&mut self, server: &Server, token: &str) {
        if server.present.now() - self.fetched_at >= 300 {
            *self = Self::new(server).await;
        }
        let kid = kid_of(token);
        assert!(self.kids.contains(&kid), "{kid} was not published in time");
    }
}

/// Lets the key job run, a token be issued and every living token be verified, every hundred seconds.
async fn live_on(
    server: &Server,
    client: &AClient,
    verifier: &mut Verifier,
    living: &mut Vec<(String, i64)>,
    seconds: u64,
) {
    for _ in 0..seconds / 100 {
        server.present.pass(100);
        server.app().keys.keep(server.app(), &origin()).await.expect("storage works");
        let (token, now) = (server.token(client).await, server.present.now());
        verifier.meet(server, &token).await;
        living.push((token, now + 300));
        living.retain(|(_, ends_at)| *ends_at > now);
        for (token, _) in living.iter() {
            assert!(server.is_active(client, token).await, "a living token does not verify");
        }
    }
}

fn origin() -> Origin {
    a_browsers_origin()
}

fn act(server: &Server) -> Act {
    server.app().act("test", &origin())
}

/// The states of the keys of one algorithm, newest first.
async fn states(server: &Server) -> Vec<String> {
    let list = administer(server, "GET", None).await;
    let items = list["items"].as_array().expect("items").iter();
    items.map(|key| key["state"].as_str().expect("a state").to_owned()).collect()
}

async fn administer(server: &Server, method: &str, body: Option<Value>) -> Value {
    let administrator = keyhaven::api::administrator::Administrator {
        reach: keyhaven_store::Reach::Instance,
        actor: "test:administrator".into(),
    };
    let ask = server.ask(method, "/v1/signing-keys").administered_by(administrator);
    match body {
        None => ask.send().await.expect(200),
        Some(body) => ask.json(body).await.expect(201),
    }
}

#[tokio::test]
async fn keys_rotate_on_schedule_without_a_gap() {
    let server = Server::with(&[("signing_rotation", "1")]).await;
    let client = server.a_client().build().await;
    let (mut verifier, mut living) = (Verifier::new(&server).await, Vec::new());
    let first = kid_of(&server.token(&client).await);
    server.present.pass(DAY - 1_000);
    live_on(&server, &client, &mut verifier, &mut living, 800).await;
    assert_eq!(states(&server).await, ["signs"]);
    live_on(&server, &client, &mut verifier, &mut living, 600).await;
    assert_eq!(states(&server).await, ["next", "signs"]);
    live_on(&server, &client, &mut verifier, &mut living, 600).await;
    assert_eq!(states(&server).await, ["signs", "retired"]);
    assert_ne!(kid_of(&server.token(&client).await), first);
    // What nothing alive depends on leaves.
    live_on(&server, &client, &mut verifier, &mut living, 2_400).await;
    assert_eq!(states(&server).await, ["signs"]);
    assert!(!published(&server).await.contains(&first));
}

#[tokio::test]
async fn keys_rotate_on_demand_and_what_was_signed_still_verifies() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let (mut verifier, mut living) = (Verifier::new(&server).await, Vec::new());
    administer(&server, "POST", Some(json!({"alg": "ES256"}))).await;
    live_on(&server, &client, &mut verifier, &mut living, 1_000).await;
    assert_eq!(states(&server).await, ["signs", "retired"]);
    let before = server.token(&client).await;
    // A key that may have leaked signs nothing more, from this moment on.
    administer(&server, "POST", Some(json!({"alg": "ES256", "now": true}))).await;
    let after = server.token(&client).await;
    assert_ne!(kid_of(&before), kid_of(&after));
    for token in [&before, &after] {
        assert!(server.is_active(&client, token).await);
    }
}

#[tokio::test]
async fn an_interrupted_rotation_is_taken_up_again_once() {
    let server = Server::with(&[("signing_rotation", "1")]).await;
    let client = server.a_client().build().await;
    let token = server.token(&client).await;
    server.present.pass(DAY + 1);
    server.database.fail_commits();
    let failed = server.app().keys.keep(server.app(), &origin()).await;
    assert!(failed.is_err(), "nothing was written");
    let old = server.token(&client).await;
    assert_eq!(kid_of(&old), kid_of(&token), "the one that signed goes on");
    server.database.repair();
    // Two nodes take it up at once; one generation comes of it.
    let other = server.beside().await;
    let by = origin();
    let (one, two) = tokio::join!(
        server.app().keys.keep(server.app(), &by),
        other.app().keys.keep(other.app(), &by),
    );
    one.and(two).expect("storage works");
    assert_eq!(states(&server).await, ["next", "signs"]);
    server.present.pass(600);
    for node in [&server, &other] {
        node.app().keys.reload(&node.app().store).await.expect("storage works");
    }
    let (here, there) = (server.token(&client).await, other.token(&client).await);
    assert_eq!(kid_of(&here), kid_of(&there));
    assert_ne!(kid_of(&here), kid_of(&token));
    assert!(server.is_active(&client, &there).await && other.is_active(&client, &here).await);
}

#[tokio::test]
async fn a_first_key_made_beside_is_published_at_once() {
    let server = Server::start().await;
    let other = server.beside().await;
    let before = published(&other).await;
    server.app().keys.ensure(server.app(), Algorithm::Rs256, act(&server)).await.expect("a key");
    // The other node hears of changes only when its job runs, which it does not here.
    let after = published(&other).await;
    assert_eq!(after, published(&server).await);
    assert_eq!(after.len(), before.len() + 1, "whoever reads the set once must know the new key");
    other.database.fail();
    assert_eq!(published(&other).await, after, "memory answers while storage does not");
}

#[tokio::test]
async fn an_id_token_verifies_across_a_rotation() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let mut browser = server.a_window_of(&ada).await;
    let tokens = browser.tokens(&server, &app, &[]).await;
    administer(&server, "POST", Some(json!({"alg": "RS256", "now": true}))).await;
    let again = browser.tokens(&server, &app, &[]).await;
    let kids = published(&server).await;
    for token in [&tokens.id_token, &again.id_token] {
        assert!(kids.contains(&kid_of(token)));
    }
    assert_ne!(kid_of(&tokens.id_token), kid_of(&again.id_token));
    // The older one is still a hint of ours.
    let hinted = [("prompt", "none"), ("id_token_hint", tokens.id_token.as_str())];
    let answer = browser.open(&crate::harness::asks(&app, &hinted)).await;
    assert!(answer.header("location").contains("code="), "{ISSUER}");
}
