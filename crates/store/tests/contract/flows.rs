//! Flows: one exchange each, whoever arrives and however often.

use keyhaven_protocol::connection::callback::Word;
use keyhaven_protocol::secret::{Digest, Secret};
use keyhaven_protocol::time::Seconds;
use keyhaven_store::flows::{Finished, LIFE, NewFlow};
use keyhaven_store::{Outcome, Store};
use tokio::task::JoinSet;

use crate::connections::{ORGANIZATION, connector_id, furnished, hash, new_connection, tokens};
use crate::families::{NOW, act_at};
use crate::harness::Place;

on_every_engine![
    a_flow_is_consumed_by_one_of_many,
    an_old_flow_is_not_consumed,
    a_second_arrival_gets_the_outcome_of_the_first,
    an_outcome_is_written_once,
    flows_are_forgotten_an_hour_after_their_end,
];

async fn begin(store: &Store, hash: Digest) {
    let new = NewFlow {
        hash,
        organization: ORGANIZATION,
        connector: connector_id(),
        connection: None,
        owner: None,
        starter: "client:x",
        browser: None,
        verifier: &Secret::from("the-verifier"),
        redirect_uri: "https://keys.example/connectors/oauth/callback",
        base: "https://hub.example",
        scopes: "read",
        session: None,
    };
    store.begin_flow(&new, [1; 12], NOW).await.expect("begins");
}

async fn a_flow_is_consumed_by_one_of_many(place: Place) {
    let store = furnished(&place).await;
    begin(&store, hash(1)).await;
    let flow = store.find_flow(hash(1)).await.expect("reads").expect("is there");
    assert_eq!(store.open_verifier(&flow).expect("opens").reveal(), "the-verifier");
    let mut arrivals = JoinSet::new();
    for _ in 0..20 {
        let store = store.clone();
        arrivals.spawn(async move { store.consume_flow(hash(1), NOW).await.expect("commits") });
    }
    let consumed = arrivals.join_all().await.into_iter().filter(|consumed| *consumed).count();
    assert_eq!(consumed, 1);
}

async fn an_old_flow_is_not_consumed(place: Place) {
    let store = furnished(&place).await;
    begin(&store, hash(1)).await;
    assert!(!store.consume_flow(hash(1), NOW.plus(LIFE)).await.expect("commits"));
    assert!(!store.consume_flow(hash(2), NOW).await.expect("commits"), "nobody's state");
}

async fn a_second_arrival_gets_the_outcome_of_the_first(place: Place) {
    let store = furnished(&place).await;
    begin(&store, hash(1)).await;
    assert!(store.consume_flow(hash(1), NOW).await.expect("commits"));
    let mut new = new_connection(1, "alice");
    new.flow = Some(hash(1));
    let made = store.connect_account(&new, &tokens(1), [9; 32], act_at(NOW)).await;
    assert_eq!(made.expect("commits"), Outcome::Done);
    let flow = store.find_flow(hash(1)).await.expect("reads").expect("is there");
    assert_eq!(flow.outcome, Some(Finished::Connected(new.id)));
}

async fn an_outcome_is_written_once(place: Place) {
    let store = furnished(&place).await;
    begin(&store, hash(1)).await;
    store.refuse_flow(hash(1), Word::AccessDenied).await.expect("commits");
    store.refuse_flow(hash(1), Word::ServerError).await.expect("commits");
    let flow = store.find_flow(hash(1)).await.expect("reads").expect("is there");
    assert_eq!(flow.outcome, Some(Finished::Refused(Word::AccessDenied)));
}

async fn flows_are_forgotten_an_hour_after_their_end(place: Place) {
    let store = furnished(&place).await;
    begin(&store, hash(1)).await;
    let end = NOW.plus(LIFE);
    assert_eq!(store.forget_flows(end.plus(Seconds(3_600)), 10).await.expect("commits"), 0);
    assert_eq!(store.forget_flows(end.plus(Seconds(3_601)), 10).await.expect("commits"), 1);
}
