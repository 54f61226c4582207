//! What ended is ended: from memory and from the database alike, after a restart, on another node,
//! and when the one who asked for it went away before the answer.

use std::time::Duration;

use keyhaven_protocol::id::{GrantId, TokenId};
use keyhaven_protocol::time::Timestamp;
use keyhaven_protocol::token::Ended;
use keyhaven_store::Store;
use keyhaven_store::engine::Statement;
use keyhaven_store::values;
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::families::{
    NOW, act_at, begin, digest, family, forgetful, fresh, id, remember, revoke, store, token,
};
use crate::harness::{Place, until_waiting};

on_every_engine![
    memory_and_the_database_agree_on_what_ended,
    what_ended_is_known_after_a_restart,
    ending_twice_is_a_success_and_writes_once,
    another_node_reads_what_ended_once_memory_is_stale,
];

static GRANT_REVOKED_AT: Statement =
    Statement::new("contract.grant_revoked_at", "SELECT revoked_at FROM grants WHERE id = $1");

async fn end_of(store: &Store, number: u16, grant: Option<u16>, tick: u64) -> Ended {
    let grant = grant.map(|grant| GrantId(id(grant)));
    store.find_end(TokenId(id(number)), grant, None, tick).await.expect("reads")
}

async fn memory_and_the_database_agree_on_what_ended(place: Place) {
    let store = store(&place).await;
    for number in 1..=3 {
        begin(&store, &family(number, None)).await;
        remember(&store, &token(100 + number, Some(number)), digest(100 + number, 0)).await;
    }
    store.revoke_token(&token(101, Some(1)), None, act_at(NOW)).await.expect("commits");
    revoke(&store, 2).await;
    let database = forgetful(&place).await;
    for (number, expected) in [(1, Ended::Token), (2, Ended::Grant), (3, Ended::No)] {
        let from_memory = end_of(&store, 100 + number, Some(number), fresh(&store)).await;
        let from_database = end_of(&database, 100 + number, Some(number), u64::MAX).await;
        assert_eq!((from_memory, from_database), (expected, expected), "token {number}");
    }
}

async fn what_ended_is_known_after_a_restart(place: Place) {
    let before = store(&place).await;
    for number in 1..=3 {
        begin(&before, &family(number, None)).await;
    }
    before.revoke_token(&token(101, Some(1)), None, act_at(NOW)).await.expect("commits");
    revoke(&before, 2).await;
    before.engine().close().await.expect("closes");
    let after = store(&place).await;
    after.load_ended(Timestamp(NOW.0 + 10)).await.expect("loads");
    let tick = fresh(&after);
    assert_eq!(end_of(&after, 101, Some(1), tick).await, Ended::Token);
    assert_eq!(end_of(&after, 102, Some(2), tick).await, Ended::Grant);
    assert_eq!(end_of(&after, 103, Some(3), tick).await, Ended::No);
}

async fn ending_twice_is_a_success_and_writes_once(place: Place) {
    let store = store(&place).await;
    begin(&store, &family(1, None)).await;
    let later = Timestamp(NOW.0 + 50);
    for at in [NOW, later] {
        store.revoke_token(&token(9, None), None, act_at(at)).await.expect("a success");
        let grant = GrantId(id(1));
        store.revoke_grant(None, grant, "again", act_at(at)).await.expect("a success");
    }
    let rows = store.engine().read(&GRANT_REVOKED_AT, values![id(1)]).await.expect("reads");
    assert_eq!(rows[0].time(0).expect("a time"), NOW, "the first end was written over");
}

async fn another_node_reads_what_ended_once_memory_is_stale(place: Place) {
    let (one, other) = (store(&place).await, store(&place).await);
    begin(&one, &family(1, None)).await;
    assert_eq!(end_of(&other, 9, Some(1), fresh(&other)).await, Ended::No);
    revoke(&one, 1).await;
    if other.engine().name() == "postgres" {
        assert_eq!(end_of(&other, 9, Some(1), u64::MAX).await, Ended::Grant);
    }
    assert!(other.engine().changed_elsewhere(), "the other node would not look");
}

/// A caller's connection may end while its revocation waits for the disk. It becomes durable, so it
/// must be in force too; and asking again must not succeed without effect.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_is_in_force_although_its_caller_went_away() {
    let place = Place::sqlite();
    let store = store(&place).await;
    crate::harness::furnish(&**store.engine()).await;
    begin(&store, &family(1, None)).await;
    assert_eq!(end_of(&store, 9, Some(1), 0).await, Ended::No);
    let lock = place.block_writes().await;
    let caller = tokio::spawn({
        let store = store.clone();
        async move { revoke(&store, 1).await }
    });
    until_waiting(&**store.engine(), 1).await;
    caller.abort();
    assert!(caller.await.expect_err("went away").is_cancelled());
    lock.release().await;
    let in_force = async {
        while end_of(&store, 9, Some(1), 0).await != Ended::Grant {
            yield_now().await;
        }
    };
    let waited = timeout(Duration::from_secs(5), in_force).await;
    waited.expect("durable, and still believed");
}
