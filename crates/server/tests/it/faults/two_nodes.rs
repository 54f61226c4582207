//! F13: two servers on one PostgreSQL. A revocation or a disabled client on one is enforced on the
//! other within a second, and twenty refreshes over both have one successor.

use std::collections::HashSet;
use std::time::Duration;

use keyhaven_store::{Outcome, Reach};
use tokio::task::JoinSet;

use super::installation::{As, Installation, Registered, origin};
use super::server::Server;
use super::stopwatch::{Stopwatch, real_clock};
use super::wire::{Caller, Order};

/// The promise: a change on one node is enforced on every other this soon.
const ENFORCED_WITHIN: Duration = Duration::from_secs(1);

const REVOCATIONS: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stderr, reason = "the measured lag is worth reading")]
async fn a_revocation_on_one_node_is_enforced_on_the_other() {
    let (installation, [client]) = prepared([As::Opaque]).await;
    let (one, other) = tokio::join!(Server::start(&installation), Server::start(&installation));
    let (mut here, mut there) = (Caller::of(one.address), Caller::of(other.address));
    let mut worst = Duration::ZERO;
    for nth in 0..REVOCATIONS {
        let answer = here.ask(&Order::begin(&client)).await;
        let (token, refresh) = (answer.text("access_token"), answer.text("refresh_token"));
        assert!(there.ask(&Order::introspect(&client, &token)).await.active());
        // Every other time the whole family, so that an ancestor's end is heard of too.
        let ended = if nth % 2 == 0 { &token } else { &refresh };
        assert_eq!(here.ask(&Order::revoke(&client, ended)).await.status, 200);
        let acknowledged = Stopwatch::start();
        assert!(!here.ask(&Order::introspect(&client, &token)).await.active());
        worst = worst.max(lag(&mut there, &Order::introspect(&client, &token), acknowledged).await);
    }
    eprintln!("worst lag of {REVOCATIONS} revocations between two nodes: {worst:?}");
    assert!(worst <= ENFORCED_WITHIN, "a revocation took {worst:?} to reach the other node");
}

/// How long after the acknowledgement the last question was asked that was answered "active".
async fn lag(caller: &mut Caller, question: &Order, acknowledged: Stopwatch) -> Duration {
    let mut last = Duration::ZERO;
    loop {
        let asked = acknowledged.elapsed();
        if !caller.ask(question).await.active() {
            return last;
        }
        assert!(asked <= 5 * ENFORCED_WITHIN, "never heard of on the other node");
        last = asked;
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stderr, reason = "the measured lag is worth reading")]
async fn a_client_disabled_elsewhere_is_refused_by_both_nodes() {
    let (installation, [client, watcher]) = prepared([As::Opaque, As::Opaque]).await;
    let (one, other) = tokio::join!(Server::start(&installation), Server::start(&installation));
    let mut callers = [Caller::of(one.address), Caller::of(other.address)];
    for caller in &mut callers {
        assert_eq!(caller.ask(&Order::issue(&client)).await.status, 200);
        assert_eq!(caller.ask(&Order::issue(&watcher)).await.status, 200);
    }
    disable(&installation, &client).await;
    let acknowledged = Stopwatch::start();
    for caller in &mut callers {
        let mut asked = acknowledged.elapsed();
        let answer = loop {
            let answer = caller.ask(&Order::issue(&client)).await;
            if answer.status != 200 {
                break answer;
            }
            assert!(asked <= ENFORCED_WITHIN, "a disabled client got a token after {asked:?}");
            asked = acknowledged.elapsed();
        };
        answer.refused(401, "invalid_client");
        eprintln!("a disabled client is refused after {asked:?}");
        assert_eq!(caller.ask(&Order::issue(&watcher)).await.status, 200, "a neighbour is hit");
    }
}

/// Through a third node, as an administrator elsewhere would.
async fn disable(installation: &Installation, client: &Registered) {
    let node = installation.open(real_clock(0)).await;
    let app = &node.app;
    let found = app.store.find_client_record(Reach::Instance, client.client.id).await;
    let before = found.expect("reads").expect("is there");
    let mut after = before.clone();
    after.disabled_at = Some(app.clock.now());
    let done = app.store.update_client(&before, &after, "{}", app.act("test", &origin())).await;
    assert_eq!(done.expect("commits"), Outcome::Done);
    app.store.engine().close().await.expect("closes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_refreshes_over_two_nodes_have_one_successor() {
    let (installation, [client]) = prepared([As::Opaque]).await;
    let client = std::sync::Arc::new(client);
    let (one, other) = tokio::join!(Server::start(&installation), Server::start(&installation));
    for _ in 0..5 {
        let answer = Caller::of(one.address).ask(&Order::begin(&client)).await;
        let refresh = answer.text("refresh_token");
        let mut refreshes = JoinSet::new();
        for nth in 0..20 {
            let address = if nth % 2 == 0 { one.address } else { other.address };
            let (client, refresh) = (client.clone(), refresh.clone());
            refreshes.spawn(async move {
                let answer = Caller::of(address).ask(&Order::rotate(&client, &refresh)).await;
                (!answer.unavailable()).then(|| answer.text("refresh_token"))
            });
        }
        let answers: Vec<_> = refreshes.join_all().await.into_iter().flatten().collect();
        let successors: HashSet<_> = answers.iter().collect();
        assert_eq!(successors.len(), 1, "several heads, or none: {successors:?}");
        let next = Caller::of(other.address).ask(&Order::rotate(&client, &answers[0])).await;
        assert_eq!(next.status, 200, "the family did not live: {next:?}");
    }
}

async fn prepared<const N: usize>(kinds: [As; N]) -> (Installation, [Registered; N]) {
    let installation = Installation::postgres();
    let clients = installation.register(kinds).await;
    (installation, clients)
}
