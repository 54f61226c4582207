//! F01 and F13 on the ledger: kill -9 at any instant while many charge one budget. Every acknowledged
//! charge is there, nothing is overspent, and history adds up to every balance.

use super::books::books_are_right;
use super::chance::Chance;
use super::charging::{Acknowledged, Callers, Charging};
use super::installation::Installation;
use super::server::Server;

const ROUNDS: usize = 4;
const CALLERS: usize = 24;

/// Less than the callers could spend: most of the later charges are refused.
const LIMIT: i64 = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_charge_is_lost_by_kill_9_on_sqlite() {
    survives(Installation::sqlite(), 1, Chance::seeded("charges, SQLite")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_charge_is_lost_by_kill_9_of_two_nodes_on_postgres() {
    survives(Installation::postgres(), 2, Chance::seeded("charges, PostgreSQL")).await;
}

async fn survives(installation: Installation, nodes: usize, mut chance: Chance) {
    let charging = Charging::furnish(&installation, LIMIT).await;
    let mut told = Acknowledged::new();
    for round in 0..ROUNDS {
        let servers = start(&installation, nodes).await;
        charging.repeat_all(&servers[0], &told).await;
        let callers = Callers::start(&charging, &servers, CALLERS, &round.to_string(), None).await;
        callers.until_answered(1 + chance.below(200)).await;
        callers.expect_the_end();
        for server in servers {
            server.kill().await;
        }
        told.extend(callers.done().await.0);
    }
    let server = Server::start(&installation).await;
    charging.repeat_all(&server, &told).await;
    server.kill().await;
    books_are_right(&installation, &told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_charges_on_a_hundred_units_are_a_hundred_in_spite_of_kill_9_on_sqlite() {
    a_thousand_on_a_hundred(Installation::sqlite(), 1, Kill::InTheMiddle).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_charges_on_a_hundred_units_are_a_hundred_in_spite_of_kill_9_on_postgres() {
    a_thousand_on_a_hundred(Installation::postgres(), 2, Kill::InTheMiddle).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_charges_on_a_hundred_units_are_a_hundred_over_two_nodes() {
    a_thousand_on_a_hundred(Installation::postgres(), 2, Kill::Nobody).await;
}

#[derive(PartialEq, Eq)]
enum Kill {
    InTheMiddle,
    Nobody,
}

/// Fifty callers with twenty names each. What was cut off is asked again, under its name.
async fn a_thousand_on_a_hundred(installation: Installation, nodes: usize, kill: Kill) {
    let charging = Charging::furnish(&installation, 100).await;
    let mut servers = start(&installation, nodes).await;
    let callers = Callers::start(&charging, &servers, 50, "a", Some(20)).await;
    if kill == Kill::InTheMiddle {
        callers.until_begun().await;
        callers.expect_the_end();
        servers.remove(0).kill().await;
        servers.push(Server::start(&installation).await);
    }
    let (first, _) = callers.done().await;
    let again = Callers::start(&charging, &servers, 50, "a", Some(20)).await;
    let (told, _) = again.done().await;
    assert_eq!(told.len(), 100, "of a thousand names");
    for (name, id) in &first {
        assert_eq!(told.get(name), Some(id), "the acknowledged charge {name}");
    }
    for server in servers {
        server.kill().await;
    }
    assert_eq!(books_are_right(&installation, &told).await, 100);
}

async fn start(installation: &Installation, nodes: usize) -> Vec<Server> {
    let mut servers = Vec::new();
    for _ in 0..nodes {
        servers.push(Server::start(installation).await);
    }
    servers
}
