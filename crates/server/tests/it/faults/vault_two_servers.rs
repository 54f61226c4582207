//! F13 on the vault: two servers on one PostgreSQL. A thousand callers of a connection that has just
//! expired cause one refresh upstream per rotation, and what is due is refreshed by one of them.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use keyhaven::app::App;
use keyhaven_fake_provider::{Act, Endpoint, Rules};
use keyhaven_protocol::id::ConnectionId;
use keyhaven_store::changes::{Change, HEARD_WITHIN, Kind};
use keyhaven_store::engine::{Commit, Statement, Step};
use keyhaven_store::values;
use serde_json::json;

use super::installation::Installation;
use super::server::Server;
use super::stopwatch::real_clock;
use super::vault::{Vault, until};
use super::wire::{Caller, Order};

const CALLERS: usize = 1_000;
const ROTATIONS: usize = 3;
const DUE: usize = 60;

static EXPIRE: Statement = Statement::new(
    "faults.expire_access",
    "UPDATE connections SET access_ends_at = 1, due_at = NULL WHERE id = $1",
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_callers_of_two_servers_cause_one_refresh_per_rotation() {
    let installation = Installation::postgres();
    // Every older refresh token that is sent would end the grant.
    let vault = Vault::furnish(&installation, Rules::default(), "0s").await;
    let servers = [vault.serve(&installation).await, vault.serve(&installation).await];
    let mut session = vault.session(&servers[0]).await;
    let connection = vault.import(&mut session, "account-1").await;
    session.token_at_last(&connection).await;
    let beside = installation.open(real_clock(0)).await;
    let mut callers = callers(&vault, &servers, &connection).await;
    for rotation in 1..=ROTATIONS {
        let before = vault.fake.refreshes();
        vault.fake.next(Endpoint::Token, Act::Delay(500));
        expire(&beside.app, &connection).await;
        let answers = join_all(callers.iter_mut().map(|(caller, order)| caller.ask(order))).await;
        let tokens: BTreeSet<String> = answers
            .iter()
            .map(|answer| {
                assert_eq!(answer.status, 200, "{answer:?}");
                answer.text("access_token")
            })
            .collect();
        assert_eq!(tokens.len(), 1, "rotation {rotation}: {tokens:?}");
        assert_eq!(vault.fake.refreshes() - before, 1, "rotation {rotation}");
    }
    assert_eq!(vault.fake.live_grants(), 1, "a spent token was sent again");
    beside.app.store.engine().close().await.expect("closes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_due_is_refreshed_by_one_of_two_servers() {
    let installation = Installation::postgres();
    let vault = Vault::furnish(&installation, Rules::default(), "0s").await;
    let servers = [vault.serve(&installation).await, vault.serve(&installation).await];
    let mut session = vault.session(&servers[0]).await;
    for number in 0..DUE {
        vault.import(&mut session, &format!("account-{number}")).await;
    }
    until("all are refreshed", || vault.fake.refreshes() >= DUE).await;
    let (organization, connector) = (&vault.organization, &vault.connector);
    let filter = format!("organization={organization}&connector={connector}&status=active");
    let path = format!("/v1/connections?{filter}&limit=100");
    let active = session.get(path).await;
    assert_eq!(active["items"].as_array().map(Vec::len), Some(DUE));
    assert_eq!((vault.fake.refreshes(), vault.fake.live_grants()), (DUE, DUE));
}

/// Half of them at each server, each with a connection of its own.
async fn callers(vault: &Vault, servers: &[Server; 2], connection: &str) -> Vec<(Caller, Order)> {
    let path = format!("/v1/connections/{connection}/token");
    let mut callers = Vec::with_capacity(CALLERS);
    for server in servers {
        let session = vault.session(server).await;
        for _ in 0..CALLERS / 2 {
            let (path, post) = (path.clone(), hyper::Method::POST);
            let order = Order::bearing(post, path, session.bearer(), &json!({}));
            callers.push((Caller::patient(server.address), order));
        }
    }
    callers
}

/// Ends the access token by hand, and waits until no node remembers it.
async fn expire(app: &App, connection: &str) {
    let id = ConnectionId::parse(connection).expect("an id");
    let told = Change::of(Kind::Connection, id.0).step(app.id());
    let steps = vec![Step::one(&EXPIRE, values![id.0]), told];
    let done = app.store.engine().commit(steps).await.expect("commits");
    assert!(matches!(done, Commit::Done(_)));
    let heard = Duration::from_secs(HEARD_WITHIN.0.unsigned_abs());
    tokio::time::sleep(heard + Duration::from_millis(100)).await;
}
