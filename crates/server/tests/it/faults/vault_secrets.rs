//! A75 on the vault: distinct secrets are planted in every place that holds one, used, refused and
//! ended; then they are looked for in every log line down to `trace`, the database's own bytes, what
//! webhooks were told, timelines, the audit, lists and refusals.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use keyhaven_fake_provider::{Act, Endpoint, Rules};
use serde_json::{Value, json};

use super::cluster::dump;
use super::installation::Installation;
use super::server::Server;
use super::vault::{Session, Vault, until};
use crate::harness::AReceiver;

const CLIENT_SECRET: &str = "planted-client-secret-Zq7";
const NEXT_SECRET: &str = "planted-next-secret-Kd2";
const API_KEY: &str = "planted-api-key-Wm4";
const PASSWORD: &str = "planted-password-Rt9";
const ACCESS: &str = "planted-access-token-Lb5";

/// How everything begins that the fake provider issues.
const ISSUED: [&str; 3] = ["fake-access-token-", "fake-refresh-token-", "fake-code-token-"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a75_no_planted_secret_is_found_on_sqlite() {
    nothing_is_found(Installation::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a75_no_planted_secret_is_found_on_postgres() {
    nothing_is_found(Installation::postgres()).await;
}

async fn nothing_is_found(installation: Installation) {
    let vault = Vault::furnish(&installation, Rules::default(), "0s").await;
    let receiver = AReceiver::start().await;
    let mut command = vault.command(&installation);
    command.env("KEYHAVEN_LOG_LEVEL", "trace").env("KEYHAVEN_EGRESS_ALLOW", "127.0.0.1");
    let server = Server::start_with(command).await;
    let mut session = vault.session(&server).await;
    let mut shown = Vec::new();
    plant(&vault, &mut session, &receiver, &mut shown).await;
    live(&vault, &mut session, &mut shown).await;
    fail(&vault, &mut session, &mut shown).await;
    until("webhooks were told", || receiver.messages().len() >= 4).await;
    for list in ["connections", "connectors", "audit"] {
        let path = format!("/v1/{list}?organization={}&limit=100", vault.organization);
        shown.push(session.get(path).await.to_string());
    }
    let told: Vec<String> = receiver.messages().into_iter().map(|one| one.text).collect();
    let logged = server.said();
    server.kill().await;
    let stored = bytes_of(&installation);

    assert!(logged.contains("a refresh failed"), "failures are in the captured log");
    assert!(holds(&stored, b"account-1"), "rows are in the bytes that are searched");
    assert!(shown.iter().any(|text| text.contains("connection.token_read")), "the audit is shown");
    for secret in planted() {
        let found = |place: &str, text: &str| {
            assert!(!text.contains(&secret), "{secret} is in {place}");
        };
        found("a log", &logged);
        shown.iter().for_each(|text| found("an answer", text));
        told.iter().for_each(|text| found("a webhook", text));
        assert!(!holds(&stored, secret.as_bytes()), "{secret} is in the database");
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(!holds(&stored, hex.as_bytes()), "{secret} is in the database, in hexadecimal");
    }
}

/// What must be nowhere: the secrets, and the credentials made of them.
fn planted() -> Vec<String> {
    let mut planted: Vec<String> =
        [CLIENT_SECRET, NEXT_SECRET, API_KEY, PASSWORD, ACCESS].map(str::to_owned).into();
    planted.extend(ISSUED.map(str::to_owned));
    for pair in [format!("fake-client:{CLIENT_SECRET}"), format!("ada:{PASSWORD}")] {
        planted.push(STANDARD.encode(pair));
    }
    planted
}

/// Secrets of connectors and connections, and who is told of them.
async fn plant(
    vault: &Vault,
    session: &mut Session,
    receiver: &AReceiver,
    shown: &mut Vec<String>,
) {
    vault.fake.change(|rules| rules.client_secret = CLIENT_SECRET.into());
    let path = format!("/v1/organizations/{}/webhook-endpoints", vault.organization);
    let events = [
        "connection.created",
        "connection.refreshed",
        "connection.needs_reauth",
        "connection.revoked",
        "connector.misconfigured",
    ];
    session.post(&path, &json!({ "url": receiver.url(), "events": events })).await;
    for body in [
        json!({ "client_id": "other", "client_secret": "not-planted-at-all" }),
        json!({ "client_id": "fake-client", "client_secret": CLIENT_SECRET }),
    ] {
        shown.push(changed(vault, session, &body).await);
    }
    for (kind, body) in [
        ("api_key", json!({ "api_key": API_KEY })),
        ("basic", json!({ "username": "ada", "password": PASSWORD })),
    ] {
        let connector = typed(vault, session, kind).await;
        let mut body = body;
        body["connector"] = json!(connector);
        let made = session.post("/v1/connections", &body).await;
        shown.push(made.body.to_string());
        assert_eq!(session.token(&made.text("id")).await.status, 200);
    }
    let body = json!({
        "connector": vault.connector, "account": "imported", "access_token": ACCESS,
        "scopes": ["read"],
    });
    shown.push(session.post("/v1/connections", &body).await.body.to_string());
}

/// Sets the connector's app; what is answered.
async fn changed(vault: &Vault, session: &mut Session, body: &Value) -> String {
    let path = format!("/v1/connectors/{}", vault.connector);
    let changed = session.ask(Method::PATCH, path, body).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    changed.body.to_string()
}

/// A connector whose connections hold what people type.
async fn typed(vault: &Vault, session: &mut Session, kind: &str) -> String {
    let definition = json!({
        "key": kind, "name": "Typed", "kind": kind, "facts": { "urls": "own" },
        "refresh": { "kind": "none" },
    });
    let path = format!("/v1/organizations/{}/providers/{kind}", vault.organization);
    let put = session.ask(Method::PUT, path, &json!({ "definition": definition })).await;
    assert_eq!(put.status, 200, "{put:?}");
    let body = json!({
        "organization": vault.organization, "provider": kind, "name": "Typed", "method": kind,
    });
    session.post("/v1/connectors", &body).await.text("id")
}

/// Connected by a code, refreshed, with a next secret, and ended.
async fn live(vault: &Vault, session: &mut Session, shown: &mut Vec<String>) {
    let path = format!("/v1/connectors/{}/authorization", vault.connector);
    let started = session.post(&path, &json!({})).await;
    let back = vault.fake.consent(&started.text("authorization_url")).expect("consent");
    let query = back.split_once('?').expect("a query").1.to_owned();
    let path = format!("/connectors/oauth/callback/{}?{query}", vault.connector);
    // The second arrival, and one with an error beside the code, are logged too.
    for path in [path.clone(), path.clone(), format!("{path}&error=access_denied")] {
        let arrived = session.ask(Method::GET, path, &Value::Null).await;
        shown.push(arrived.body.to_string());
    }
    let connection = vault.import(session, "account-2").await;
    session.token_at_last(&connection).await;
    shown.push(changed(vault, session, &json!({ "client_secret": NEXT_SECRET })).await);
    let other = vault.import(session, "account-3").await;
    session.token_at_last(&other).await;
    for path in
        [format!("/v1/connections/{connection}"), format!("/v1/connectors/{}", vault.connector)]
    {
        shown.push(session.get(path).await.to_string());
    }
    shown.push(session.get(format!("/v1/connections/{connection}/timeline")).await.to_string());
    let gone = session.ask(Method::DELETE, format!("/v1/connections/{other}"), &json!({})).await;
    assert_eq!(gone.status, 204, "{gone:?}");
    until("the provider is told", || vault.fake.requests(Endpoint::Revoke) > 0).await;
}

/// Providers that say back what they were sent, in places meant for words. The next secret is sent
/// first.
async fn fail(vault: &Vault, session: &mut Session, shown: &mut Vec<String>) {
    for nth in 0..6 {
        let account = format!("failing-{nth}");
        let (_, refresh) = vault.fake.grant(&account, "read");
        let words = format!("the token {refresh} of {NEXT_SECRET} is no good");
        let act = match nth {
            0 => Act::Refuse(400, "invalid_grant".into(), words),
            1 => Act::Refuse(400, refresh.clone(), words),
            2 => Act::Refuse(500, "server_error".into(), words),
            3 => Act::ActAndWrongTypes,
            4 => Act::ActAndBreakOff,
            _ => Act::ActAndDrip,
        };
        vault.fake.next(Endpoint::Token, act);
        let body = json!({
            "connector": vault.connector, "account": account, "refresh_token": refresh,
        });
        // The scheduler or this call meets it.
        let connection = session.post("/v1/connections", &body).await.text("id");
        let answer = session.token(&connection).await;
        if answer.status != 200 {
            shown.push(answer.body.to_string());
        }
        let path = format!("/v1/connections/{connection}/timeline");
        shown.push(session.get(path).await.to_string());
    }
}

/// Everything the installation keeps: on SQLite the files, on PostgreSQL a dump beside them.
fn bytes_of(installation: &Installation) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut folders = vec![installation.data()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                bytes.extend(std::fs::read(path).expect("a file"));
            }
        }
    }
    if let Some(url) = installation.database() {
        bytes.extend(dump(url));
    }
    bytes
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(bytes, needle).is_some()
}
