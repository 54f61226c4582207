//! Signing keys and facts of the instance: of many who add the next, one does.

use keyhaven_protocol::time::Timestamp;
use keyhaven_store::instance::{find_fact, state_fact};
use keyhaven_store::signing_keys::{PublishedKey, SigningKeyRow};
use keyhaven_store::{Outcome, Store};
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use crate::families::{NOW, act_at, store};
use crate::harness::Place;

on_every_engine![
    the_next_generation_of_a_signing_key_has_one_winner,
    a_signing_key_comes_back_as_it_was_and_newest_first,
    a_key_leaves_when_its_successor_has_signed_long_enough,
    a_fact_is_stated_once,
];

fn key(name: &str, alg: &str, generation: i64, signs_from: Timestamp) -> SigningKeyRow {
    SigningKeyRow {
        kid: format!("{alg} {generation} {name}"),
        alg: alg.to_owned(),
        generation,
        private: Zeroizing::new(name.as_bytes().to_vec()),
        public_jwk: "{}".to_owned(),
        created_at: NOW,
        signs_from,
    }
}

async fn add(store: &Store, key: &SigningKeyRow, seed: u8) -> Outcome {
    store.add_signing_key(key, [seed; 12], act_at(NOW)).await.expect("commits")
}

async fn the_next_generation_of_a_signing_key_has_one_winner(place: Place) {
    let (one, other) = (store(&place).await, store(&place).await);
    for generation in 1..=3 {
        let mut tries = JoinSet::new();
        for nth in 0..10 {
            let store = if nth % 2 == 0 { one.clone() } else { other.clone() };
            let seed = u8::try_from(generation).expect("small") * 10 + nth;
            tries.spawn(async move {
                add(&store, &key(&nth.to_string(), "ES256", generation, NOW), seed).await
            });
        }
        let outcomes = tries.join_all().await;
        let won = outcomes.iter().filter(|outcome| **outcome == Outcome::Done).count();
        let lost = |outcome: &&Outcome| **outcome == Outcome::Taken("generation");
        assert_eq!((won, outcomes.iter().filter(lost).count()), (1, 9), "{outcomes:?}");
    }
    let kept = other.list_signing_keys().await.expect("reads");
    assert_eq!(kept.iter().map(|key| key.generation).collect::<Vec<_>>(), [3, 2, 1]);
}

async fn a_signing_key_comes_back_as_it_was_and_newest_first(place: Place) {
    let store = store(&place).await;
    assert_eq!(add(&store, &key("a", "ES256", 1, NOW), 1).await, Outcome::Done);
    assert_eq!(add(&store, &key("b", "ES256", 2, NOW), 2).await, Outcome::Done);
    assert_eq!(add(&store, &key("c", "EdDSA", 1, NOW), 3).await, Outcome::Done);
    let keys = store.list_signing_keys().await.expect("reads");
    let opened = |key: &PublishedKey| key.private.as_ref().expect("opens").to_vec();
    let names: Vec<_> = keys.iter().map(|key| (key.alg.as_str(), opened(key))).collect();
    let expected = [("ES256", b"b".to_vec()), ("ES256", b"a".to_vec()), ("EdDSA", b"c".to_vec())];
    assert_eq!(names, expected);
}

async fn a_key_leaves_when_its_successor_has_signed_long_enough(place: Place) {
    let store = store(&place).await;
    let at = |seconds| Timestamp(NOW.0 + seconds);
    add(&store, &key("a", "ES256", 1, at(0)), 1).await;
    add(&store, &key("b", "ES256", 2, at(100)), 2).await;
    add(&store, &key("c", "EdDSA", 1, at(0)), 3).await;
    for (retired_before, removed, left) in [(at(100), 0, 3), (at(101), 1, 2), (at(9_999), 0, 2)] {
        let done = store.remove_retired_signing_keys(retired_before, act_at(NOW)).await;
        assert_eq!(done.expect("commits"), removed);
        assert_eq!(store.list_signing_keys().await.expect("reads").len(), left);
    }
}

async fn a_fact_is_stated_once(place: Place) {
    let engine = place.open().await;
    assert_eq!(find_fact(&*engine, "colour").await.expect("reads"), None);
    let mut tries = JoinSet::new();
    for nth in 0..20 {
        let engine = engine.clone();
        tries.spawn(async move {
            let value = nth.to_string();
            state_fact(&*engine, "colour", &value).await.expect("commits").then_some(value)
        });
    }
    let winners: Vec<_> = tries.join_all().await.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1, "{winners:?}");
    let kept = find_fact(&*engine, "colour").await.expect("reads");
    assert_eq!(kept.as_ref(), winners.first());
}
