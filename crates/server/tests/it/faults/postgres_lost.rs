//! F04: PostgreSQL is stopped and started again under load. Everything that needs it answers 503
//! with Retry-After within two seconds, nobody is told that a credential is wrong, no revocation
//! claims success, no remembered "allow" is older than a second, and the node heals by itself.

use std::time::Duration;

use super::chance::Chance;
use super::cluster::Cluster;
use super::installation::{As, Installation, Registered};
use super::ledger::{Clients, Load, check_all};
use super::server::Server;
use super::stopwatch::{Stopwatch, millis};
use super::wire::{Caller, Order};

const CALLERS: usize = 16;

/// The promise of F04.
const TOLD_WITHIN: Duration = Duration::from_secs(2);

/// How old a remembered "allow" may be.
const REMEMBERED: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_goes_away_is_told_as_such_and_found_again() {
    let mut chance = Chance::seeded("PostgreSQL stopped");
    let cluster = Cluster::start();
    let installation = Installation::on(cluster.database());
    let clients = Clients::register(&installation).await;
    let server = Server::start(&installation).await;
    let load = Load::start(server.address, &server.issuer, &clients, CALLERS, &mut chance);
    let mut caller = Caller::of(server.address);
    let held = Held::acquire(&mut caller, &clients.opaque).await;
    load.until_acknowledged(300).await;

    tokio::task::block_in_place(|| cluster.stop());
    let gone = Stopwatch::start();
    held.is_not_believed_from_memory(&mut caller, &clients.opaque, gone).await;
    held.meets_only_503(&mut caller, &clients).await;
    load.until_unavailable(100).await;

    tokio::task::block_in_place(|| cluster.serve());
    load.until_acknowledged(300).await;
    let slowest = load.slowest_refusal();
    let ledgers = load.end().await;
    assert!(check_all(ledgers, &server, &clients).await > 0);
    assert!(Duration::from_millis(slowest) <= TOLD_WITHIN, "told after {slowest} ms");
    held.can_be_revoked_now(&mut caller, &clients.opaque).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jwt_is_not_believed_from_memory_either() {
    let cluster = Cluster::start();
    let installation = Installation::on(cluster.database());
    let [jwt] = installation.register([As::Jwt]).await;
    let server = Server::start(&installation).await;
    let mut caller = Caller::of(server.address);
    let held = Held::acquire(&mut caller, &jwt).await;
    tokio::task::block_in_place(|| cluster.stop());
    held.is_not_believed_from_memory(&mut caller, &jwt, Stopwatch::start()).await;
}

/// Credentials from before the fault.
struct Held {
    token: String,
    refresh: String,
}

impl Held {
    async fn acquire(caller: &mut Caller, client: &Registered) -> Self {
        let answer = caller.ask(&Order::begin(client)).await;
        let held =
            Self { token: answer.text("access_token"), refresh: answer.text("refresh_token") };
        for _ in 0..3 {
            assert!(caller.ask(&Order::introspect(client, &held.token)).await.active());
        }
        held
    }

    /// Asks until memory is no longer trusted: no question asked later than a second may be
    /// answered "active".
    async fn is_not_believed_from_memory(
        &self,
        caller: &mut Caller,
        client: &Registered,
        gone: Stopwatch,
    ) {
        loop {
            let asked = gone.elapsed();
            let answer = caller.ask(&Order::introspect(client, &self.token)).await;
            assert!(answer.took <= TOLD_WITHIN, "{answer:?}");
            if answer.unavailable() {
                return;
            }
            assert!(answer.active(), "alive, but told dead");
            assert!(asked <= REMEMBERED, "believed from memory {asked:?} after the loss");
        }
    }

    /// Every kind of request that needs the database.
    async fn meets_only_503(&self, caller: &mut Caller, clients: &Clients) {
        let client = &clients.opaque;
        let exp = i64::try_from(millis() / 1_000).expect("fits") + 200;
        let exp = keyhaven_protocol::time::Timestamp(exp);
        let assertion = clients.asserting.assertion("while down", "http://elsewhere", exp);
        let orders = [
            Order::issue(client),
            Order::issue_by(&assertion),
            Order::begin(client),
            Order::rotate(client, &self.refresh),
            Order::rotate(client, "nonsense"),
            Order::introspect(client, &self.token),
            Order::introspect(client, &self.refresh),
            Order::revoke(client, &self.token),
            Order::revoke(client, &self.refresh),
            Order::revoke_family(client, &self.token),
        ];
        for (nth, order) in orders.iter().enumerate() {
            let answer = caller.ask(order).await;
            if nth != NEEDS_NOTHING {
                assert!(answer.unavailable(), "request {nth}: {answer:?}");
            }
            assert!(answer.took <= TOLD_WITHIN, "request {nth}: {answer:?}");
        }
    }

    /// A refused revocation has not happened; asked again, it does (A53).
    async fn can_be_revoked_now(&self, caller: &mut Caller, client: &Registered) {
        assert!(caller.ask(&Order::introspect(client, &self.token)).await.active());
        assert_eq!(caller.ask(&Order::revoke(client, &self.refresh)).await.status, 200);
        assert!(!caller.ask(&Order::introspect(client, &self.token)).await.active());
        caller.ask(&Order::rotate(client, &self.refresh)).await.refused(400, "invalid_grant");
    }
}

/// The malformed refresh token is refused before anything is asked of the database.
const NEEDS_NOTHING: usize = 4;
