//! The texts of every room, on every engine. This stands in for compile-time query checks, which
//! cannot target two engines.

use std::collections::HashSet;

use keyhaven_store::ROOMS;

use crate::harness::Place;

on_every_engine![every_statement_is_understood];

async fn every_statement_is_understood(place: Place) {
    let engine = place.open().await;
    let mut names = HashSet::new();
    for statement in ROOMS.iter().copied().flatten() {
        assert!(names.insert(statement.name), "{} is the name of two statements", statement.name);
        engine.prepare(statement).await.unwrap_or_else(|error| panic!("{error}"));
    }
    assert!(!names.is_empty(), "no room lists a statement");
}
