//! F07: the wall clock jumps, forward or back. What was used stays used, no token outlives its
//! stored end, and a grace window that has passed does not open again.

use std::time::Duration;

use keyhaven::app::App;
use keyhaven::boot::Node;
use keyhaven::http::stop::Stop;
use keyhaven::jobs;
use keyhaven::operations::forget_ended::{forget_ended, sweep_memory};
use keyhaven::telemetry::metrics::Metrics;
use keyhaven_protocol::time::{Seconds, Timestamp};
use keyhaven_store::{Page, Reach};
use tokio::task::yield_now;
use tokio::time::timeout;

use super::installation::{As, ISSUER, Installation, register};
use super::node::{IssuedRefresh, begin, issue, issue_by, refusal, revoke, rotate, why_dead};
use super::stopwatch::SetClock;

const HOUR: i64 = 3_600;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_used_stays_used_when_the_clock_jumps_on_sqlite() {
    what_was_used_stays_used(Installation::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_used_stays_used_when_the_clock_jumps_on_postgres() {
    what_was_used_stays_used(Installation::postgres()).await;
}

async fn what_was_used_stays_used(installation: Installation) {
    let clock = SetClock::now();
    let node = installation.open(clock.clock()).await;
    let app = &*node.app;
    let client = register(&node, As::Asserting).await;
    let exp = app.clock.now().plus(Seconds(240));
    let assertion = client.assertion("once", ISSUER, exp);
    issue_by(app, &assertion).await.expect("the first use");
    for jump in [-HOUR, 2 * HOUR, 100, -HOUR - 100] {
        clock.jump(jump);
        forget(app).await;
        // Assertions made now, whose id was used then.
        let again = client.assertion("once", ISSUER, app.clock.now().plus(Seconds(200)));
        assert_eq!(refusal(issue_by(app, &again).await), "assertion was used before", "{jump}");
    }
    app.store.engine().close().await.expect("closes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_token_outlives_its_end_when_the_clock_jumps_on_sqlite() {
    no_token_outlives_its_end(Installation::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_token_outlives_its_end_when_the_clock_jumps_on_postgres() {
    no_token_outlives_its_end(Installation::postgres()).await;
}

async fn no_token_outlives_its_end(installation: Installation) {
    let clock = SetClock::now();
    let node = installation.open(clock.clock()).await;
    let app = &*node.app;
    for kind in [As::Opaque, As::Jwt] {
        let client = register(&node, kind).await;
        let issued = issue(app, &client).await.expect("issues");
        let family = begin(app, &client).await.expect("begins");
        let ttl = client.client.access_ttl.0;
        assert_eq!(why_dead(app, &issued.access_token).await, None);
        clock.jump(ttl - 1);
        assert_eq!(why_dead(app, &issued.access_token).await, None);
        clock.jump(1);
        let why = why_dead(app, &issued.access_token).await.expect("it reached its end");
        assert!(why.contains("expired"), "{why}");
        // A clock set back never lets a token end later than was stored.
        clock.jump(-HOUR);
        let back = issue(app, &client).await.expect("issues");
        assert_eq!(back.expires_at, app.clock.now().plus(Seconds(ttl)));
        clock.jump(HOUR);
        assert!(why_dead(app, &back.access_token).await.is_some());
        clock.jump(client.client.refresh_idle.0);
        let why = refusal(rotate(app, &client, family.refresh()).await);
        assert_eq!(why, "refresh family was idle too long");
        clock.jump(client.client.refresh_absolute.0);
        let why = refusal(rotate(app, &client, family.refresh()).await);
        assert_eq!(why, "refresh family reached its absolute end");
    }
    app.store.engine().close().await.expect("closes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grace_window_does_not_open_again_on_sqlite() {
    a_grace_window_does_not_open_again(Installation::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grace_window_does_not_open_again_on_postgres() {
    a_grace_window_does_not_open_again(Installation::postgres()).await;
}

async fn a_grace_window_does_not_open_again(installation: Installation) {
    let clock = SetClock::now();
    let node = installation.open(clock.clock()).await;
    let app = &*node.app;
    let client = register(&node, As::Opaque).await;
    let grace = client.client.refresh_grace.0;
    let first = begin(app, &client).await.expect("begins");
    let second = rotate(app, &client, first.refresh()).await.expect("rotates");
    let again = rotate(app, &client, first.refresh()).await.expect("in the window");
    assert_eq!(again.refresh().reveal(), second.refresh().reveal());

    clock.pass(grace + 1);
    forget(app).await;
    clock.jump(-grace);
    let why = refusal(rotate(app, &client, first.refresh()).await);
    assert_eq!(why, "a spent refresh token was used again");
    let why = refusal(rotate(app, &client, second.refresh()).await);
    assert_eq!(why, "refresh family is revoked");
    app.store.engine().close().await.expect("closes");
}

/// What the jobs do, until they find nothing more to do.
async fn forget(app: &App) {
    sweep_memory(app).await.expect("sweeps");
    while forget_ended(app).await.expect("purges").more {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_revoked_stays_so_when_the_clock_jumps_on_sqlite() {
    what_was_revoked_stays_so(Installation::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_revoked_stays_so_when_the_clock_jumps_on_postgres() {
    what_was_revoked_stays_so(Installation::postgres()).await;
}

/// A clock that runs ahead for a while must not make a node forget what still matters.
async fn what_was_revoked_stays_so(installation: Installation) {
    let clock = SetClock::now();
    let node = installation.open(clock.clock()).await;
    let app = &*node.app;
    for kind in [As::Jwt, As::Opaque] {
        let client = register(&node, kind).await;
        let (one, other) =
            (begin(app, &client).await.expect("a"), begin(app, &client).await.expect("b"));
        revoke(app, &client, &one.access_token).await.expect("revokes");
        revoke(app, &client, other.refresh()).await.expect("revokes");
        clock.jump(5 * HOUR);
        forget(app).await;
        clock.jump(-5 * HOUR);
        forget(app).await;
        assert!(why_dead(app, &one.access_token).await.is_some(), "a revoked token came back");
        assert!(why_dead(app, &other.access_token).await.is_some(), "a dead family's token lives");
    }
    app.store.engine().close().await.expect("closes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jump_is_written_down() {
    let clock = SetClock::now();
    let installation = Installation::sqlite();
    let Node { app, refusals } = installation.open(clock.clock()).await;
    let (stop, metrics) = (Stop::new(), Metrics::new().expect("metrics"));
    let jobs = jobs::start(&app, refusals, &metrics, &stop);
    clock.jump(-HOUR);
    let written = async {
        loop {
            let page = Page { after: None, limit: 10 };
            let rows = app.store.list_audit(Reach::Instance, Some("clock.jumped"), page).await;
            if let Some(row) = rows.expect("reads").items.pop() {
                return row.entry.detail;
            }
            yield_now().await;
        }
    };
    let detail = timeout(Duration::from_secs(10), written).await.expect("it is written down");
    assert!(detail.contains("-36") || detail.contains("-35"), "{detail}");
    stop.ask();
    jobs.join_all().await;
    app.store.engine().close().await.expect("closes");
}

#[test]
fn the_clock_of_these_tests_moves_both_ways() {
    let set = SetClock::now();
    let clock = set.clock();
    let now = clock.now();
    set.jump(-10);
    assert_eq!(clock.now(), Timestamp(now.0 - 10));
}
