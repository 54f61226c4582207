//! F17: SIGTERM under load. The node takes no new connections, finishes what is under way, and
//! ends with exit code 0 within twenty seconds; nothing acknowledged is lost.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::chance::Chance;
use super::installation::{As, Installation};
use super::ledger::{Clients, Load, check_all};
use super::locked::Lock;
use super::server::Server;
use super::wire::{Caller, Order};

/// The promise of F17.
const ENDS_WITHIN: Duration = Duration::from_secs(20);

const CALLERS: usize = 24;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_by_sigterm_on_sqlite() {
    survives_sigterm(Installation::sqlite(), Chance::seeded("SIGTERM on SQLite")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_by_sigterm_on_postgres() {
    survives_sigterm(Installation::postgres(), Chance::seeded("SIGTERM on PostgreSQL")).await;
}

async fn survives_sigterm(installation: Installation, mut chance: Chance) {
    let clients = Clients::register(&installation).await;
    let server = Server::start(&installation).await;
    let (address, issuer) = (server.address, server.issuer.clone());
    let load = Load::start(address, &issuer, &clients, CALLERS, &mut chance);
    load.until_acknowledged(100 + chance.below(200)).await;
    load.expect_the_end();
    server.ask_to_stop();
    let status = server.ended(ENDS_WITHIN).await;
    assert_eq!(status.code(), Some(0), "{status}");
    assert!(TcpStream::connect(address).await.is_err(), "somebody still listens");
    let ledgers = load.end().await;
    let again = Server::start(&installation).await;
    assert!(check_all(ledgers, &again, &clients).await > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_under_way_are_answered_before_the_end() {
    let installation = Installation::sqlite();
    let [opaque, jwt] = installation.register([As::Opaque, As::Jwt]).await;
    let (opaque, server) = (Arc::new(opaque), Server::start(&installation).await);
    let mut callers = Vec::new();
    for _ in 0..8 {
        let mut caller = Caller::of(server.address);
        assert_eq!(caller.ask(&Order::issue(&opaque)).await.status, 200);
        callers.push(caller);
    }
    let lock = Lock::hold(&installation, Duration::from_secs(1)).await;
    let mut under_way = JoinSet::new();
    for mut caller in callers {
        let opaque = Arc::clone(&opaque);
        under_way.spawn(async move { caller.send(&Order::issue(&opaque)).await });
    }
    // Many a round trip later, the writes have arrived; the lock keeps them from being answered.
    let mut beside = Caller::of(server.address);
    for _ in 0..50 {
        assert_eq!(beside.ask(&Order::issue(&jwt)).await.status, 200);
    }
    assert!(lock.is_held(), "the lock went before the signal");
    server.ask_to_stop();
    let status = server.ended(ENDS_WITHIN).await;
    assert_eq!(status.code(), Some(0), "{status}");
    for answer in under_way.join_all().await {
        let answer = answer.expect("a request under way was cut off");
        assert!(answer.unavailable() || answer.status == 200, "{answer:?}");
    }
}
