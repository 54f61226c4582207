//! F08: the clocks of two nodes on one PostgreSQL differ by five seconds. Tokens count on both,
//! and what is decided once is decided by the database.

use keyhaven::app::App;
use keyhaven::boot::Node;
use keyhaven::http::stop::Stop;
use keyhaven::jobs;
use keyhaven::telemetry::metrics::Metrics;
use keyhaven_protocol::time::Seconds;
use tokio::task::{JoinSet, yield_now};

use super::installation::{As, ISSUER, Installation, Registered, register};
use super::node::{IssuedRefresh, begin, issue, issue_by, refusal, revoke, rotate, why_dead};
use super::stopwatch::{Stopwatch, real_clock};

const APART: i64 = 5_000;

/// Two nodes with their jobs; the second is five seconds ahead.
struct Pair {
    behind: std::sync::Arc<App>,
    ahead: std::sync::Arc<App>,
    client: Registered,
    jwt: Registered,
    asserting: Registered,
    stop: Stop,
    jobs: Vec<JoinSet<()>>,
    _installation: Installation,
}

impl Pair {
    async fn open() -> Self {
        let installation = Installation::postgres();
        let behind = installation.open(real_clock(0)).await;
        let ahead = installation.open(real_clock(APART)).await;
        let client = register(&behind, As::Opaque).await;
        let jwt = register(&ahead, As::Jwt).await;
        let asserting = register(&ahead, As::Asserting).await;
        let stop = Stop::new();
        let metrics = Metrics::new().expect("metrics");
        let start = |node: Node| {
            let jobs = jobs::start(&node.app, node.refusals, &metrics, &stop);
            (node.app.clone(), jobs)
        };
        let (behind, jobs_behind) = start(behind);
        let (ahead, jobs_ahead) = start(ahead);
        let jobs = vec![jobs_behind, jobs_ahead];
        Self { behind, ahead, client, jwt, asserting, stop, jobs, _installation: installation }
    }

    /// Each node in turn, with the other.
    fn both_ways(&self) -> [(&App, &App); 2] {
        [(&self.behind, &self.ahead), (&self.ahead, &self.behind)]
    }

    async fn close(self) {
        self.stop.ask();
        for jobs in self.jobs {
            jobs.join_all().await;
        }
        self.behind.store.engine().close().await.expect("closes");
        self.ahead.store.engine().close().await.expect("closes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_count_on_both_nodes_and_what_is_spent_is_spent_on_both() {
    let pair = Pair::open().await;
    for (one, other) in pair.both_ways() {
        for client in [&pair.client, &pair.jwt] {
            let issued = issue(one, client).await.expect("issues");
            assert_eq!(why_dead(one, &issued.access_token).await, None);
            assert_eq!(why_dead(other, &issued.access_token).await, None, "not valid there");
        }
        let first = begin(one, &pair.client).await.expect("begins");
        let second = rotate(other, &pair.client, first.refresh()).await.expect("rotates there");
        let again = rotate(one, &pair.client, first.refresh()).await.expect("within the window");
        assert_eq!(again.refresh().reveal(), second.refresh().reveal(), "a second head");
        let third = rotate(one, &pair.client, second.refresh()).await.expect("rotates here");
        let why = refusal(rotate(other, &pair.client, first.refresh()).await);
        assert_eq!(why, "a spent refresh token was used again");
        let why = refusal(rotate(one, &pair.client, third.refresh()).await);
        assert_eq!(why, "refresh family is revoked");

        let exp = one.clock.now().plus(Seconds(200));
        let jti = format!("{}", one.id());
        issue_by(one, &pair.asserting.assertion(&jti, ISSUER, exp)).await.expect("first use");
        let again = issue_by(other, &pair.asserting.assertion(&jti, ISSUER, exp)).await;
        assert_eq!(refusal(again), "assertion was used before");
    }
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_crosses_the_difference_within_a_second() {
    let pair = Pair::open().await;
    for (one, other) in pair.both_ways() {
        for _ in 0..5 {
            let issued = begin(one, &pair.client).await.expect("begins");
            assert_eq!(why_dead(other, &issued.access_token).await, None);
            revoke(one, &pair.client, issued.refresh()).await.expect("revokes");
            let acknowledged = Stopwatch::start();
            assert!(why_dead(one, &issued.access_token).await.is_some(), "alive where it ended");
            loop {
                let asked = acknowledged.elapsed();
                if why_dead(other, &issued.access_token).await.is_some() {
                    break;
                }
                assert!(asked.as_secs() < 1, "still believed after {asked:?}");
                yield_now().await;
            }
        }
    }
    pair.close().await;
}
