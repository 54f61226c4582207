//! Letters that come once a day: whoever asks at once, and whatever else is in their commit.

use keyhaven_protocol::time::{Seconds, Timestamp};
use keyhaven_store::{Outcome, Store};
use tokio::task::JoinSet;

use crate::families::{NOW, id, store};
use crate::harness::Place;

on_every_engine![
    of_many_that_ask_at_once_one_letter_comes,
    another_one_comes_a_day_later_and_about_something_else_at_once,
];

async fn ask(store: &Store, number: u16, about: &[u8], now: Timestamp) -> Outcome {
    let plan = Store::once_a_day(about, now);
    let letter = store.queueing(id(number), b"a letter", [number.to_be_bytes()[1]; 12], now);
    store.queue_mail(plan.and(letter.expect("seals"))).await.expect("commits")
}

async fn waiting(store: &Store, now: Timestamp) -> usize {
    store.list_due_mail(100, now).await.expect("reads").len()
}

async fn of_many_that_ask_at_once_one_letter_comes(place: Place) {
    let store = store(&place).await;
    let mut asked = JoinSet::new();
    for number in 0..20 {
        let store = store.clone();
        asked.spawn(async move { ask(&store, number, b"it", NOW).await });
    }
    let done = asked.join_all().await.into_iter().filter(|one| *one == Outcome::Done).count();
    assert_eq!((done, waiting(&store, NOW).await), (1, 1));
}

async fn another_one_comes_a_day_later_and_about_something_else_at_once(place: Place) {
    let store = store(&place).await;
    let (almost, later) = (NOW.plus(Seconds(86_399)), NOW.plus(Seconds(86_400)));
    for (number, about, at, comes) in [
        (1, b"it", NOW, true),
        (2, b"it", almost, false),
        (3, b"so", almost, true),
        (4, b"it", later, true),
        (5, b"it", later, false),
    ] {
        let outcome = ask(&store, number, about, at).await;
        assert_eq!(outcome == Outcome::Done, comes, "{number}: {outcome:?}");
    }
    assert_eq!(waiting(&store, later).await, 3, "what was refused left nothing behind");
}
