//! F13 for keys: what is disabled or deleted is refused by two servers on one PostgreSQL within a
//! second of its acknowledgement, whichever of them is asked.

use std::time::Duration;

use keyhaven::app::App;
use keyhaven_protocol::id::KeyId;
use keyhaven_store::keys::KeyEdit;
use keyhaven_store::organizations::Power;
use keyhaven_store::{Outcome, Reach};

use super::charging::make_key;
use super::installation::{Installation, origin};
use super::server::Server;
use super::stopwatch::{Stopwatch, real_clock};
use super::wire::{Caller, Order};

/// The promise.
const ENFORCED_WITHIN: Duration = Duration::from_secs(1);

const ROUNDS: usize = 10;

#[derive(Clone, Copy, Debug)]
enum End {
    Disabled,
    Deleted,
    ParentDeleted,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stderr, reason = "the measured lag is worth reading")]
async fn an_ended_key_is_refused_by_both_servers_within_a_second() {
    let installation = Installation::postgres();
    let (one, other) = tokio::join!(Server::start(&installation), Server::start(&installation));
    let mut callers = [Caller::of(one.address), Caller::of(other.address)];
    let node = installation.open(real_clock(0)).await;
    let mut worst = Duration::ZERO;
    for _ in 0..ROUNDS {
        for way in [End::Disabled, End::Deleted, End::ParentDeleted] {
            let (parent, _) = make_key(&node.app, None, 10).await;
            let (id, text) = make_key(&node.app, Some(parent), 10).await;
            let question = Order::check(&text);
            for caller in &mut callers {
                assert_eq!(caller.ask(&question).await.status, 200, "{way:?}");
            }
            end(&node.app, KeyId(id), KeyId(parent), way).await;
            let acknowledged = Stopwatch::start();
            for caller in &mut callers {
                worst = worst.max(lag(caller, &question, acknowledged).await);
            }
        }
    }
    eprintln!("worst lag of {} ended keys on two servers: {worst:?}", 3 * ROUNDS);
    assert!(worst <= ENFORCED_WITHIN, "an ended key was let through {worst:?} later");
    node.app.store.engine().close().await.expect("closes");
}

/// Through a third node, as an administrator elsewhere would.
async fn end(app: &App, key: KeyId, parent: KeyId, way: End) {
    let act = app.act("test", &origin());
    let outcome = match way {
        End::Disabled => {
            let found = app.store.find_key(Reach::Instance, key).await.expect("reads");
            let edit = KeyEdit { standing: Some(Power::Disabled), ..KeyEdit::default() };
            let record = found.expect("the key is there");
            app.store.update_key(&record, &edit, "{}", act).await.expect("commits")
        }
        End::Deleted => app.store.delete_key(None, key, act).await.expect("commits").0,
        End::ParentDeleted => app.store.delete_key(None, parent, act).await.expect("commits").0,
    };
    assert_eq!(outcome, Outcome::Done, "{way:?}");
}

/// How long after the acknowledgement the last question was asked that was answered "yes".
async fn lag(caller: &mut Caller, question: &Order, acknowledged: Stopwatch) -> Duration {
    let mut last = Duration::ZERO;
    loop {
        let asked = acknowledged.elapsed();
        let answer = caller.ask(question).await;
        if answer.status == 401 {
            assert_eq!(answer.body["reason"], "invalid_token", "{answer:?}");
            return last;
        }
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(asked <= 5 * ENFORCED_WITHIN, "never heard of");
        last = asked;
        tokio::task::yield_now().await;
    }
}
