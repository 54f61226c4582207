//! Commits that wait: how many may, what closing does to them, and who goes away.

use std::sync::Arc;
use std::time::Duration;

use keyhaven_store::Error;
use keyhaven_store::engine::{Commit, Options};
use tokio::task::JoinSet;

use crate::harness::{Place, done, furnish, note, notes_in, raise_any, until_waiting, value_of};

on_every_engine![
    a_full_queue_answers_busy_at_once,
    closing_waits_for_commits_already_accepted,
    a_closed_engine_refuses_commits,
    callers_that_go_away_leave_nothing_half_done,
];

/// Long enough that nothing gives up while a test holds a lock.
fn patient(waiting: usize) -> Options {
    Options { waiting, deadline: Duration::from_secs(60), ..Options::default() }
}

async fn a_full_queue_answers_busy_at_once(place: Place) {
    let engine = place.open_with(patient(8)).await;
    furnish(&*engine).await;
    let blocked = place.block_writes().await;
    let mut accepted = JoinSet::new();
    for id in 0..8 {
        let engine = Arc::clone(&engine);
        let steps = if id % 2 == 0 { vec![note(id)] } else { vec![note(id), raise_any(1)] };
        accepted.spawn(async move { engine.commit(steps).await });
    }
    until_waiting(&*engine, 8).await;
    for steps in [vec![note(8)], vec![note(9), raise_any(1)]] {
        let Err(Error::Busy(reason)) = engine.commit(steps).await else {
            panic!("a ninth commit was accepted")
        };
        assert_eq!(reason.to_string(), "too many commits wait");
    }
    blocked.release().await;
    accepted.join_all().await.into_iter().for_each(|outcome| drop(done(outcome)));
    done(engine.commit(vec![note(10)]).await);
    assert_eq!(notes_in(&*engine).await, 9);
}

async fn closing_waits_for_commits_already_accepted(place: Place) {
    let engine = place.open_with(patient(64)).await;
    furnish(&*engine).await;
    let blocked = place.block_writes().await;
    let mut accepted = JoinSet::new();
    for id in 0..20 {
        let engine = Arc::clone(&engine);
        let steps = if id % 2 == 0 { vec![note(id)] } else { vec![note(id), raise_any(1)] };
        accepted.spawn(async move { engine.commit(steps).await });
    }
    until_waiting(&*engine, 20).await;
    let (closed, ()) = tokio::join!(engine.close(), blocked.release());
    closed.expect("closes");
    accepted.join_all().await.into_iter().for_each(|outcome| drop(done(outcome)));
    assert_eq!(notes_in(&*place.open().await).await, 20);
}

async fn a_closed_engine_refuses_commits(place: Place) {
    let engine = place.open().await;
    furnish(&*engine).await;
    engine.close().await.expect("closes");
    for steps in [vec![note(1)], vec![note(2), raise_any(1)]] {
        let Err(Error::Busy(reason)) = engine.commit(steps).await else {
            panic!("a commit after closing was accepted")
        };
        assert_eq!(reason.to_string(), "shutting down");
    }
    engine.close().await.expect("closing twice is closing once");
    assert_eq!(notes_in(&*place.open().await).await, 0);
}

async fn callers_that_go_away_leave_nothing_half_done(place: Place) {
    let engine = place.open().await;
    furnish(&*engine).await;
    for round in 0..20 {
        let mut callers = JoinSet::new();
        for nth in 0..10 {
            let engine = Arc::clone(&engine);
            let steps = vec![note(round * 10 + nth), raise_any(1)];
            callers.spawn(async move { engine.commit(steps).await });
        }
        let first = callers.join_next().await.expect("a caller").expect("no panic");
        assert!(matches!(first, Ok(Commit::Done(_))), "{first:?}");
        callers.shutdown().await;
    }
    engine.close().await.expect("closes");
    let engine = place.open().await;
    assert_eq!(notes_in(&*engine).await, value_of(&*engine, 1).await);
}
