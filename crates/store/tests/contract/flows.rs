//! Flows: one exchange each, whoever arrives and however often.

use keyhaven_protocol::connection::callback::Word;
use keyhaven_protocol::secret::{Digest, Secret};
use keyhaven_protocol::time::Seconds;
use keyhaven_store::connect_sessions::ConnectSession;
use keyhaven_store::connections::{Connected, Filter};
use keyhaven_store::flows::{ByFlow, Finished, LIFE, NewFlow};
use keyhaven_store::{Outcome, Page, Reach, Store};
use tokio::task::JoinSet;

use crate::connections::{
    ORGANIZATION, act, connect, connector_id, done, furnished, hash, held, new_connection, tokens,
};
use crate::families::{NOW, act_at, id};
use crate::harness::Place;

on_every_engine![
    a_flow_is_consumed_by_one_of_many,
    an_old_flow_is_not_consumed,
    a_second_arrival_gets_the_outcome_of_the_first,
    an_outcome_is_written_once,
    an_invitation_leads_to_one_connection_whoever_ends_at_once,
    an_invitation_that_led_somewhere_renews_nothing_more,
    a_withdrawn_invitation_ends_the_flows_that_wait,
    flows_are_forgotten_an_hour_after_their_end,
    an_abandoned_flow_is_noted_once_among_many_who_look,
];

async fn begin(store: &Store, hash: Digest) {
    follow(store, hash, None).await;
}

/// Begins a flow, of an invitation perhaps.
async fn follow(store: &Store, hash: Digest, session: Option<Digest>) {
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
        session,
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
    new.flow = Some(ByFlow { hash: hash(1), session: None });
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

async fn invite(store: &Store, hash: Digest) {
    let new = ConnectSession {
        hash,
        id: id(700),
        organization: ORGANIZATION,
        connector: connector_id(),
        connection: None,
        owner: None,
        account_hint: None,
        starter: "client:x".into(),
        purpose: String::new(),
        external_id: None,
        labels: String::new(),
        scopes: String::new(),
        base: String::new(),
        created_at: NOW,
        expires_at: NOW.plus(Seconds(1_800)),
        made: None,
    };
    done(store.invite_to_connect(&new, act_at(NOW)).await.expect("commits"));
}

async fn an_invitation_leads_to_one_connection_whoever_ends_at_once(place: Place) {
    const MANY: u8 = 12;
    let store = furnished(&place).await;
    let session = hash(200);
    invite(&store, session).await;
    let mut ends = JoinSet::new();
    for number in 1..=MANY {
        follow(&store, hash(number), Some(session)).await;
        assert!(store.consume_flow(hash(number), NOW).await.expect("commits"));
        let store = store.clone();
        ends.spawn(async move {
            let account = format!("account-{number}");
            let mut new = new_connection(number.into(), &account);
            new.flow = Some(ByFlow { hash: hash(number), session: Some(session) });
            let tokens = tokens(number.into());
            let made = store.connect_account(&new, &tokens, [number; 32], act());
            (new.id, made.await.expect("commits"))
        });
    }
    let ends = ends.join_all().await;
    let made: Vec<_> = ends.iter().filter(|(_, outcome)| *outcome == Outcome::Done).collect();
    let [(made, _)] = made.as_slice() else { panic!("{ends:?}") };
    let late = ends.iter().filter(|(_, outcome)| *outcome == Outcome::Taken("invitation")).count();
    assert_eq!(late, usize::from(MANY) - 1, "{ends:?}");
    let found = store.find_connect_session(session).await.expect("reads").expect("is there");
    assert_eq!(found.made, Some(*made));
    let page = Page { after: None, limit: 100 };
    let listed = store.list_connections(ORGANIZATION, Filter::default(), page).await;
    let listed: Vec<_> = listed.expect("reads").items.iter().map(|one| one.id).collect();
    assert_eq!(listed, [*made], "the others left nothing behind");
}

async fn an_invitation_that_led_somewhere_renews_nothing_more(place: Place) {
    let store = furnished(&place).await;
    connect(&store, 1, "alice").await;
    let session = hash(200);
    invite(&store, session).await;
    let mut outcomes = Vec::new();
    for number in [2, 3] {
        follow(&store, hash(number), Some(session)).await;
        let before = held(&store, 1).await;
        let new = Connected {
            slots: &[],
            account: Some("alice"),
            account_label: None,
            issued_to: Some("app"),
            flow: Some(ByFlow { hash: hash(number), session: Some(session) }),
            node: "n1",
        };
        let tokens = tokens(number.into());
        let renewed = store.reconnect_account(&before, &new, &tokens, [number; 32], act()).await;
        outcomes.push(renewed.expect("commits"));
    }
    assert_eq!(outcomes, [Outcome::Done, Outcome::Taken("invitation")]);
    let after = held(&store, 1).await;
    let access = store.open_access_token(&after).expect("opens").expect("is there");
    assert_eq!(access.reveal(), "access-2");
}

async fn a_withdrawn_invitation_ends_the_flows_that_wait(place: Place) {
    let store = furnished(&place).await;
    let session = hash(200);
    invite(&store, session).await;
    for number in [1, 2] {
        follow(&store, hash(number), Some(session)).await;
    }
    follow(&store, hash(3), None).await;
    assert!(store.consume_flow(hash(1), NOW).await.expect("commits"), "it is at its exchange");
    let withdrawn = store.withdraw_connect_session(Reach::Instance, id(700), act_at(NOW)).await;
    done(withdrawn.expect("commits"));
    assert!(!store.consume_flow(hash(2), NOW).await.expect("commits"));
    assert!(store.consume_flow(hash(3), NOW).await.expect("commits"), "another's goes on");
    let again = store.withdraw_connect_session(Reach::Instance, id(700), act_at(NOW)).await;
    assert_eq!(again.expect("commits"), Outcome::Absent);
}

async fn flows_are_forgotten_an_hour_after_their_end(place: Place) {
    let store = furnished(&place).await;
    begin(&store, hash(1)).await;
    let end = NOW.plus(LIFE);
    begin(&store, hash(2)).await;
    store.refuse_flow(hash(2), Word::AccessDenied).await.expect("commits");
    let is_there = async |number| store.find_flow(hash(number)).await.expect("reads").is_some();
    store.forget_flows(end.plus(Seconds(3_600)), 10).await.expect("commits");
    assert!(is_there(1).await && is_there(2).await);
    store.forget_flows(end.plus(Seconds(3_601)), 10).await.expect("commits");
    assert!(!is_there(1).await && !is_there(2).await);
}

async fn an_abandoned_flow_is_noted_once_among_many_who_look(place: Place) {
    let store = furnished(&place).await;
    for number in 1..=4 {
        begin(&store, hash(number)).await;
    }
    store.refuse_flow(hash(2), Word::AccessDenied).await.expect("commits");
    assert!(store.consume_flow(hash(3), NOW).await.expect("commits"), "it is at its exchange");
    let end = NOW.plus(LIFE);
    let early = store.note_abandoned_flows(end.minus(Seconds(1)), 10).await;
    assert_eq!(early.expect("commits"), []);
    let mut lookers = JoinSet::new();
    for _ in 0..8 {
        let store = store.clone();
        lookers.spawn(async move { store.note_abandoned_flows(end, 10).await.expect("commits") });
    }
    let noted = lookers.join_all().await.concat();
    assert_eq!(noted, [connector_id(), connector_id()], "the first and the fourth");
    let is_abandoned = async |number| {
        let flow = store.find_flow(hash(number)).await.expect("reads");
        flow.expect("is there").is_abandoned
    };
    assert!(is_abandoned(1).await && is_abandoned(4).await);
    assert!(!is_abandoned(2).await && !is_abandoned(3).await);
}
