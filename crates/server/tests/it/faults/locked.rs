//! F06: another process holds SQLite's write lock. Requests that write wait or answer 503, never
//! anything wrong; those that only read go on.
//!
//! The other process is this one: an engine of its own whose one commit counts for a while.

use std::time::Duration;

use keyhaven_store::engine::{Commit, Engine, Location, Options, Statement, Step, open};
use keyhaven_store::{Error, values};
use tokio::task::JoinHandle;

use super::installation::{As, Installation};
use super::server::Server;
use super::stopwatch::Stopwatch;
use super::wire::{Caller, Order};

/// Counts to `$1`, to learn how fast this machine counts.
static COUNT: Statement = Statement::new(
    "faults.count",
    "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < $1) \
     SELECT MAX(n) FROM c",
);

/// Counts to `$1` while it holds the write lock, and changes nothing.
static HOLD: Statement = Statement::new(
    "faults.hold",
    "UPDATE instance SET value = value WHERE \
     (WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < $1) \
     SELECT MAX(n) FROM c) < 0",
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_wait_for_a_lock_held_elsewhere_for_a_second() {
    let seen = under_a_lock_for(Duration::from_secs(1)).await;
    assert!(seen.while_locked > 0, "the lock was not held while requests ran");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_are_told_not_now_when_the_lock_is_held_for_long() {
    // How long a count takes is a guess where others use the machine: it is made longer if need be.
    for seconds in [4, 8, 16, 32] {
        if under_a_lock_for(Duration::from_secs(seconds)).await.refused > 0 {
            return;
        }
    }
    panic!("half a minute was waited for");
}

/// What happened while the lock was held.
struct Seen {
    while_locked: usize,
    refused: usize,
}

async fn under_a_lock_for(length: Duration) -> Seen {
    let installation = Installation::sqlite();
    let [opaque, jwt] = installation.register([As::Opaque, As::Jwt]).await;
    let server = Server::start(&installation).await;
    let mut caller = Caller::of(server.address);
    let token = caller.ask(&Order::issue(&opaque)).await.text("access_token");
    let refresh = caller.ask(&Order::begin(&opaque)).await.text("refresh_token");
    caller.ask(&Order::issue(&jwt)).await.text("access_token");

    let lock = Lock::hold(&installation, length).await;
    let mut seen = Seen { while_locked: 0, refused: 0 };
    let mut tokens = vec![token];
    let mut head = refresh.clone();
    while lock.is_held() {
        let issued = caller.ask(&Order::issue(&opaque)).await;
        if issued.unavailable() {
            seen.refused += 1;
        } else {
            tokens.push(issued.text("access_token"));
        }
        let turned = caller.ask(&Order::rotate(&opaque, &head)).await;
        if !turned.unavailable() {
            head = turned.text("refresh_token");
        }
        let signed = caller.ask(&Order::issue(&jwt)).await;
        assert_eq!(signed.status, 200, "a JWT needs no write: {signed:?}");
        assert!(caller.ask(&Order::introspect(&opaque, &tokens[0])).await.active());
        seen.while_locked += 1;
    }
    lock.released().await;
    for token in &tokens {
        assert!(caller.ask(&Order::introspect(&opaque, token)).await.active(), "a token is gone");
    }
    assert_eq!(caller.ask(&Order::rotate(&opaque, &head)).await.status, 200);
    seen
}

/// The write lock of an installation's SQLite, held for about as long as was asked.
pub(super) struct Lock {
    hold: JoinHandle<Result<Commit, Error>>,
}

impl Lock {
    pub(super) async fn hold(installation: &Installation, length: Duration) -> Self {
        let beside = open(&Location::Sqlite(installation.data()), Options::default()).await;
        let beside = beside.expect("opens beside the server");
        let step = Step::any(&HOLD, values![counted_in(&*beside, length).await]);
        Self { hold: tokio::spawn(async move { beside.commit(vec![step]).await }) }
    }

    pub(super) fn is_held(&self) -> bool {
        !self.hold.is_finished()
    }

    pub(super) async fn released(self) {
        let held = self.hold.await.expect("ran");
        assert!(matches!(held, Ok(Commit::Done(_))), "the lock was never had: {held:?}");
    }
}

/// How far to count for about this long.
async fn counted_in(engine: &dyn Engine, length: Duration) -> i64 {
    const SOME: i64 = 300_000;
    let since = Stopwatch::start();
    engine.read(&COUNT, values![SOME]).await.expect("counts");
    let each = since.elapsed().as_secs_f64() / 300_000.0;
    #[expect(clippy::cast_possible_truncation, reason = "some millions")]
    let count = (length.as_secs_f64() / each) as i64;
    count.max(SOME)
}
