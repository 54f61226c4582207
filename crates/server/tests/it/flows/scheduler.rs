//! The scheduler at the pace of a hundred thousand connections that are due in one hour: every one is
//! refreshed before its token ends, once, and no host is asked by more than its places at a time. Time
//! is the test's own, so an hour costs as long as its refreshes do.

use futures_util::future::join_all;
use keyhaven::jobs::RefreshDue;
use keyhaven_fake_provider::Rules;
use keyhaven_protocol::connection::Method;
use keyhaven_protocol::connection::state::Standing;
use keyhaven_protocol::id::{ConnectionId, ConnectorId};
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::{Seconds, Timestamp};
use keyhaven_store::Outcome;
use keyhaven_store::connections::{NewConnection, Tokens};
use serde_json::json;

use crate::harness::{Connector, Server};

/// 100,000 in an hour are so many in this many seconds.
const DUE: i64 = 2_000;
const WITHIN: i64 = 72;

/// What a token of an hour has left when it is due.
const LEAD: i64 = 360;

/// Requests to one host at a time (`vault::hosts`).
const PLACES: usize = 16;

/// How many, if somebody measures more than a test should take.
#[expect(clippy::disallowed_methods, reason = "a measurement says how many; not a setting")]
fn how_many() -> (i64, i64) {
    let asked = std::env::var("KEYHAVEN_TEST_SCHEDULED").ok().and_then(|text| text.parse().ok());
    let due: i64 = asked.unwrap_or(DUE);
    (due, (due * WITHIN / DUE).max(1))
}

/// Keeps connections whose tokens are due one after the other within so many seconds.
async fn keep_many(server: &Server, connector: &Connector, due: i64, within: i64) {
    let now = server.present.now();
    let numbers: Vec<i64> = (0..due).collect();
    for some in numbers.chunks(64) {
        let kept = some.iter().map(|number| {
            let due_at = Timestamp(now + 1 + number * within / due);
            keep_one(server, connector, *number, due_at)
        });
        join_all(kept).await;
    }
}

async fn keep_one(server: &Server, connector: &Connector, number: i64, due_at: Timestamp) {
    let (app, account) = (server.app(), format!("account-{number}"));
    let (access, refresh) = connector.fake.grant(&account, "read");
    let tokens = Tokens {
        access: Some(Secret::new(access)),
        refresh: Some(Secret::new(refresh)),
        access_ends_at: Some(due_at.plus(Seconds(LEAD))),
        access_lifetime: Some(Seconds(3_600)),
        scopes: Some("read".into()),
        scheme: "Bearer".into(),
        due_at: Some(due_at),
        ..Tokens::default()
    };
    let new = NewConnection {
        id: ConnectionId(app.id()),
        organization: server.organization,
        connector: ConnectorId::parse(&connector.id).expect("an id"),
        owner: None,
        method: Method::Oauth,
        account: Some(&account),
        account_label: None,
        external_id: None,
        labels: "",
        metadata: "{}",
        slots: &[],
        standing: Standing::active(app.clock.now()),
        issued_to: Some("fake-client"),
        flow: None,
        node: "test",
    };
    let made = app.store.connect_account(&new, &tokens, app.dice.bytes(), server.act()).await;
    assert_eq!(made.expect("commits"), Outcome::Done);
}

/// Lets half a second go by, as between two rounds; how long the oldest had waited by then.
async fn half_a_second(server: &Server, scheduler: &mut RefreshDue) -> i64 {
    server.present.pass_millis(500);
    let now = server.app().clock.now();
    let oldest = server.app().store.find_oldest_due(now).await.expect("reads");
    scheduler.take().await.expect("storage works");
    scheduler.settle().await.expect("storage works");
    oldest.map_or(0, |at| now.since(at).0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_deadline_of_a_hundred_thousand_an_hour_is_kept() {
    let (due, within) = how_many();
    let server = Server::with_providers().await;
    // Of so long a life that none is due twice, however many there are.
    let long = Rules { lifetime: Some(86_400), ..Rules::default() };
    let connector = server.a_connector_with(long, json!({}), json!({})).await;
    keep_many(&server, &connector, due, within).await;
    let mut scheduler = RefreshDue::new(server.app.clone());
    let mut latest = 0;
    for _ in 0..2 * (within + 30) {
        latest = half_a_second(&server, &mut scheduler).await.max(latest);
    }
    let due = usize::try_from(due).expect("few");
    assert!(latest < LEAD, "one waited {latest} s");
    assert_eq!(connector.fake.refreshes(), due, "each once");
    assert_eq!(connector.fake.live_grants(), due, "none was sent twice");
    assert!(connector.fake.most_at_once() <= PLACES, "{}", connector.fake.most_at_once());
    assert_eq!(server.app().vault.flights.count(), 0, "nothing stays behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_is_spread_over_time_and_over_the_places_of_its_host() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    keep_many(&server, &connector, 200, 1).await;
    // The node was away; everything is overdue.
    server.present.pass(300);
    let mut scheduler = RefreshDue::new(server.app.clone());
    let first = scheduler.take().await.expect("storage works");
    scheduler.settle().await.expect("storage works");
    assert!(first <= 64, "{first} at once");
    assert!(connector.fake.refreshes() <= first);
    for _ in 0..120 {
        half_a_second(&server, &mut scheduler).await;
    }
    assert_eq!((connector.fake.refreshes(), connector.fake.live_grants()), (200, 200));
    assert!(connector.fake.most_at_once() <= PLACES, "{}", connector.fake.most_at_once());
}
