//! F01 and F13 on the ledger: kill -9 at any instant while many charge one budget. Every acknowledged
//! charge is there, nothing is overspent, and history adds up to every balance.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use keyhaven::operations::keys::KeyText;
use keyhaven_protocol::amount::{Amount, Unit};
use keyhaven_protocol::api_key::Terms;
use keyhaven_protocol::budget::Level;
use keyhaven_protocol::id::{BudgetId, KeyId};
use keyhaven_protocol::period::Period;
use keyhaven_protocol::scope::Scopes;
use keyhaven_store::budgets::NewBudget;
use keyhaven_store::keys::NewKey;
use keyhaven_store::{Outcome, Reach};
use tokio::task::JoinSet;

use super::chance::Chance;
use super::installation::{As, Installation, Registered, origin, register};
use super::server::Server;
use super::stopwatch::real_clock;
use super::wire::{Caller, Order};

const ROUNDS: usize = 4;
const CALLERS: usize = 24;

/// Half of what the callers could spend: most of the later charges are refused.
const LIMIT: i64 = 3_000;

/// A charge as its caller knows it.
struct Acknowledged {
    name: String,
    id: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_charge_is_lost_by_kill_9_on_sqlite() {
    survives(Installation::sqlite(), 1, Chance::seeded("charges, SQLite")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_charge_is_lost_by_kill_9_of_two_nodes_on_postgres() {
    survives(Installation::postgres(), 2, Chance::seeded("charges, PostgreSQL")).await;
}

async fn survives(installation: Installation, nodes: usize, mut chance: Chance) {
    let (meter, key) = furnish(&installation).await;
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        let mut servers = Vec::new();
        for _ in 0..nodes {
            servers.push(Server::start(&installation).await);
        }
        check_all(&servers[0], &meter, &key, &acknowledged).await;
        let ending = Arc::new(AtomicBool::new(false));
        let mut callers = JoinSet::new();
        for nth in 0..CALLERS {
            let token = token(&servers[nth % nodes], &meter).await;
            let caller = Caller::of(servers[nth % nodes].address);
            let (key, ending) = (key.clone(), ending.clone());
            callers.spawn(charge(caller, token, key, format!("{round}-{nth}"), ending));
        }
        while callers.len() == CALLERS && !ending.load(Ordering::Acquire) {
            tokio::time::sleep(std::time::Duration::from_millis(100 + chance.below(300))).await;
            ending.store(true, Ordering::Release);
        }
        for server in servers {
            server.kill().await;
        }
        let before = acknowledged.len();
        acknowledged.extend(callers.join_all().await.into_iter().flatten());
        assert!(acknowledged.len() > before || before > 0, "round {round} charged nothing");
    }
    let server = Server::start(&installation).await;
    check_all(&server, &meter, &key, &acknowledged).await;
    server.kill().await;
    books_are_right(&installation, acknowledged.len()).await;
}

/// Charges one at a time, each under a name of its own, until the connection is cut.
async fn charge(
    mut caller: Caller,
    token: String,
    key: String,
    who: String,
    ending: Arc<AtomicBool>,
) -> Vec<Acknowledged> {
    let mut acknowledged = Vec::new();
    for nth in 0.. {
        let name = format!("{who}-{nth}");
        match caller.send(&Order::charge(&token, &key, &name)).await {
            Ok(answer) if answer.status == 200 => {
                acknowledged.push(Acknowledged { name, id: answer.text("id") });
            }
            Ok(answer) if matches!(answer.status, 402 | 503) => {}
            Ok(answer) => panic!("{answer:?}"),
            Err(_) if ending.load(Ordering::Acquire) => break,
            Err(cut) => panic!("{cut:?} before the end"),
        }
    }
    acknowledged
}

/// Every acknowledged charge is repeated as the same charge.
async fn check_all(server: &Server, meter: &Registered, key: &str, all: &[Acknowledged]) {
    let (mut caller, token) = (Caller::of(server.address), token(server, meter).await);
    for charge in all {
        let answer = caller.ask(&Order::charge(&token, key, &charge.name)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(
            (answer.text("id"), &answer.body["repeated"]),
            (charge.id.clone(), &true.into())
        );
    }
}

async fn token(server: &Server, meter: &Registered) -> String {
    let order = Order::issue_for(meter, "keyhaven:usage");
    Caller::of(server.address).ask(&order).await.text("access_token")
}

/// A client that may charge, and a key with a budget.
async fn furnish(installation: &Installation) -> (Registered, String) {
    let node = installation.open(real_clock(0)).await;
    let meter = register(&node, As::Jwt).await;
    let (app, store) = (&node.app, &node.app.store);
    let before = store.find_client_record(Reach::Instance, meter.client.id).await.expect("reads");
    let before = before.expect("the client is there");
    let mut after = before.clone();
    after.client.scopes = Scopes::parse("keyhaven:usage").expect("a scope");
    let act = app.act("test", &origin());
    assert_eq!(
        store.update_client(&before, &after, "{}", act).await.expect("commits"),
        Outcome::Done
    );
    let id = app.id();
    let text = KeyText::mint(id, &app.dice.bytes(), "");
    let key = NewKey {
        terms: Terms {
            id: KeyId(id),
            scopes: Scopes::default(),
            expires_at: None,
            disabled_at: None,
            allowed: Default::default(),
            rate_limits: Vec::new(),
            depth: 0,
        },
        parent: None,
        organization: None,
        owner: None,
        project: None,
        group: None,
        app: None,
        label: "Under test".into(),
        hash: text.hash,
        prefix: text.prefix,
        last_four: text.last_four,
        budget: Some(NewBudget {
            id: BudgetId(app.id()),
            organization: None,
            level: Level::Key,
            subject: id,
            unit: Unit::parse("units").expect("a unit"),
            period: Period::Lifetime,
            most: Amount(LIMIT),
        }),
    };
    let made = store.create_key(&key, app.act("test", &origin())).await.expect("commits");
    assert_eq!(made, Outcome::Done);
    store.engine().close().await.expect("closes");
    (meter, text.text.reveal().to_owned())
}

/// No overspend; the sum of the ledger is the balance; at least what was acknowledged is in it.
async fn books_are_right(installation: &Installation, acknowledged: usize) {
    let node = installation.open(real_clock(0)).await;
    let store = &node.app.store;
    assert_eq!(store.check_books().await.expect("reads"), []);
    let page = keyhaven_store::Page { after: None, limit: 10 };
    let budgets = store.list_budgets(Reach::Instance, page).await.expect("reads");
    let [record] = budgets.items.as_slice() else { panic!("{budgets:?}") };
    let spent = record.budget.total.0;
    assert!(spent <= LIMIT, "overspent: {spent}");
    assert!(spent >= i64::try_from(acknowledged).expect("few"), "{spent} < {acknowledged}");
    store.engine().close().await.expect("closes");
}
