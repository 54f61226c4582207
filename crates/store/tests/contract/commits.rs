//! A commit is all or nothing, and says which step lost.

use std::sync::Arc;

use keyhaven_store::Error;
use keyhaven_store::engine::{Commit, Engine, Rows, Step, Value};
use tokio::task::JoinSet;

use crate::harness::{
    APPEND_NOTE, FORGET_NOTES, Place, RAISE_ALL, done, furnish, has_note, lost, note, notes_in,
    raise, raise_any, value_of,
};

on_every_engine![
    a_commit_is_all_or_nothing,
    the_step_that_lost_is_told,
    an_earlier_loss_is_told_before_a_later_failure,
    a_single_step_that_changes_too_many_rows_changes_none,
    a_failing_step_undoes_the_steps_before_it,
    one_of_many_guarded_updates_wins,
    appends_under_concurrency_are_all_kept,
    a_failing_commit_in_a_group_leaves_its_neighbours_alone,
    a_lost_commit_in_a_group_leaves_its_neighbours_alone,
    a_commit_that_fails_after_its_guard_in_a_group_leaves_its_neighbours_alone,
    appends_of_several_statements_are_one_commit,
    returned_rows_and_counts_belong_to_their_steps,
    a_step_with_the_wrong_number_of_values_fails,
];

async fn a_commit_is_all_or_nothing(place: Place) {
    let engine = place.open().await;
    furnish(&*engine).await;
    done(engine.commit(vec![note(1), raise(1, 0), raise(2, 0)]).await);
    assert!(has_note(&*engine, 1).await);
    assert_eq!((value_of(&*engine, 1).await, value_of(&*engine, 2).await), (1, 1));

    lost(engine.commit(vec![note(2), raise(1, 1), raise(2, 7)]).await);
    assert!(!has_note(&*engine, 2).await, "an append of a lost commit stayed");
    assert_eq!((value_of(&*engine, 1).await, value_of(&*engine, 2).await), (1, 1));
}

async fn the_step_that_lost_is_told(place: Place) {
    let engine = place.open().await;
    furnish(&*engine).await;
    assert_eq!(lost(engine.commit(vec![raise(1, 9)]).await), 0);
    assert_eq!(lost(engine.commit(vec![raise(1, 0), raise(2, 9), raise(1, 9)]).await), 1);
    assert_eq!(lost(engine.commit(vec![note(1), note(2), raise(2, 9)]).await), 2);
}

async fn an_earlier_loss_is_told_before_a_later_failure(place: Place) {
    let engine = place.open().await;
    furnish(&*engine).await;
    done(engine.commit(vec![note(1)]).await);
    assert_eq!(lost(engine.commit(vec![raise(1, 9), note(1)]).await), 0);
}

async fn a_single_step_that_changes_too_many_rows_changes_none(place: Place) {
    let engine = place.open().await;
    furnish(&*engine).await;
    let both =
        |wanted| vec![Step { statement: &RAISE_ALL, values: vec![], rows: Rows::Exactly(wanted) }];
    assert_eq!(lost(engine.commit(both(1)).await), 0);
    assert_eq!(value_of(&*engine, 1).await, 0, "half of a lost step stayed");
    assert_eq!(done(engine.commit(both(2)).await)[0].changed, 2);
}

async fn a_failing_step_undoes_the_steps_before_it(place: Place) {
    let engine = place.open().await;
    furnish(&*engine).await;
    done(engine.commit(vec![note(1)]).await);
    let failed = engine.commit(vec![raise(1, 0), note(1)]).await;
    assert!(matches!(failed, Err(Error::Broken(_))), "a second note 1 was taken: {failed:?}");
    assert_eq!(value_of(&*engine, 1).await, 0);
}

async fn one_of_many_guarded_updates_wins(place: Place) {
    let engine = place.open().await;
    furnish(&*engine).await;
    for round in 0..10 {
        let mut tries = JoinSet::new();
        for with_note in 0..40 {
            let engine = Arc::clone(&engine);
            tries.spawn(async move {
                let mut steps = vec![raise(1, round)];
                if with_note % 2 == 0 {
                    steps.push(note(round * 100 + with_note));
                }
                engine.commit(steps).await
            });
        }
        let outcomes = tries.join_all().await;
        let winners = outcomes.iter().filter(|o| matches!(o, Ok(Commit::Done(_)))).count();
        let losers = outcomes.iter().filter(|o| matches!(o, Ok(Commit::Lost(0)))).count();
        assert_eq!((winners, losers), (1, 39), "{outcomes:?}");
    }
    assert_eq!(value_of(&*engine, 1).await, 10);
}

async fn appends_under_concurrency_are_all_kept(place: Place) {
    let engine = place.open().await;
    furnish(&*engine).await;
    let mut callers = JoinSet::new();
    for caller in 0..32 {
        let engine = Arc::clone(&engine);
        callers.spawn(async move {
            for nth in 0..25 {
                let id = caller * 1000 + nth;
                done(engine.commit(vec![note(id)]).await);
                assert!(has_note(&*engine, id).await, "acknowledged, yet not there");
            }
        });
    }
    callers.join_all().await;
    assert_eq!(notes_in(&*engine).await, 800);
}

async fn a_failing_commit_in_a_group_leaves_its_neighbours_alone(place: Place) {
    let engine = place.open().await;
    furnish(&*engine).await;
    a_tenth_fails(&engine, |id| vec![note(id)]).await;
}

async fn a_commit_that_fails_after_its_guard_in_a_group_leaves_its_neighbours_alone(place: Place) {
    let engine = place.open().await;
    furnish(&*engine).await;
    a_tenth_fails(&engine, |id| vec![raise_any(1), note(id)]).await;
    assert_eq!(value_of(&*engine, 1).await, 54, "half of a failed commit stands");
}

/// Sixty commits at once, each with a note; every tenth's is there already.
async fn a_tenth_fails(engine: &Arc<dyn Engine>, steps: impl Fn(i64) -> Vec<Step>) {
    done(engine.commit(vec![note(0)]).await);
    let mut callers = JoinSet::new();
    for id in 1..=60 {
        let engine = Arc::clone(engine);
        let id = if id % 10 == 0 { 0 } else { id };
        let steps = steps(id);
        callers.spawn(async move { (id, engine.commit(steps).await) });
    }
    for (id, outcome) in callers.join_all().await {
        assert_eq!(outcome.is_err(), id == 0, "note {id}: {outcome:?}");
    }
    assert_eq!(notes_in(&**engine).await, 55);
}

async fn a_lost_commit_in_a_group_leaves_its_neighbours_alone(place: Place) {
    let engine = place.open().await;
    furnish(&*engine).await;
    let mut callers = JoinSet::new();
    for id in 1..=60 {
        let engine = Arc::clone(&engine);
        let steps = if id % 2 == 0 { vec![note(id)] } else { vec![note(id), raise(1, 9)] };
        callers.spawn(async move { (id, engine.commit(steps).await) });
    }
    for (id, outcome) in callers.join_all().await {
        let stands = matches!(outcome, Ok(Commit::Done(_)));
        assert_eq!(stands, id % 2 == 0, "note {id}: {outcome:?}");
        assert_eq!(has_note(&*engine, id).await, stands, "note {id}");
    }
}

async fn appends_of_several_statements_are_one_commit(place: Place) {
    let engine = place.open().await;
    furnish(&*engine).await;
    let counter =
        |id| Step::one(&crate::harness::MAKE_COUNTER, vec![Value::Int(id), Value::Int(5)]);
    let mut callers = JoinSet::new();
    for id in 10..50 {
        let engine = Arc::clone(&engine);
        // Counter 2 exists: every fourth commit must fail whole, its note included.
        let made = if id % 4 == 0 { 2 } else { id };
        callers.spawn(async move { (id, engine.commit(vec![note(id), counter(made)]).await) });
    }
    for (id, outcome) in callers.join_all().await {
        assert_eq!(outcome.is_ok(), id % 4 != 0, "commit {id}: {outcome:?}");
        assert_eq!(has_note(&*engine, id).await, id % 4 != 0, "note {id}");
    }
}

async fn returned_rows_and_counts_belong_to_their_steps(place: Place) {
    let engine = place.open().await;
    furnish(&*engine).await;
    let steps = vec![note(1), raise(1, 0), note(2), raise(1, 1), Step::any(&FORGET_NOTES, vec![])];
    let steps = done(engine.commit(steps).await);
    let changed: Vec<u64> = steps.iter().map(|step| step.changed).collect();
    assert_eq!(changed, [1, 1, 1, 1, 2]);
    assert_eq!(steps[1].returned[0].int(0).expect("a number"), 1);
    assert_eq!(steps[3].returned[0].int(0).expect("a number"), 2);
    assert!(steps[0].returned.is_empty());
}

async fn a_step_with_the_wrong_number_of_values_fails(place: Place) {
    let engine = place.open().await;
    furnish(&*engine).await;
    for values in [vec![Value::Int(1)], vec![Value::Int(1), Value::Null, Value::Null, Value::Null]]
    {
        let outcome = engine.commit(vec![Step::one(&APPEND_NOTE, values)]).await;
        assert!(matches!(outcome, Err(Error::Broken(_))), "{outcome:?}");
    }
    assert_eq!(notes_in(&*engine).await, 0);
}
