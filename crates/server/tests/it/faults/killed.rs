//! F01: kill -9 at any instant under load. Nothing acknowledged is lost, nothing is half issued,
//! and the node is back within five seconds without a hand.

use super::chance::Chance;
use super::cluster::Cluster;
use super::installation::Installation;
use super::ledger::{Clients, Load, check_all};
use super::server::Server;

const ROUNDS: usize = 5;
const CALLERS: usize = 24;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_by_kill_9_on_sqlite() {
    survives_kill_9(Installation::sqlite(), Chance::seeded("kill -9 on SQLite")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_by_kill_9_on_postgres() {
    survives_kill_9(Installation::postgres(), Chance::seeded("kill -9 on PostgreSQL")).await;
}

async fn survives_kill_9(installation: Installation, mut chance: Chance) {
    let clients = Clients::register(&installation).await;
    let mut server = Server::start(&installation).await;
    for round in 0..ROUNDS {
        let load = Load::start(server.address, &server.issuer, &clients, CALLERS, &mut chance);
        load.until_acknowledged(50 + chance.below(400)).await;
        load.expect_the_end();
        server.kill().await;
        let ledgers = load.end().await;
        server = Server::start(&installation).await;
        let checked = check_all(ledgers, &server, &clients).await;
        assert!(checked > 0, "round {round} acknowledged nothing that lasts");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_postgres_stops_at_once() {
    let mut chance = Chance::seeded("PostgreSQL stopped at once");
    let cluster = Cluster::start();
    let installation = Installation::on(cluster.database());
    let clients = Clients::register(&installation).await;
    let server = Server::start(&installation).await;
    let load = Load::start(server.address, &server.issuer, &clients, CALLERS, &mut chance);
    load.until_acknowledged(100 + chance.below(400)).await;
    cluster.stop_at_once();
    load.until_unavailable(20).await;
    cluster.serve();
    load.until_acknowledged(200).await;
    let ledgers = load.end().await;
    assert!(check_all(ledgers, &server, &clients).await > 0);
}
