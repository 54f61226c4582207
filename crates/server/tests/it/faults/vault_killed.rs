//! F01 on the vault: kill -9 between a provider's reply and its commit, and at any instant under load.
//! Within the provider's grace a connection heals by itself; without one its state says exactly what
//! happened. A refresh token whose storing was acknowledged is never lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use keyhaven_fake_provider::{Act, Endpoint, Gate, Reuse, Rules};
use serde_json::json;
use tokio::task::JoinSet;

use super::chance::Chance;
use super::installation::Installation;
use super::server::Server;
use super::vault::{Session, Vault, forgives_the_last, until};
use super::wire::{Caller, Order};

const ROUNDS: usize = 3;
const CONNECTIONS: usize = 12;
const CALLERS: usize = 24;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_between_reply_and_commit_heals_within_the_grace_on_sqlite() {
    heals_within_the_grace(Installation::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_between_reply_and_commit_heals_within_the_grace_on_postgres() {
    heals_within_the_grace(Installation::postgres()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_between_reply_and_commit_without_a_grace_is_told_precisely_on_sqlite() {
    is_told_precisely(Installation::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_between_reply_and_commit_without_a_grace_is_told_precisely_on_postgres() {
    is_told_precisely(Installation::postgres()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_rotation_is_lost_by_kill_9_on_sqlite() {
    survives_kill_9(Installation::sqlite(), 1, Chance::seeded("vault, SQLite")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_rotation_is_lost_by_kill_9_of_two_nodes_on_postgres() {
    survives_kill_9(Installation::postgres(), 2, Chance::seeded("vault, PostgreSQL")).await;
}

/// A server that dies with a reply in its socket: the provider has turned the token, and no commit
/// knows the next one.
async fn killed_with_a_reply(installation: &Installation, vault: &Vault) -> String {
    let server = vault.serve(installation).await;
    let gate = Gate::default();
    vault.fake.next(Endpoint::Token, Act::WaitFor(gate.clone()));
    let connection = vault.import(&mut vault.session(&server).await, "account-1").await;
    // What has no access token is due at once, and nothing is sent before it is written down.
    until("a refresh is under way", || vault.fake.requests(Endpoint::Token) == 1).await;
    server.pause();
    gate.open();
    until("the provider has acted", || vault.fake.refreshes() == 1).await;
    server.kill().await;
    connection
}

async fn heals_within_the_grace(installation: Installation) {
    let vault = Vault::furnish(&installation, forgives_the_last(), "10m").await;
    let connection = killed_with_a_reply(&installation, &vault).await;
    let server = vault.serve(&installation).await;
    let mut session = vault.session(&server).await;
    let token = session.token_at_last(&connection).await;
    assert_eq!(vault.fake.account_of(&token).as_deref(), Some("account-1"));
    assert_eq!(vault.fake.refreshes(), 2, "the same token once more, and no third time");
    assert_eq!(session.status(&connection).await, "active");
    assert!(session.told(&connection).await.contains("refreshed"));
    server.kill().await;
}

async fn is_told_precisely(installation: Installation) {
    let strict = Rules { reuse: Reuse::Revoke, ..Rules::default() };
    let vault = Vault::furnish(&installation, strict, "0s").await;
    let connection = killed_with_a_reply(&installation, &vault).await;
    let server = vault.serve(&installation).await;
    let mut session = vault.session(&server).await;
    let lost = loop {
        let answer = session.token(&connection).await;
        if answer.status != 503 {
            break answer;
        }
    };
    assert_eq!((lost.status, &lost.body["error"]), (409, &json!("needs_reauth")), "{lost:?}");
    assert_eq!(lost.body["reason"], "reply_lost", "{lost:?}");
    assert!(lost.text("reconnect_url").contains(&connection), "{lost:?}");
    assert_eq!(vault.fake.refreshes(), 2, "one more try, and no more");
    server.kill().await;
}

/// Tokens so short that every call refreshes behind itself, and ends of servers at any instant.
async fn survives_kill_9(installation: Installation, nodes: usize, mut chance: Chance) {
    let short = Rules { lifetime: Some(60), ..forgives_the_last() };
    let vault = Vault::furnish(&installation, short, "10m").await;
    let mut connections = Vec::new();
    for round in 0..ROUNDS {
        let servers = serve(&vault, &installation, nodes).await;
        let mut session = vault.session(&servers[0]).await;
        if connections.is_empty() {
            for number in 0..CONNECTIONS {
                connections.push(vault.import(&mut session, &format!("account-{number}")).await);
            }
        }
        open_all(&vault, &mut session, &connections).await;
        let before = vault.fake.refreshes();
        let ending = Arc::new(AtomicBool::new(false));
        let mut callers = JoinSet::new();
        for nth in 0..CALLERS {
            let server = &servers[nth % nodes];
            let (bearer, connection) =
                (session_at(&vault, server).await, &connections[nth % CONNECTIONS]);
            callers.spawn(call(server.address, bearer, connection.clone(), ending.clone()));
        }
        let enough = before + 40 + usize::try_from(chance.below(60)).expect("few");
        until("refreshes under load", || vault.fake.refreshes() >= enough).await;
        ending.store(true, Ordering::Release);
        for server in servers {
            server.kill().await;
        }
        let handed: u64 = callers.join_all().await.into_iter().sum();
        assert!(handed > 0, "round {round} handed out nothing");
    }
    let servers = serve(&vault, &installation, 1).await;
    let mut session = vault.session(&servers[0]).await;
    open_all(&vault, &mut session, &connections).await;
    assert_eq!(vault.fake.live_grants(), CONNECTIONS, "a grant was lost");
}

async fn serve(vault: &Vault, installation: &Installation, nodes: usize) -> Vec<Server> {
    let mut servers = Vec::new();
    for _ in 0..nodes {
        servers.push(vault.serve(installation).await);
    }
    servers
}

async fn session_at(vault: &Vault, server: &Server) -> String {
    vault.session(server).await.bearer().to_owned()
}

/// Every connection has a token, and it opens the right account.
async fn open_all(vault: &Vault, session: &mut Session, connections: &[String]) {
    for (number, connection) in connections.iter().enumerate() {
        let token = session.token_at_last(connection).await;
        let account = vault.fake.account_of(&token);
        assert_eq!(account, Some(format!("account-{number}")), "{connection}");
        let status = session.status(connection).await;
        assert!(matches!(status.as_str(), "active" | "refreshing"), "{connection}: {status}");
    }
}

/// Asks for one connection's token until the server is gone; how many were handed out.
async fn call(
    address: std::net::SocketAddr,
    bearer: String,
    connection: String,
    ending: Arc<AtomicBool>,
) -> u64 {
    let mut caller = Caller::patient(address);
    let path = format!("/v1/connections/{connection}/token");
    let order = Order::bearing(hyper::Method::POST, path, &bearer, &json!({}));
    let mut handed = 0;
    loop {
        match caller.send(&order).await {
            Ok(answer) if answer.status == 200 => handed += 1,
            Ok(answer) => assert_eq!(answer.status, 503, "{answer:?}"),
            Err(_) if ending.load(Ordering::Acquire) => return handed,
            Err(cut) => panic!("{cut:?} before the end"),
        }
    }
}
