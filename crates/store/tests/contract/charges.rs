//! Charges: never more than every budget allows, whoever charges at the same time and wherever;
//! held, committed and given back as a whole; and history always adds up to the balance.

use keyhaven_protocol::amount::{Amount, Unit};
use keyhaven_protocol::budget::Level;
use keyhaven_protocol::id::{BudgetId, HoldId, Id, KeyId};
use keyhaven_protocol::period::Period;
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::time::Timestamp;
use keyhaven_store::budgets::NewBudget;
use keyhaven_store::metering::{Deed, Metered, Metering, Name, Once, UseOf};
use keyhaven_store::{Outcome, Reach, Store};
use tokio::task::JoinSet;

use crate::api_keys::{TENANT, house, key, make};
use crate::families::{NOW, act_at, id, store};
use crate::harness::Place;

on_every_engine![
    a_thousand_charges_on_a_hundred_units_succeed_a_hundred_times,
    charges_of_two_nodes_never_overspend_a_path_of_six_levels,
    a_charge_that_one_level_refuses_moves_no_level,
    a_hold_is_counted_until_it_is_committed_released_or_over,
    a_commit_above_the_hold_must_fit,
    a_hold_ends_once_among_many,
    a_hold_that_is_over_cannot_be_committed,
    a_budget_begins_anew_at_its_boundary_and_never_goes_back,
    a_named_charge_happens_once_among_many,
    a_charge_that_does_not_fit_leaves_its_neighbours_alone,
    a_lowered_limit_refuses_and_lets_go,
    a_deleted_budget_limits_nobody,
    use_is_counted_by_day_and_key,
    old_entries_leave_and_the_sum_stays,
];

fn tokens() -> Unit {
    Unit::parse("tokens").expect("a unit")
}

fn budget(number: u16, level: Level, subject: Id, most: i64, period: Period) -> NewBudget {
    let (id, organization) = (BudgetId(id(number)), Some(TENANT));
    NewBudget { id, organization, level, subject, unit: tokens(), period, most: Amount(most) }
}

async fn add(store: &Store, budget: &NewBudget) {
    let made = store.create_budget(budget, act_at(NOW)).await.expect("commits");
    assert_eq!(made, Outcome::Done);
}

/// A key with a budget of this size.
async fn a_key(store: &Store, number: u16, most: i64) -> KeyId {
    assert_eq!(make(store, &key(number)).await, Outcome::Done);
    add(store, &budget(number + 1_000, Level::Key, id(number), most, Period::Lifetime)).await;
    KeyId(id(number))
}

async fn metering(store: &Store, key: KeyId, amount: i64, deed: Deed) -> Metering {
    let known = store.recall_key(key, 0).await.expect("reads").expect("a key");
    Metering {
        id: act_at(NOW).id(),
        deed,
        organization: Some(TENANT),
        key,
        unit: tokens(),
        amount: Amount(amount),
        path: known.path.clone(),
        once: None,
        now: NOW,
    }
}

async fn charge(store: &Store, key: KeyId, amount: i64) -> Metered {
    let metering = metering(store, key, amount, Deed::Charge).await;
    store.meter(metering).await.expect("commits")
}

async fn reserve(store: &Store, key: KeyId, amount: i64, until: i64) -> HoldId {
    let deed = Deed::Reserve(Timestamp(NOW.0 + until));
    let metering = metering(store, key, amount, deed).await;
    let hold = HoldId(metering.id);
    let outcome = store.meter(metering).await.expect("commits");
    assert!(matches!(outcome, Metered::Done(_)), "{outcome:?}");
    hold
}

/// Ends a hold: commits this amount, or releases it.
async fn end(store: &Store, hold: HoldId, commit: Option<i64>, now: Timestamp) -> Metered {
    let Some(held) = store.find_hold(Reach::Instance, hold, now).await.expect("reads") else {
        return Metered::HoldGone;
    };
    let path = held.path.clone();
    let mut metering = metering(store, held.key, commit.unwrap_or(0), Deed::Charge).await;
    metering.deed = match commit {
        Some(_) => Deed::Commit(held),
        None => Deed::Release(held),
    };
    (metering.path, metering.now) = (path, now);
    store.meter(metering).await.expect("commits")
}

/// What is left of each budget of the key, from the bottom up.
async fn left(store: &Store, key: KeyId, now: Timestamp) -> Vec<i64> {
    let known = store.recall_key(key, 0).await.expect("reads").expect("a key");
    let balances = store.list_balances(&known.path).await.expect("reads");
    balances.iter().map(|budget| budget.left(now).0).collect()
}

async fn books_are_right(store: &Store) {
    assert_eq!(store.check_books().await.expect("reads"), []);
}

fn count(outcomes: &[Metered]) -> (usize, usize) {
    let done = outcomes.iter().filter(|outcome| matches!(outcome, Metered::Done(_))).count();
    let refused = outcomes.iter().filter(|outcome| matches!(outcome, Metered::Refused(_))).count();
    (done, refused)
}

async fn a_thousand_charges_on_a_hundred_units_succeed_a_hundred_times(place: Place) {
    let (one, other) = (house(&place).await, store(&place).await);
    let key = a_key(&one, 1, 100).await;
    let mut callers = JoinSet::new();
    for nth in 0..1_000 {
        let store = if nth % 2 == 0 { one.clone() } else { other.clone() };
        callers.spawn(async move { charge(&store, key, 1).await });
    }
    assert_eq!(count(&callers.join_all().await), (100, 900));
    assert_eq!(left(&one, key, NOW).await, [0]);
    books_are_right(&one).await;
}

async fn charges_of_two_nodes_never_overspend_a_path_of_six_levels(place: Place) {
    let (one, other) = (house(&place).await, store(&place).await);
    // Two lines of keys three deep under one tenant, which has three budgets of its own.
    for (at, level) in [(1, 0), (2, 1), (3, 2), (11, 0), (12, 11), (13, 12)] {
        let mut key = key(at);
        key.parent = (level > 0).then(|| keyhaven_protocol::id::GrantId(id(level)));
        assert_eq!(make(&one, &key).await, Outcome::Done);
        add(&one, &budget(at + 1_000, Level::Key, id(at), 60, Period::Lifetime)).await;
    }
    for (nth, period) in [(1, Period::Lifetime), (2, Period::Daily), (3, Period::Monthly)] {
        let most = 100 + i64::from(nth);
        add(&one, &budget(2_000 + nth, Level::Organization, TENANT.0, most, period)).await;
    }
    let mut callers = JoinSet::new();
    for nth in 0..200 {
        let store = if nth % 2 == 0 { one.clone() } else { other.clone() };
        let key = KeyId(id(if nth % 4 < 2 { 3 } else { 13 }));
        callers.spawn(async move { charge(&store, key, 1).await });
    }
    assert_eq!(count(&callers.join_all().await), (101, 99));
    let (first, second) =
        (left(&one, KeyId(id(3)), NOW).await, left(&one, KeyId(id(13)), NOW).await);
    assert_eq!(first.len(), 6);
    assert_eq!(first[3..], [0, 1, 2]);
    assert_eq!(first[0] + second[0], 120 - 101);
    books_are_right(&one).await;
}

async fn a_charge_that_one_level_refuses_moves_no_level(place: Place) {
    let store = house(&place).await;
    let key = a_key(&store, 1, 100).await;
    add(&store, &budget(2_000, Level::Organization, TENANT.0, 10, Period::Lifetime)).await;
    let Metered::Refused(refusal) = charge(&store, key, 11).await else { panic!("it fitted") };
    assert_eq!(refusal.compared[0], ("level", "organization".into()));
    assert_eq!(left(&store, key, NOW).await, [100, 10]);
    assert!(matches!(charge(&store, key, 10).await, Metered::Done(_)));
    assert_eq!(left(&store, key, NOW).await, [90, 0]);
    books_are_right(&store).await;
}

async fn a_hold_is_counted_until_it_is_committed_released_or_over(place: Place) {
    let store = house(&place).await;
    let key = a_key(&store, 1, 100).await;
    let (first, second) = (reserve(&store, key, 60, 30).await, reserve(&store, key, 40, 60).await);
    assert!(matches!(charge(&store, key, 1).await, Metered::Refused(_)));
    books_are_right(&store).await;
    assert!(matches!(end(&store, first, Some(25), NOW).await, Metered::Done(_)));
    assert_eq!(left(&store, key, NOW).await, [35]);
    assert!(matches!(end(&store, second, None, NOW).await, Metered::Done(_)));
    assert_eq!(left(&store, key, NOW).await, [75]);
    // One that is over no longer stands in the way, whether or not a job has been there.
    reserve(&store, key, 75, 30).await;
    let mut late = metering(&store, key, 75, Deed::Charge).await;
    late.now = Timestamp(NOW.0 + 30);
    assert!(matches!(store.meter(late).await.expect("commits"), Metered::Done(_)));
    assert_eq!(left(&store, key, NOW).await, [0]);
    books_are_right(&store).await;
}

async fn a_commit_above_the_hold_must_fit(place: Place) {
    let store = house(&place).await;
    let key = a_key(&store, 1, 100).await;
    let hold = reserve(&store, key, 50, 30).await;
    assert!(matches!(end(&store, hold, Some(101), NOW).await, Metered::Refused(_)));
    assert_eq!(left(&store, key, NOW).await, [50]);
    assert!(matches!(end(&store, hold, Some(100), NOW).await, Metered::Done(_)));
    assert_eq!(left(&store, key, NOW).await, [0]);
    books_are_right(&store).await;
}

async fn a_hold_ends_once_among_many(place: Place) {
    let (one, other) = (house(&place).await, store(&place).await);
    let key = a_key(&one, 1, 100).await;
    let hold = reserve(&one, key, 50, 30).await;
    let mut callers = JoinSet::new();
    for nth in 0..40 {
        let store = if nth % 2 == 0 { one.clone() } else { other.clone() };
        let commit = (nth % 3 > 0).then_some(7);
        callers.spawn(async move { end(&store, hold, commit, NOW).await });
    }
    let outcomes = callers.join_all().await;
    assert_eq!(count(&outcomes).0, 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Metered::HoldGone).count(), 39);
    let rest = left(&one, key, NOW).await;
    assert!(rest == [93] || rest == [100], "{rest:?}");
    books_are_right(&one).await;
}

async fn a_hold_that_is_over_cannot_be_committed(place: Place) {
    let store = house(&place).await;
    let key = a_key(&store, 1, 100).await;
    let hold = reserve(&store, key, 50, 30).await;
    let over = Timestamp(NOW.0 + 30);
    assert_eq!(end(&store, hold, Some(50), over).await, Metered::HoldGone);
    assert_eq!(store.free_holds(over).await.expect("commits"), 1);
    assert_eq!(store.free_holds(over).await.expect("commits"), 0);
    assert_eq!(left(&store, key, NOW).await, [100]);
    books_are_right(&store).await;
}

async fn a_budget_begins_anew_at_its_boundary_and_never_goes_back(place: Place) {
    let store = house(&place).await;
    assert_eq!(make(&store, &key(1)).await, Outcome::Done);
    add(&store, &budget(1_001, Level::Key, id(1), 100, Period::Daily)).await;
    let key = KeyId(id(1));
    let at = |seconds: i64| Timestamp(NOW.0 + seconds);
    let next = Period::Daily.end(NOW).expect("a boundary").since(NOW).0;
    let spend = async |amount, now| {
        let mut metering = metering(&store, key, amount, Deed::Charge).await;
        metering.now = now;
        store.meter(metering).await.expect("commits")
    };
    assert!(matches!(spend(90, at(0)).await, Metered::Done(_)));
    assert!(matches!(spend(11, at(next - 1)).await, Metered::Refused(_)));
    assert!(matches!(spend(80, at(next)).await, Metered::Done(_)));
    // A clock that goes back over the boundary finds neither what was left nor what was spent then.
    assert!(matches!(spend(21, at(0)).await, Metered::Refused(_)));
    assert!(matches!(spend(20, at(0)).await, Metered::Done(_)));
    assert!(matches!(spend(1, at(next)).await, Metered::Refused(_)));
    assert_eq!(left(&store, key, at(next)).await, [0]);
    books_are_right(&store).await;
}

fn named(name: &str, request: &str) -> Option<Once> {
    let fingerprint = Digest::of(request.as_bytes());
    Some(Once { name: Name::new("a caller", name), fingerprint })
}

async fn a_named_charge_happens_once_among_many(place: Place) {
    let (one, other) = (house(&place).await, store(&place).await);
    let key = a_key(&one, 1, 100).await;
    let mut callers = JoinSet::new();
    for nth in 0..40 {
        let store = if nth % 2 == 0 { one.clone() } else { other.clone() };
        callers.spawn(async move {
            let mut metering = metering(&store, key, 10, Deed::Charge).await;
            metering.once = named("a name", "a request");
            (metering.id, store.meter(metering).await.expect("commits"))
        });
    }
    let outcomes = callers.join_all().await;
    let done: Vec<_> =
        outcomes.iter().filter(|(_, outcome)| matches!(outcome, Metered::Done(_))).collect();
    let [(winner, _)] = done.as_slice() else { panic!("{outcomes:?}") };
    for (_, outcome) in &outcomes {
        if let Metered::Repeated(named) = outcome {
            assert_eq!((named.id, named.amount), (*winner, Amount(10)));
            assert_eq!(named.fingerprint, Digest::of(b"a request"));
        }
    }
    assert_eq!(left(&one, key, NOW).await, [90]);
    books_are_right(&one).await;
}

async fn a_charge_that_does_not_fit_leaves_its_neighbours_alone(place: Place) {
    let store = house(&place).await;
    let (small, large) = (a_key(&store, 1, 5).await, a_key(&store, 2, 1_000).await);
    let mut callers = JoinSet::new();
    for nth in 0..100 {
        let (store, key) = (store.clone(), if nth % 2 == 0 { small } else { large });
        callers.spawn(async move { (key, charge(&store, key, 3).await) });
    }
    let outcomes = callers.join_all().await;
    let of = |wanted| {
        let mine = outcomes.iter().filter(|(key, _)| *key == wanted);
        count(&mine.map(|(_, outcome)| outcome.clone()).collect::<Vec<_>>())
    };
    assert_eq!((of(small), of(large)), ((1, 49), (50, 0)));
    books_are_right(&store).await;
}

async fn a_lowered_limit_refuses_and_lets_go(place: Place) {
    let store = house(&place).await;
    let key = a_key(&store, 1, 100).await;
    charge(&store, key, 60).await;
    let hold = reserve(&store, key, 20, 30).await;
    let found = store.find_budget(Reach::Organization(TENANT), BudgetId(id(1_001))).await;
    let balance = found.expect("reads").expect("a budget").budget;
    store.set_budget(Some(TENANT), &balance, Amount(50), act_at(NOW)).await.expect("commits");
    assert!(matches!(charge(&store, key, 1).await, Metered::Refused(_)));
    // What was promised may be committed; what is given back needs no room.
    assert!(matches!(end(&store, hold, Some(20), NOW).await, Metered::Done(_)));
    assert_eq!(left(&store, key, NOW).await, [0]);
    books_are_right(&store).await;
}

async fn a_deleted_budget_limits_nobody(place: Place) {
    let (one, other) = (house(&place).await, store(&place).await);
    let key = a_key(&one, 1, 5).await;
    let stale = metering(&other, key, 10, Deed::Charge).await;
    one.delete_budget(Some(TENANT), BudgetId(id(1_001)), act_at(NOW)).await.expect("commits");
    assert!(matches!(other.meter(stale).await.expect("commits"), Metered::Done(_)));
    assert_eq!(left(&one, key, NOW).await, Vec::<i64>::new());
    books_are_right(&one).await;
}

async fn use_is_counted_by_day_and_key(place: Place) {
    let store = house(&place).await;
    let key = a_key(&store, 1, 1_000).await;
    for (amount, seconds) in [(5, 0), (7, 1), (11, 86_400)] {
        let mut metering = metering(&store, key, amount, Deed::Charge).await;
        metering.now = Timestamp(NOW.0 + seconds);
        store.meter(metering).await.expect("commits");
    }
    let today = NOW.0.div_euclid(86_400);
    for whose in [UseOf::Key(key), UseOf::Organization(TENANT), UseOf::Everyone] {
        let days = store.list_usage(whose, today, today + 9).await.expect("reads");
        let days: Vec<_> = days.iter().map(|d| (d.day - today, d.amount.0, d.charges)).collect();
        assert_eq!(days, [(0, 12, 2), (1, 11, 1)], "{whose:?}");
    }
}

async fn old_entries_leave_and_the_sum_stays(place: Place) {
    let (one, other) = (house(&place).await, store(&place).await);
    let key = a_key(&one, 1, 1_000).await;
    for _ in 0..5 {
        charge(&one, key, 3).await;
    }
    let later = Timestamp(NOW.0 + 10);
    assert_eq!(one.archive_ledger(NOW).await.expect("commits"), 0);
    let (here, there) = tokio::join!(one.archive_ledger(later), other.archive_ledger(later));
    let (here, there) = (here.expect("commits"), there.expect("commits"));
    assert!(here + there == 5, "{here} {there}");
    assert_eq!(left(&one, key, NOW).await, [985]);
    books_are_right(&one).await;
}
