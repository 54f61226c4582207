//! "It stays small" (design §2): what ended leaves in bounded steps, and what is alive stays.

use keyhaven::app::App;
use keyhaven::operations::forget_ended::forget_ended;
use keyhaven_protocol::time::Seconds;
use keyhaven_store::engine::Statement;
use keyhaven_store::purge::CHUNK;
use keyhaven_store::values;

use super::installation::{As, ISSUER, Installation, register};
use super::node::{IssuedRefresh, begin, issue, issue_by, number, revoke, rotate, why_dead};
use super::stopwatch::SetClock;

macro_rules! counts {
    ($($name:ident = $table:literal;)*) => {
        $(static $name: Statement = Statement::new(
            concat!("faults.count_", $table), concat!("SELECT COUNT(*) FROM ", $table));)*
    };
}

counts! {
    TOKENS = "access_tokens";
    FAMILIES = "refresh_families";
    GRANTS = "grants";
    SPENT = "spent_once";
    REVOKED = "revoked_tokens";
    CHANGES = "changes";
}

/// More than one step removes.
const TOKENS_ISSUED: usize = 700;
const FAMILIES_BEGUN: usize = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ended_leaves_in_bounded_steps_on_sqlite() {
    what_ended_leaves_in_bounded_steps(Installation::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ended_leaves_in_bounded_steps_on_postgres() {
    what_ended_leaves_in_bounded_steps(Installation::postgres()).await;
}

async fn what_ended_leaves_in_bounded_steps(installation: Installation) {
    let clock = SetClock::now();
    let node = installation.open(clock.still()).await;
    let app = &*node.app;
    let opaque = register(&node, As::Opaque).await;
    let asserting = register(&node, As::Asserting).await;
    for _ in 0..TOKENS_ISSUED / 50 {
        futures_util::future::join_all((0..50).map(|_| async {
            issue(app, &opaque).await.expect("issues");
        }))
        .await;
    }
    for nth in 0..FAMILIES_BEGUN {
        let first = begin(app, &opaque).await.expect("begins");
        let next = rotate(app, &opaque, first.refresh()).await.expect("rotates");
        if nth % 3 == 0 {
            revoke(app, &opaque, next.refresh()).await.expect("revokes");
        }
        if nth % 3 == 1 {
            revoke(app, &opaque, &next.access_token).await.expect("revokes");
        }
        let exp = app.clock.now().plus(Seconds(200));
        let assertion = asserting.assertion(&nth.to_string(), ISSUER, exp);
        issue_by(app, &assertion).await.expect("issues");
    }
    let full = size(app).await;
    assert!(full.tokens > CHUNK && full.families == 60 && full.spent == 60, "{full:?}");

    clock.pass(opaque.client.refresh_absolute.0 + 700);
    let alive = begin(app, &opaque).await.expect("begins");
    let token = issue(app, &opaque).await.expect("issues");
    let (rounds, removed) = purge(app).await;
    assert!(rounds > 1, "{removed} rows left at once");

    let left = size(app).await;
    assert_eq!((left.tokens, left.families, left.grants), (2, 1, 1), "{left:?}");
    assert_eq!((left.spent, left.revoked, left.changes), (0, 0, 0), "{left:?}");
    assert_eq!(app.store.measure_backlog(app.clock.now()).await.expect("measures"), 0);
    assert_eq!(why_dead(app, &token.access_token).await, None);
    rotate(app, &opaque, alive.refresh()).await.expect("what is alive stays");
    app.store.engine().close().await.expect("closes");
}

/// The purge job's operation until nothing waits: how many rounds, and how many rows they removed.
async fn purge(app: &App) -> (usize, u64) {
    let (mut rounds, mut removed) = (0, 0);
    loop {
        let purged = forget_ended(app).await.expect("purges");
        assert!(purged.rows <= 11 * CHUNK.unsigned_abs(), "an unbounded step: {purged:?}");
        rounds += 1;
        removed += purged.rows;
        if !purged.more {
            return (rounds, removed);
        }
    }
}

#[derive(Debug)]
struct Size {
    tokens: i64,
    families: i64,
    grants: i64,
    spent: i64,
    revoked: i64,
    changes: i64,
}

async fn size(app: &App) -> Size {
    Size {
        tokens: number(app, &TOKENS, values![]).await,
        families: number(app, &FAMILIES, values![]).await,
        grants: number(app, &GRANTS, values![]).await,
        spent: number(app, &SPENT, values![]).await,
        revoked: number(app, &REVOKED, values![]).await,
        changes: number(app, &CHANGES, values![]).await,
    }
}
