//! What goes in comes out, the same on every engine.

use keyhaven_store::Error;
use keyhaven_store::engine::{Engine, Statement, Step, Value};

use crate::harness::{APPEND_NOTE, FIND_NOTE, Place, done, furnish, note};

on_every_engine![
    values_come_back_as_they_went_in,
    text_with_a_nul_is_refused,
    a_null_is_no_empty_text,
    a_read_cannot_write,
    a_statement_that_does_not_parse_is_told_by_name,
    existence_and_counts_read_as_numbers,
];

async fn values_come_back_as_they_went_in(place: Place) {
    let engine = place.open().await;
    furnish(&*engine).await;
    let texts = ["", "plain", "naïve ☂ 𝄞", "'; DROP TABLE notes; --", "$1 ?1 \\ \n\t\r"];
    let bytes = [vec![], vec![0; 16], vec![0xff; 32], (0..=255).collect(), vec![7; 70_000]];
    let ids = [i64::MIN, -1, 0, 1, i64::MAX];
    for ((id, text), data) in ids.into_iter().zip(texts).zip(bytes) {
        let values = vec![Value::Int(id), Value::from(text), Value::from(data.clone())];
        done(engine.commit(vec![Step::one(&APPEND_NOTE, values)]).await);
        let mut rows = engine.read(&FIND_NOTE, vec![Value::Int(id)]).await.expect("reads");
        assert_eq!(rows[0].text(0).expect("text"), text);
        assert_eq!(rows[0].bytes(1).expect("bytes"), data);
    }
}

async fn text_with_a_nul_is_refused(place: Place) {
    let engine = place.open().await;
    furnish(&*engine).await;
    let values = vec![Value::Int(1), Value::from("a\0b"), Value::Null];
    let outcome = engine.commit(vec![Step::one(&APPEND_NOTE, values)]).await;
    let Err(Error::Broken(reason)) = outcome else { panic!("kept a NUL: {outcome:?}") };
    assert_eq!(reason.to_string(), "scratch.append_note: $2 holds U+0000");
    done(engine.commit(vec![note(1)]).await);
}

async fn a_null_is_no_empty_text(place: Place) {
    let engine = place.open().await;
    furnish(&*engine).await;
    let values = vec![Value::Int(1), Value::Null, Value::from(vec![])];
    done(engine.commit(vec![Step::one(&APPEND_NOTE, values)]).await);
    let mut rows = engine.read(&FIND_NOTE, vec![Value::Int(1)]).await.expect("reads");
    assert_eq!(rows[0].maybe_text(0).expect("a column"), None);
    assert_eq!(rows[0].maybe_bytes(1).expect("a column"), Some(vec![]));
}

async fn a_read_cannot_write(place: Place) {
    static SNEAK: Statement =
        Statement::new("scratch.sneak", "UPDATE counters SET value = 9 RETURNING value");
    let engine = place.open().await;
    furnish(&*engine).await;
    let outcome = engine.read(&SNEAK, vec![]).await;
    assert!(outcome.is_err(), "{outcome:?}");
    assert_eq!(crate::harness::value_of(&*engine, 1).await, 0);
}

async fn a_statement_that_does_not_parse_is_told_by_name(place: Place) {
    static WRONG: Statement = Statement::new("scratch.wrong", "SELECT nothing FROM nowhere");
    let engine = place.open().await;
    let Err(Error::Broken(reason)) = engine.prepare(&WRONG).await else {
        panic!("it was prepared")
    };
    assert!(reason.to_string().starts_with("scratch.wrong: "), "{reason}");
    furnish(&*engine).await;
    engine.prepare(&FIND_NOTE).await.expect("a right statement is prepared");
    engine.prepare(&APPEND_NOTE).await.expect("a writing statement is prepared");
}

async fn existence_and_counts_read_as_numbers(place: Place) {
    static EXISTS: Statement = Statement::new(
        "scratch.exists",
        "SELECT EXISTS (SELECT 1 FROM notes WHERE id = $1), \
         CAST(sum(value) AS BIGINT), 1 FROM counters",
    );
    let engine = place.open().await;
    furnish(&*engine).await;
    done(engine.commit(vec![note(4)]).await);
    let numbers = async |engine: &dyn Engine, id| {
        let rows = engine.read(&EXISTS, vec![Value::Int(id)]).await.expect("reads");
        [rows[0].int(0), rows[0].int(1), rows[0].int(2)].map(|n| n.expect("a number"))
    };
    assert_eq!(numbers(&*engine, 4).await, [1, 0, 1]);
    assert_eq!(numbers(&*engine, 5).await, [0, 0, 1]);
}
