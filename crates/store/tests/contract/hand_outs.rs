//! Codes for keys: spent once with the key they make, worn out by wrong verifiers; requests with one
//! outcome.

use keyhaven_protocol::amount::{Amount, Unit};
use keyhaven_protocol::budget::Level;
use keyhaven_protocol::id::{AppId, BudgetId, GrantId, KeyId};
use keyhaven_protocol::period::Period;
use keyhaven_protocol::scope::Scopes;
use keyhaven_protocol::time::Timestamp;
use keyhaven_store::budgets::NewBudget;
use keyhaven_store::hand_outs::{NewCode, NewRequest, Promise};
use keyhaven_store::keys::{KeysOf, NewKey};
use keyhaven_store::organizations::Power;
use keyhaven_store::{Outcome, Page, Reach, Store};
use tokio::task::JoinSet;

use crate::api_keys::{TENANT, house, key, make};
use crate::families::{NOW, act_at, digest, id, store};
use crate::harness::Place;

on_every_engine![
    a_code_makes_one_key_among_many,
    a_key_that_cannot_be_made_leaves_its_code_unspent,
    a_late_code_makes_no_key,
    wrong_verifiers_are_counted,
    a_code_is_found_by_its_own_digest_only,
    an_app_is_written_down_once,
    a_blocked_app_has_no_firm_keys,
    a_request_has_one_outcome,
];

async fn code(store: &Store, number: u16, parent: Option<u16>) -> NewCode {
    let app = store.recognise_app("https://a.test", &mut act_at(NOW)).await.expect("an app");
    let new = NewCode {
        id: id(number),
        hash: digest(number, 0),
        callback: "https://a.test/cb".into(),
        challenge: None,
        promise: Promise {
            parent: parent.map(|parent| GrantId(id(parent))),
            organization: Some(TENANT),
            owner: None,
            project: None,
            group: None,
            app: app.id,
            label: "Notes".into(),
            scopes: Scopes::parse("read").expect("a scope"),
            limit: Some(Amount(100)),
            unit: Unit::parse("USD").expect("a unit"),
            period: Period::Monthly,
            expires_at: None,
        },
        expires_at: Timestamp(NOW.0 + 600),
    };
    let issued = store.issue_code(&new, act_at(NOW)).await.expect("commits");
    assert_eq!(issued, Outcome::Done);
    new
}

/// The key a code promises.
fn promised(code: &NewCode, number: u16) -> NewKey {
    let promise = &code.promise;
    NewKey {
        parent: promise.parent,
        app: Some(promise.app),
        budget: Some(NewBudget {
            id: BudgetId(id(number + 1_000)),
            organization: promise.organization,
            level: Level::Key,
            subject: id(number),
            unit: promise.unit.clone(),
            period: promise.period,
            most: Amount(100),
        }),
        ..key(number)
    }
}

async fn keys(store: &Store) -> usize {
    let page = Page { after: None, limit: 100 };
    store.list_keys(KeysOf::Reach(Reach::Instance), page).await.expect("reads").items.len()
}

async fn a_code_makes_one_key_among_many(place: Place) {
    let (one, other) = (house(&place).await, store(&place).await);
    let code = code(&one, 1, None).await;
    let mut tries = JoinSet::new();
    for nth in 0..50 {
        let store = if nth % 2 == 0 { one.clone() } else { other.clone() };
        let key = promised(&code, 100 + nth);
        let code = code.id;
        tries.spawn(async move { store.redeem_code(code, &key, act_at(NOW)).await });
    }
    let outcomes = tries.join_all().await;
    let made = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Outcome::Done))).count();
    let spent = |o: &&Result<Outcome, _>| matches!(o, Ok(Outcome::Taken("code")));
    assert_eq!((made, outcomes.iter().filter(spent).count()), (1, 49), "{outcomes:?}");
    assert_eq!(keys(&one).await, 1);
    let budgets = one.list_budgets(Reach::Instance, Page { after: None, limit: 100 }).await;
    assert_eq!(budgets.expect("reads").items.len(), 1);
}

async fn a_key_that_cannot_be_made_leaves_its_code_unspent(place: Place) {
    let store = house(&place).await;
    make(&store, &key(5)).await;
    let code = code(&store, 1, Some(5)).await;
    store.delete_key(Some(TENANT), KeyId(id(5)), act_at(NOW)).await.expect("commits");
    let outcome = store.redeem_code(code.id, &promised(&code, 100), act_at(NOW)).await;
    assert_eq!(outcome.expect("commits"), Outcome::Unknown("parent", 0));
    let kept = store.find_code(code.id, code.hash).await.expect("reads").expect("a code");
    assert_eq!(kept.issued.spent_at, None);
    assert_eq!(keys(&store).await, 0);
}

async fn a_late_code_makes_no_key(place: Place) {
    let store = house(&place).await;
    let code = code(&store, 1, None).await;
    let late = act_at(Timestamp(NOW.0 + 600));
    let outcome = store.redeem_code(code.id, &promised(&code, 100), late).await.expect("commits");
    assert_eq!(outcome, Outcome::Taken("code"));
    assert_eq!(keys(&store).await, 0);
}

async fn wrong_verifiers_are_counted(place: Place) {
    let store = house(&place).await;
    let code = code(&store, 1, None).await;
    let mut tries = JoinSet::new();
    for _ in 0..7 {
        let (store, code) = (store.clone(), code.id);
        tries.spawn(async move { store.count_try(code).await.expect("commits") });
    }
    tries.join_all().await;
    let kept = store.find_code(code.id, code.hash).await.expect("reads").expect("a code");
    assert_eq!(kept.issued.tries, 7);
}

async fn a_code_is_found_by_its_own_digest_only(place: Place) {
    let store = house(&place).await;
    let code = code(&store, 1, None).await;
    assert!(store.find_code(code.id, digest(9, 9)).await.expect("reads").is_none());
    assert!(store.find_code(id(2), code.hash).await.expect("reads").is_none());
    let kept = store.find_code(code.id, code.hash).await.expect("reads").expect("a code");
    assert_eq!(
        (kept.app_origin.as_str(), kept.promise.limit),
        ("https://a.test", Some(Amount(100)))
    );
}

async fn an_app_is_written_down_once(place: Place) {
    let (one, other) = (house(&place).await, store(&place).await);
    let mut tries = JoinSet::new();
    for nth in 0..20 {
        let store = if nth % 2 == 0 { one.clone() } else { other.clone() };
        tries.spawn(async move {
            store.recognise_app("https://b.test", &mut act_at(NOW)).await.expect("an app").id
        });
    }
    let ids: Vec<AppId> = tries.join_all().await;
    assert!(ids.iter().all(|id| *id == ids[0]));
}

async fn a_blocked_app_has_no_firm_keys(place: Place) {
    let store = house(&place).await;
    let code = code(&store, 1, None).await;
    store.redeem_code(code.id, &promised(&code, 100), act_at(NOW)).await.expect("commits");
    let backing = async || {
        let known = store.recall_key(KeyId(id(100)), 0).await.expect("reads").expect("a key");
        known.key.backing
    };
    use keyhaven_protocol::api_key::Backing;
    assert_eq!(backing().await, Backing::Firm);
    let app = store.find_app("https://a.test").await.expect("reads").expect("an app");
    store.set_app_power(&app, Power::Disabled, act_at(NOW)).await.expect("commits");
    assert_eq!(backing().await, Backing::AppBlocked);
    store.set_app_power(&app, Power::Enabled, act_at(NOW)).await.expect("commits");
    assert_eq!(backing().await, Backing::Firm);
}

async fn a_request_has_one_outcome(place: Place) {
    let (one, other) = (house(&place).await, store(&place).await);
    let request = NewRequest {
        id: id(1),
        hash: digest(1, 0),
        query: "callback_url=https://a.test".into(),
        expires_at: Timestamp(NOW.0 + 600),
    };
    one.keep_hand_out_request(&request).await.expect("commits");
    assert!(one.find_hand_out_request(id(1), digest(2, 0), NOW).await.expect("reads").is_none());
    let found = one.find_hand_out_request(id(1), digest(1, 0), NOW).await.expect("reads");
    assert_eq!(found.expect("a request").query, request.query);
    let template = code(&one, 500, None).await;
    let mut tries = JoinSet::new();
    for nth in 0..20 {
        let store = if nth % 2 == 0 { one.clone() } else { other.clone() };
        let code = NewCode { id: id(100 + nth), hash: digest(100 + nth, 0), ..template.clone() };
        tries.spawn(async move {
            let code = (nth % 3 > 0).then_some(&code);
            store.end_hand_out_request(id(1), code, act_at(NOW)).await.expect("commits")
        });
    }
    let outcomes = tries.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Done).count(), 1);
    assert!(one.find_hand_out_request(id(1), digest(1, 0), NOW).await.expect("reads").is_none());
}
