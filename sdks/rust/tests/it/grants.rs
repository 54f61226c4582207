//! Exchanges, assertions, devices and stores.

use std::sync::Arc;
use std::time::{Duration, Instant};

use keyhaven_sdk::tokens::{
    DeviceCode, FileStore, JwtBearer, MemoryStore, Reveal, TokenExchange, TokenStore,
};
use keyhaven_sdk::{ClientCredentials, Kind, RefreshToken, Secret, Token};
use serde_json::{Value, json};

use crate::faults::{Faults, form, token};

#[tokio::test]
async fn an_exchange_names_subject_actor_and_audience() {
    let faults = Faults::start();
    let told = faults.tell("t", &json!([token("t")])).await;
    let client = ClientCredentials::new(&told.url, "id", "").scope("a b");
    let exchange = TokenExchange::new(client, "subject").actor("actor").audience("api");
    let source = exchange.build().unwrap();
    assert_eq!(source.token().await.unwrap().access_token.reveal(), "t");
    let kind = "urn:ietf:params:oauth:token-type:access_token";
    assert_eq!(
        form(&told.came().await[0]),
        json!({
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "client_id": "id",
            "subject_token": "subject", "subject_token_type": kind, "actor_token": "actor",
            "actor_token_type": kind, "audience": "api", "scope": "a b",
        })
    );
}

#[tokio::test]
async fn an_assertion_is_asked_for_anew_for_every_token() {
    let faults = Faults::start();
    let told = faults.tell("t", &json!([token("t1"), token("t2")])).await;
    let asked = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let fresh = Reveal::with(move || {
        let asked = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
        async move { Ok(Secret::from(format!("a{asked}"))) }
    });
    let source = JwtBearer::new(ClientCredentials::new(&told.url, "id", ""), fresh);
    let source = source.build().unwrap();
    source.invalidate(&source.token().await.unwrap());
    source.token().await.unwrap();
    let came = told.came().await;
    let sent: Vec<Value> = came.iter().map(|one| form(one)["assertion"].clone()).collect();
    assert_eq!(sent, ["a1", "a2"]);
}

#[tokio::test]
async fn a_device_waits_until_the_person_has_answered() {
    let faults = Faults::start();
    let begun = json!({"status": 200, "body": {
        "device_code": "d", "user_code": "ABCD", "verification_uri": "https://x.example/device",
        "expires_in": 60, "interval": 0.01,
    }});
    let refused = |error: &str| json!({"status": 400, "body": {"error": error}});
    let pending = refused("authorization_pending");
    let answers = json!([begun, pending, pending, token("t")]);
    let told = faults.tell("device", &answers).await;
    let client = ClientCredentials::new(&told.url, "id", "");
    let mut shown = None;
    let signed_in = DeviceCode::new(client).sign_in(|prompt| shown = Some(prompt)).await.unwrap();
    assert_eq!(signed_in.access_token.reveal(), "t");
    assert_eq!(shown.unwrap().user_code, "ABCD");
    let came = told.came().await;
    assert_eq!(came.len(), 4);
    assert_eq!(form(&came[3])["device_code"], "d");
    let told = faults.tell("denied", &json!([begun, refused("access_denied")])).await;
    let client = ClientCredentials::new(&told.url, "id", "");
    let error = DeviceCode::new(client).sign_in(drop).await.unwrap_err();
    assert_eq!(error.oauth().unwrap().error, "access_denied");
}

#[tokio::test]
async fn another_program_takes_the_token_that_was_kept() {
    let faults = Faults::start();
    let mut slow = token("t");
    slow["delayMs"] = json!(50);
    let told = faults.tell("kept", &json!([slow])).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens.json");
    let programs: Vec<_> = (0..5)
        .map(|_| {
            let client = ClientCredentials::new(&told.url, "id", "s");
            let source = client.store(Arc::new(FileStore::new(&path))).build();
            tokio::spawn(async move { source.token().await })
        })
        .collect();
    for program in programs {
        let token = program.await.unwrap().unwrap();
        assert_eq!(token.access_token.reveal(), "t");
        let left = token.expires_at.unwrap().saturating_duration_since(Instant::now());
        assert!(left > Duration::from_secs(540), "{left:?}");
    }
    assert_eq!(told.came().await.len(), 1);
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|one| one.unwrap().file_name()).collect();
    assert_eq!(names, ["tokens.json"], "no lock and no half-written file is left");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn two_clients_of_one_store_do_not_get_each_others_tokens() {
    let faults = Faults::start();
    let told = faults.tell("two", &json!([token("t1"), token("t2")])).await;
    let store = Arc::new(MemoryStore::default());
    for (id, expected) in [("one", "t1"), ("two", "t2"), ("one", "t1")] {
        let client = ClientCredentials::new(&told.url, id, "s").store(store.clone());
        assert_eq!(client.build().token().await.unwrap().access_token.reveal(), expected);
    }
    let nameless = ClientCredentials::new(&told.url, "id", "").store(store);
    let error = TokenExchange::new(nameless, "subject").build().err().unwrap();
    assert_eq!(error.kind(), Kind::InvalidRequest);
}

#[tokio::test]
async fn the_refresh_token_that_another_program_was_given_is_the_next_one_sent() {
    let faults = Faults::start();
    let rotated = |name: &str, refresh: &str| {
        json!({"status": 200, "body": {
            "access_token": name, "refresh_token": refresh, "expires_in": 600,
        }})
    };
    let refused = json!({"status": 400, "body": {"error": "invalid_grant"}});
    let answers = json!([rotated("t1", "r2"), rotated("t2", "r3"), refused]);
    let told = faults.tell("rotated", &answers).await;
    let store = Arc::new(MemoryStore::default());
    let client = ClientCredentials::new(&told.url, "id", "").store(store.clone());
    let source = RefreshToken::new(client.store_key("mine"), "r1").build();
    let first = source.token().await.unwrap();
    let elsewhere = Token {
        access_token: "elsewhere".into(),
        refresh_token: Some("r2b".into()),
        expires_at: Some(Instant::now()),
        ..first.clone()
    };
    store.set("mine", &elsewhere).unwrap();
    source.invalidate(&first);
    let second = source.token().await.unwrap();
    assert_eq!(second.access_token.reveal(), "t2");
    source.invalidate(&second);
    let error = source.token().await.unwrap_err();
    assert_eq!(error.kind(), Kind::ReauthenticationRequired);
    assert!(store.get("mine").unwrap().is_none());
    let came = told.came().await;
    let sent: Vec<Value> = came.iter().map(|one| form(one)["refresh_token"].clone()).collect();
    assert_eq!(sent, ["r1", "r2b", "r3"]);
}
