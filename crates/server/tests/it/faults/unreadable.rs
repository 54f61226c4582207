//! F21: one row does not parse or does not open. That record fails as ours, its neighbours work,
//! and nothing is deleted.

use keyhaven::app::App;
use keyhaven::operations::Failure;
use keyhaven::operations::check::{Need, check};
use keyhaven_protocol::credential::{Kind, parse_kind};
use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_store::engine::{Commit, Statement, Step};
use keyhaven_store::{Error, values};

use super::installation::{As, Installation, origin, register};
use super::node::{IssuedRefresh, begin, issue, number, rotate};
use super::stopwatch::real_clock;

static SPOIL_FAMILY: Statement = Statement::new(
    "faults.spoil_family",
    "UPDATE refresh_families SET rule = 'no such rule' WHERE id = $1",
);
static SPOIL_TOKEN: Statement =
    Statement::new("faults.spoil_token", "UPDATE access_tokens SET scopes = '\"' WHERE id = $1");
static COUNT_FAMILIES: Statement =
    Statement::new("faults.count_families", "SELECT COUNT(*) FROM refresh_families");
static COUNT_TOKENS: Statement =
    Statement::new("faults.count_tokens", "SELECT COUNT(*) FROM access_tokens");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_does_not_parse_fails_alone_on_sqlite() {
    a_row_that_does_not_parse_fails_alone(Installation::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_does_not_parse_fails_alone_on_postgres() {
    a_row_that_does_not_parse_fails_alone(Installation::postgres()).await;
}

async fn a_row_that_does_not_parse_fails_alone(installation: Installation) {
    let node = installation.open(real_clock(0)).await;
    let app = &*node.app;
    let client = register(&node, As::Opaque).await;
    let (bad, good) =
        (begin(app, &client).await.expect("a"), begin(app, &client).await.expect("b"));
    let spoil = |statement, id: keyhaven_protocol::id::Id| async move {
        let commit = app.store.engine().commit(vec![Step::one(statement, values![id])]).await;
        assert!(matches!(commit, Ok(Commit::Done(_))), "{commit:?}");
    };
    let family = parse_kind(Kind::Refresh, bad.refresh().reveal()).expect("a refresh token").id;
    spoil(&SPOIL_FAMILY, family).await;
    spoil(&SPOIL_TOKEN, bad.id.0).await;

    let spoilt = rotate(app, &client, bad.refresh()).await;
    says(spoilt.err(), "refresh_families.rule is unknown");
    let spoilt = check(app, bad.access_token.reveal(), &Need::default()).await;
    assert!(matches!(spoilt, Err(Failure::Storage(Error::Broken(_)))), "{spoilt:?}");

    rotate(app, &client, good.refresh()).await.expect("its neighbour rotates");
    check(app, good.access_token.reveal(), &Need::default()).await.expect("its neighbour stands");
    issue(app, &client).await.expect("the client works on");
    let window = app.settings.audit_window;
    let grace = keyhaven_protocol::time::Seconds(300);
    app.store.purge(grace, window, app.clock.now()).await.expect("the purge passes by");
    assert_eq!(number(app, &COUNT_FAMILIES, values![]).await, 2, "a family was deleted");
    assert_eq!(number(app, &COUNT_TOKENS, values![]).await, 4, "a token was deleted");
    app.store.engine().close().await.expect("closes");
}

static SPOIL_KEY: Statement = Statement::new(
    "faults.spoil_key",
    "UPDATE signing_keys SET sealed = (SELECT sealed FROM signing_keys WHERE kid <> $1) \
     WHERE kid = $1",
);
static KIDS: Statement = Statement::new(
    "faults.kids",
    "SELECT kid FROM signing_keys WHERE alg = $1 ORDER BY generation",
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signing_key_that_does_not_open_fails_alone_on_sqlite() {
    a_signing_key_that_does_not_open_fails_alone(Installation::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signing_key_that_does_not_open_fails_alone_on_postgres() {
    a_signing_key_that_does_not_open_fails_alone(Installation::postgres()).await;
}

/// The key's sealed part is replaced by its neighbour's, which is bound to another row.
async fn a_signing_key_that_does_not_open_fails_alone(installation: Installation) {
    let before = installation.open(real_clock(0)).await;
    let app = &*before.app;
    let client = register(&before, As::Jwt).await;
    let act = || app.act("test", &origin());
    app.keys.ensure(app, Algorithm::EdDsa, act()).await.expect("a neighbour");
    let token = issue(app, &client).await.expect("issues").access_token;
    let spoilt = kids(app, "ES256").await.remove(0);
    let step = Step::one(&SPOIL_KEY, values![spoilt.as_str()]);
    let commit = app.store.engine().commit(vec![step]).await;
    assert!(matches!(commit, Ok(Commit::Done(_))), "{commit:?}");
    app.store.engine().close().await.expect("closes");

    let after = installation.open(real_clock(0)).await;
    let app = &*after.app;
    check(app, token.reveal(), &Need::default()).await.expect("what it signed still verifies");
    let next = issue(app, &client).await.expect("another key signs").access_token;
    check(app, next.reveal(), &Need::default()).await.expect("and verifies");
    let now = app.clock.now();
    assert!(app.keys.now().signer(Algorithm::EdDsa, now).is_some(), "its neighbour does not sign");
    let left = kids(app, "ES256").await;
    assert_eq!((left.len(), &left[0]), (2, &spoilt), "the key was deleted, or none took over");
    app.store.engine().close().await.expect("closes");
}

async fn kids(app: &App, alg: &str) -> Vec<String> {
    let rows = app.store.engine().read(&KIDS, values![alg]).await.expect("reads");
    rows.into_iter().map(|mut row| row.text(0).expect("text")).collect()
}

/// That it is our own failure, and names the column.
fn says(failure: Option<Failure>, what: &str) {
    match failure {
        Some(Failure::Storage(Error::Broken(why))) => {
            assert!(why.to_string().contains(what), "{why}");
        }
        other => panic!("not a broken record: {other:?}"),
    }
}
