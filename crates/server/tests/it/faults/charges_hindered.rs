//! F03, F04 and F06 on the ledger: no room, no database, a database that is locked or undoes commits.
//! Charges answer 503 and go on by themselves; none is lost, none happens twice.

use std::fs;
use std::time::Duration;

use serde_json::json;

use super::books::books_are_right;
use super::charging::{Acknowledged, Callers, Charging};
use super::cluster::Cluster;
use super::disk_full::{Disk, MOST_WRITES};
use super::installation::Installation;
use super::locked::Lock;
use super::server::Server;
use super::wire::Caller;
use crate::harness;

/// More than any of these tests charges.
const LIMIT: i64 = 1_000_000;

/// The promise of F04.
const TOLD_WITHIN: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_charges_and_loses_none() {
    let prepared = Installation::sqlite();
    let charging = Charging::furnish(&prepared, LIMIT).await;
    let disk = Disk::with(&prepared).await;
    let (mut caller, token) = (Caller::of(disk.server.address), charging.token(&disk.server).await);
    let mut told = Acknowledged::new();
    let ballast = disk.fill();
    let mut refused = 0;
    for nth in 0..MOST_WRITES {
        let name = nth.to_string();
        let answer = caller.ask(&charging.order(&token, &name)).await;
        if answer.not_now() {
            refused += 1;
            assert_eq!(caller.ask(&charging.check()).await.status, 200, "a check writes nothing");
        } else {
            told.insert(name, answer.text("id"));
        }
        if refused == 5 {
            break;
        }
    }
    assert_eq!(refused, 5, "a full disk took {MOST_WRITES} charges");
    fs::remove_file(ballast).expect("the ballast goes");
    let healed = caller.ask(&charging.order(&token, "healed")).await;
    assert_eq!(healed.status, 200, "{healed:?}");
    told.insert("healed".into(), healed.text("id"));
    charging.repeat_all(&disk.server, &told).await;
    let rescued = disk.rescue().await;
    books_are_right(&rescued, &told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn charges_while_the_database_is_gone_answer_503_and_go_on_afterwards() {
    let cluster = Cluster::start();
    let installation = Installation::on(cluster.database());
    let charging = Charging::furnish(&installation, LIMIT).await;
    let servers = [Server::start(&installation).await, Server::start(&installation).await];
    let callers = Callers::start(&charging, &servers, 16, "a", None).await;
    callers.until_acknowledged(100).await;
    tokio::task::block_in_place(|| cluster.stop());
    callers.until_unavailable(50).await;
    tokio::task::block_in_place(|| cluster.serve());
    callers.until_acknowledged(100).await;
    tokio::task::block_in_place(|| cluster.stop_at_once());
    callers.until_unavailable(50).await;
    tokio::task::block_in_place(|| cluster.serve());
    callers.until_acknowledged(100).await;
    let (told, slowest) = callers.end().await;
    assert!(slowest <= TOLD_WITHIN, "told after {slowest:?}");
    charging.repeat_all(&servers[1], &told).await;
    for server in servers {
        server.kill().await;
    }
    books_are_right(&installation, &told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn charges_wait_for_a_lock_held_elsewhere_or_are_told_not_now() {
    let installation = Installation::sqlite();
    let charging = Charging::furnish(&installation, LIMIT).await;
    let servers = [Server::start(&installation).await];
    let callers = Callers::start(&charging, &servers, 8, "a", None).await;
    callers.until_acknowledged(20).await;
    let lock = Lock::hold(&installation, Duration::from_secs(3)).await;
    let (mut caller, mut checks) = (Caller::of(servers[0].address), 0);
    while lock.is_held() {
        assert_eq!(caller.ask(&charging.check()).await.status, 200, "a check writes nothing");
        checks += 1;
    }
    lock.released().await;
    assert!(checks > 0, "the lock was not held while requests ran");
    callers.until_acknowledged(20).await;
    let (told, _) = callers.end().await;
    charging.repeat_all(&servers[0], &told).await;
    for server in servers {
        server.kill().await;
    }
    books_are_right(&installation, &told).await;
}

/// A deadlock or a serialization failure: the database undid the commit, so it is tried again, a few
/// times; after that nothing has happened, and the name may be used again.
#[tokio::test]
async fn a_charge_that_the_database_undoes_is_tried_again_and_never_half_done() {
    let server = harness::Server::start().await;
    let key = server.a_key(json!({"limit": {"amount": "10", "unit": "tokens"}})).await;
    let meter = server.a_meter().await;
    let body = json!({"credential": key.text, "cost": {"amount": "1", "unit": "tokens"}});
    let charge = async |name: &str| {
        let post = server.post("/v1/usage/charge").bearer(&meter);
        post.header("idempotency-key", name).json(body.clone()).await
    };
    for (undone, name) in [(1, "one"), (3, "three")] {
        server.database.undo_commits(undone);
        assert_eq!(charge(name).await.expect(200)["repeated"], false, "{undone} times");
    }
    let before = server.database.commits();
    server.database.undo_commits(100);
    let given_up = charge("given-up").await;
    assert_eq!((given_up.status, given_up.header("retry-after")), (503, "1"));
    assert_eq!(server.database.commits() - before, 5, "bounded");
    server.database.undo_commits(0);
    let done = charge("given-up").await.expect(200);
    assert_eq!((&done["repeated"], &done["budgets"][0]["left"]), (&json!(false), &json!("7")));
    assert_eq!(server.app.store.check_books().await.expect("reads"), []);
}
