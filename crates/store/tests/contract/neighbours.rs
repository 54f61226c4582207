//! Two engines over one database: two nodes, or a CLI beside a running server.

use std::sync::Arc;

use keyhaven_store::Error;
use keyhaven_store::engine::{Commit, Engine, Location, Options, Statement, Step, Value, open};
use tokio::task::JoinSet;

use crate::harness::{Place, done, furnish, has_note, note, notes_in, raise, raise_any, value_of};

on_every_engine![
    engines_see_each_others_commits,
    one_of_many_guarded_updates_wins_across_engines,
    appends_of_two_engines_are_all_kept,
    a_commit_of_another_engine_is_noticed,
    commits_that_lock_in_opposite_order_stand_or_are_busy,
    engines_that_open_a_new_database_at_once_all_start,
    a_database_of_a_newer_release_is_refused,
    a_database_of_another_build_is_refused,
];

async fn engines_see_each_others_commits(place: Place) {
    let (here, there) = (place.open().await, place.open().await);
    furnish(&*here).await;
    for id in (0..20).step_by(2) {
        done(here.commit(vec![note(id)]).await);
        assert!(has_note(&*there, id).await);
        done(there.commit(vec![note(id + 1), raise_any(1)]).await);
        assert!(has_note(&*here, id + 1).await);
    }
    assert_eq!(value_of(&*here, 1).await, 10);
}

async fn one_of_many_guarded_updates_wins_across_engines(place: Place) {
    let engines = [place.open().await, place.open().await];
    furnish(&*engines[0]).await;
    for round in 0..10 {
        let mut tries = JoinSet::new();
        for nth in 0..20 {
            let engine = Arc::clone(&engines[nth % 2]);
            tries.spawn(async move { engine.commit(vec![raise(1, round)]).await });
        }
        let outcomes = tries.join_all().await;
        let winners = outcomes.iter().filter(|o| matches!(o, Ok(Commit::Done(_)))).count();
        let losers = outcomes.iter().filter(|o| matches!(o, Ok(Commit::Lost(0)))).count();
        assert_eq!((winners, losers), (1, 19), "{outcomes:?}");
    }
    assert_eq!(value_of(&*engines[0], 1).await, 10);
}

async fn appends_of_two_engines_are_all_kept(place: Place) {
    let engines = [place.open().await, place.open().await];
    furnish(&*engines[0]).await;
    let mut callers = JoinSet::new();
    for (caller, engine) in (0..16).zip(engines.iter().cycle()) {
        let engine = Arc::clone(engine);
        callers.spawn(async move {
            for nth in 0..10 {
                done(engine.commit(vec![note(caller * 100 + nth)]).await);
            }
        });
    }
    callers.join_all().await;
    assert_eq!(notes_in(&*engines[1]).await, 160);
}

async fn a_commit_of_another_engine_is_noticed(place: Place) {
    let (here, there) = (place.open().await, place.open().await);
    furnish(&*here).await;
    for id in (0..20).step_by(2) {
        here.changed_elsewhere();
        done(here.commit(vec![note(id)]).await);
        done(there.commit(vec![note(id + 1)]).await);
        assert!(here.changed_elsewhere(), "note {} went unnoticed", id + 1);
    }
}

async fn commits_that_lock_in_opposite_order_stand_or_are_busy(place: Place) {
    let engine = place.open().await;
    furnish(&*engine).await;
    let mut callers = JoinSet::new();
    for id in 0..40 {
        let engine = Arc::clone(&engine);
        let (first, second) = if id % 2 == 0 { (1, 2) } else { (2, 1) };
        let steps = vec![raise_any(first), note(id), raise_any(second)];
        callers.spawn(async move { engine.commit(steps).await });
    }
    let outcomes = callers.join_all().await;
    let stood = outcomes.iter().filter(|o| matches!(o, Ok(Commit::Done(_)))).count();
    let busy = outcomes.iter().filter(|o| matches!(o, Err(Error::Busy(_)))).count();
    assert_eq!(stood + busy, 40, "{outcomes:?}");
    let stood = i64::try_from(stood).expect("a small number");
    let raised = (value_of(&*engine, 1).await, value_of(&*engine, 2).await);
    assert_eq!((raised, notes_in(&*engine).await), ((stood, stood), stood));
}

async fn engines_that_open_a_new_database_at_once_all_start(place: Place) {
    let mut starts = JoinSet::new();
    for _ in 0..16 {
        let location = place.location.clone();
        starts.spawn(async move { open(&location, Options::default()).await.map(|_| ()) });
    }
    for start in starts.join_all().await {
        start.expect("the engine opens");
    }
}

async fn a_database_of_a_newer_release_is_refused(place: Place) {
    static FROM_THE_FUTURE: Statement = Statement::new(
        "scratch.from_the_future",
        "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) \
         VALUES (99999, 'future', '2031-01-01T00:00:00Z', '1')",
    );
    done(place.open().await.commit(vec![Step::one(&FROM_THE_FUTURE, vec![])]).await);
    let reason = refusal(&place.location).await;
    assert!(reason.contains("V99999__future"), "{reason}");
    assert!(reason.contains("a newer release"), "{reason}");
}

async fn a_database_of_another_build_is_refused(place: Place) {
    static CHANGED: Statement = Statement::new(
        "scratch.changed",
        "UPDATE refinery_schema_history SET checksum = $1 WHERE version = 1",
    );
    done(place.open().await.commit(vec![Step::one(&CHANGED, vec![Value::from("7")])]).await);
    let reason = refusal(&place.location).await;
    assert!(reason.contains("made by another build"), "{reason}");
}

async fn refusal(location: &Location) -> String {
    let opened: Result<Arc<dyn Engine>, Error> = open(location, Options::default()).await;
    match opened {
        Ok(_) => panic!("it was opened"),
        Err(error @ Error::Broken(_)) => error.to_string(),
        Err(Error::Busy(reason)) => panic!("refused only for now: {reason}"),
    }
}
