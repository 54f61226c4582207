//! A75: secrets in the wrong places. A marker goes into every secret field, header and query; then
//! it is looked for in every log line down to `trace`, every stored row, and the files on disk.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::harness::{AClient, Server};

/// Not of the form of anything we issue, nor of any word.
const MARKER: &str = "Zq7MarkerXw9";

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Every line this process logs from now on, whatever thread it comes from.
fn capture() -> Captured {
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(captured.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).expect("the only subscriber");
    captured
}

#[tokio::test]
async fn no_secret_reaches_a_log_or_the_disk() {
    let logs = capture();
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let mut secrets = vec![MARKER.to_owned(), client.secret.clone()];
    ask_with_markers(&server, &client).await;
    live_and_die(&server, &client, &mut secrets).await;

    let refusals = server.refusals();
    assert!(refusals.len() > 20, "the markers were refused: {}", refusals.len());
    let told = format!("{refusals:?}");
    server.app().store.record_refusals(refusals).await.expect("storage works");

    let logged = logs.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert!(contains(&logged, b"unknown refresh token"), "refusals are in the captured log");
    let files = files_of(&server);
    assert!(files.iter().any(|(_, bytes)| contains(bytes, client.id.as_bytes())), "rows on disk");
    for secret in &secrets {
        assert!(!contains(&logged, secret.as_bytes()), "{secret} was logged");
        assert!(!told.contains(secret), "{secret} is in an explanation");
        for (name, bytes) in &files {
            assert!(!contains(bytes, secret.as_bytes()), "{secret} is in {name}");
        }
    }
}

async fn ask_with_markers(server: &Server, client: &AClient) {
    let bad = AClient { secret: MARKER.into(), ..client.clone() };
    let unknown = AClient { id: MARKER.into(), ..bad.clone() };
    let near = refresh_token_with_marker(&server.tokens(client).await.1);
    for who in [&bad, &unknown] {
        server.post("/oauth2/token").basic(who).form(&[("grant_type", "client_credentials")]).await;
        server.refresh(who, MARKER).await;
        let body = json!({
            "grant_type": "client_credentials", "scope": "read",
            "client_id": who.id, "client_secret": who.secret,
        });
        server.post("/oauth2/token").json(body.clone()).await;
        server.post("/oauth/token").json_api(body).await;
    }
    server.refresh(client, MARKER).await;
    server.refresh(client, &near).await;
    let body =
        json!({ "grant_type": "refresh_token", "client_id": client.id, "refresh_token": MARKER });
    server.post("/oauth/token").json(body).await;
    for path in ["/oauth2/revoke", "/oauth2/introspect"] {
        server.post(path).basic(client).form(&[("token", MARKER)]).await;
        server.post(path).form(&[("token", MARKER), ("client_assertion", MARKER)]).await;
    }
    for text in [format!("{MARKER}.{MARKER}.{MARKER}"), MARKER.to_owned()] {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &text),
        ];
        server.post("/oauth2/token").form(&form).await;
    }
    for name in ["authorization", "cookie", "dpop", "x-api-key"] {
        for value in [MARKER.to_owned(), format!("Bearer {MARKER}"), format!("Basic {MARKER}")] {
            server.get("/oauth/token/x/groups").header(name, &value).send().await;
            server.post("/oauth2/token").header(name, &value).form(&[("grant_type", "x")]).await;
        }
    }
    for query in ["access_token", "client_secret", "refresh_token", "token"] {
        let query = format!("?{query}={MARKER}");
        server.post(&format!("/oauth2/token{query}")).form(&[]).await;
        server.get(&format!("/oauth/token/x/groups{query}")).send().await;
        server.post(&format!("/oauth/token{query}")).json_api(json!({})).await;
    }
    // A token where its id belongs.
    let token = server.token(client).await;
    server.get(&format!("/oauth/token/{MARKER}/groups")).bearer(&token).send().await;
}

/// Of a sound form, so that it is looked up and compared.
fn refresh_token_with_marker(token: &str) -> String {
    let id = keyhaven_protocol::credential::parse(token).expect("one of ours").id;
    let mut bytes = [0; 32];
    bytes[..MARKER.len()].copy_from_slice(MARKER.as_bytes());
    keyhaven_protocol::credential::mint(keyhaven_protocol::credential::Kind::Refresh, id, &bytes)
        .reveal()
        .to_owned()
}

/// Every kind of token, used, replayed and revoked; each is a secret too.
async fn live_and_die(server: &Server, client: &AClient, secrets: &mut Vec<String>) {
    let opaque = server.a_client().opaque().build().await;
    for who in [client, &opaque] {
        let (access, first) = server.tokens(who).await;
        let (_, second) = server.refresh(who, &first).await.pair();
        server.refresh(who, &second).await.pair();
        server.is_active(who, &access).await;
        let (revoked, _) = server.tokens(who).await;
        server.post("/oauth2/revoke").basic(who).form(&[("token", &revoked)]).await;
        assert_eq!(server.refresh(who, &first).await.status, 400);
        secrets.extend([access, first, second, revoked, who.secret.clone()]);
    }
}

/// The database with its write-ahead log, and whatever else the data directory holds.
fn files_of(server: &Server) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(server.place().data()).expect("the data directory");
    let files = entries.map(|entry| {
        let path = entry.expect("an entry").path();
        (path.display().to_string(), std::fs::read(&path).expect("a file"))
    });
    files.collect()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
