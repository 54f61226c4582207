//! F24 and F15 on the vault: the master key turns while callers ask for tokens. Every token opens at
//! every instant, a kill -9 in between costs nothing, and the count under the old key reaches 0.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use keyhaven_fake_provider::Rules;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::task::JoinSet;

use super::installation::Installation;
use super::master_key::assert_refused;
use super::server::Server;
use super::vault::{Session, Vault, until};
use super::wire::{Caller, Order};

/// More than one step turns.
const CONNECTIONS: usize = 230;
const CALLERS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_token_opens_while_the_master_key_turns_on_sqlite() {
    every_token_opens(Installation::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_token_opens_while_the_master_key_turns_on_postgres() {
    every_token_opens(Installation::postgres()).await;
}

/// The variables that name the keys.
struct Keys {
    old: String,
    new: String,
}

impl Keys {
    fn both(&self, command: &mut Command) {
        command.env("KEYHAVEN_MASTER_KEY", &self.new);
        command.env("KEYHAVEN_PREVIOUS_MASTER_KEYS", self.old.trim());
    }
}

async fn every_token_opens(installation: Installation) {
    let long = Rules { lifetime: Some(86_400), ..Rules::default() };
    let vault = Vault::furnish(&installation, long, "0s").await;
    let tokens = Arc::new(connected(&installation, &vault).await);
    let old = std::fs::read_to_string(installation.data().join("master.key")).expect("a key");
    let keys = Keys { old, new: format!("k2:{}", STANDARD.encode([9; 32])) };

    let server = serve(&installation, &vault, &keys).await;
    let callers = Callers::start(&vault, &server, &tokens).await;
    let mut session = vault.session(&server).await;
    let path = || "/v1/master-key/rekey".to_owned();
    let step = session.ask(Method::POST, path(), &json!({})).await;
    assert_eq!(step.status, 200, "{step:?}");
    assert!(step.body["remaining"].as_i64() > Some(0), "one step is bounded: {step:?}");
    callers.expect_the_end();
    server.kill().await;
    assert!(callers.end().await > 0, "nobody asked meanwhile");

    // What is half turned needs both keys, and a start with the new one alone is refused.
    let alone = [("KEYHAVEN_MASTER_KEY", keys.new.as_str())];
    assert_refused(&installation, &alone, "which is not loaded").await;

    let server = serve(&installation, &vault, &keys).await;
    let callers = Callers::start(&vault, &server, &tokens).await;
    let left = rekey(&installation, &keys).await;
    assert_eq!((&left["remaining"], &left["failed"]), (&json!(0), &json!(0)), "{left:#}");
    callers.expect_the_end();
    server.kill().await;
    assert!(callers.end().await > 0, "nobody asked meanwhile");

    let mut command = vault.command(&installation);
    command.env("KEYHAVEN_MASTER_KEY", &keys.new);
    let server = Server::start_with(command).await;
    let mut session = vault.session(&server).await;
    for (connection, token) in tokens.iter() {
        assert_eq!(session.token_at_last(connection).await, *token, "without the old key");
    }
    let at = session.get("/v1/master-key".to_owned()).await;
    assert_eq!(at["remaining"], 0, "{at:#}");
    assert_eq!(vault.fake.refreshes(), CONNECTIONS, "no token had to be fetched again");
    server.kill().await;
}

/// Connections under the old key, each with its token.
async fn connected(installation: &Installation, vault: &Vault) -> Vec<(String, String)> {
    let server = vault.serve(installation).await;
    let mut session = vault.session(&server).await;
    let mut ids = Vec::new();
    for number in 0..CONNECTIONS {
        ids.push(vault.import(&mut session, &format!("account-{number}")).await);
    }
    until("all have a token", || vault.fake.refreshes() == CONNECTIONS).await;
    let mut connections = Vec::new();
    for id in ids {
        let token = session.token_at_last(&id).await;
        connections.push((id, token));
    }
    server.kill().await;
    connections
}

async fn serve(installation: &Installation, vault: &Vault, keys: &Keys) -> Server {
    let mut command = vault.command(installation);
    keys.both(&mut command);
    Server::start_with(command).await
}

/// `keyhaven rekey` beside the running server.
async fn rekey(installation: &Installation, keys: &Keys) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyhaven"));
    command.env_clear().arg("rekey").arg("--json").arg("--data").arg(installation.data());
    if let Some(url) = installation.database() {
        command.env("KEYHAVEN_DATABASE", url);
    }
    keys.both(&mut command);
    let ended = command.stdin(Stdio::null()).output().await.expect("it runs");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{said}");
    serde_json::from_slice(&ended.stdout).expect("a document")
}

/// Callers who ask for every token again and again, and know what it is.
struct Callers {
    ending: Arc<AtomicBool>,
    tasks: JoinSet<u64>,
}

impl Callers {
    async fn start(vault: &Vault, server: &Server, tokens: &Arc<Vec<(String, String)>>) -> Self {
        let session: Session = vault.session(server).await;
        let (ending, mut tasks) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
        for nth in 0..CALLERS {
            let (address, bearer) = (server.address, session.bearer().to_owned());
            let (tokens, ending) = (tokens.clone(), ending.clone());
            tasks.spawn(async move {
                let mut caller = Caller::patient(address);
                let mut opened = 0;
                for (connection, token) in tokens.iter().cycle().skip(nth * 37) {
                    let path = format!("/v1/connections/{connection}/token");
                    let order = Order::bearing(Method::POST, path, &bearer, &json!({}));
                    match caller.send(&order).await {
                        Ok(answer) => {
                            assert_eq!(answer.status, 200, "{answer:?}");
                            assert_eq!(answer.text("access_token"), *token);
                            opened += 1;
                        }
                        Err(_) if ending.load(Ordering::Acquire) => break,
                        Err(cut) => panic!("{cut:?} before the end"),
                    }
                }
                opened
            });
        }
        Self { ending, tasks }
    }

    fn expect_the_end(&self) {
        self.ending.store(true, Ordering::Release);
    }

    async fn end(self) -> u64 {
        self.tasks.join_all().await.into_iter().sum()
    }
}
