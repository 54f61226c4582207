//! Callers that charge one key, each under names of its own, and remember what they were told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use keyhaven::app::App;
use keyhaven::operations::keys::KeyText;
use keyhaven_protocol::amount::{Amount, Unit};
use keyhaven_protocol::api_key::Terms;
use keyhaven_protocol::budget::Level;
use keyhaven_protocol::id::{BudgetId, GrantId, Id, KeyId};
use keyhaven_protocol::period::Period;
use keyhaven_protocol::scope::Scopes;
use keyhaven_store::budgets::NewBudget;
use keyhaven_store::keys::NewKey;
use keyhaven_store::{Outcome, Reach};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::installation::{As, Installation, Registered, origin, register};
use super::server::Server;
use super::stopwatch::real_clock;
use super::wire::{Answer, Caller, Cut, Order};

/// Callers that hear less than a test waits for have failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Charges that were acknowledged: their names, and the ids they were told.
pub(super) type Acknowledged = BTreeMap<String, String>;

/// A client that may charge, and a key below another one, each with a budget of this size.
pub(super) struct Charging {
    meter: Registered,
    key: String,
}

impl Charging {
    pub(super) async fn furnish(installation: &Installation, limit: i64) -> Self {
        let node = installation.open(real_clock(0)).await;
        let meter = register(&node, As::Jwt).await;
        let app = &*node.app;
        let found = app.store.find_client_record(Reach::Instance, meter.client.id).await;
        let before = found.expect("reads").expect("the client is there");
        let mut after = before.clone();
        after.client.scopes = Scopes::parse("keyhaven:usage").expect("a scope");
        let act = app.act("test", &origin());
        let done = app.store.update_client(&before, &after, "{}", act).await;
        assert_eq!(done.expect("commits"), Outcome::Done);
        let (parent, _) = make_key(app, None, limit).await;
        let (_, key) = make_key(app, Some(parent), limit).await;
        app.store.engine().close().await.expect("closes");
        Self { meter, key }
    }

    pub(super) async fn token(&self, server: &Server) -> String {
        let order = Order::issue_for(&self.meter, "keyhaven:usage");
        certain(&mut Caller::of(server.address), &order).await.text("access_token")
    }

    pub(super) fn check(&self) -> Order {
        Order::check(&self.key)
    }

    pub(super) fn order(&self, token: &str, name: &str) -> Order {
        Order::charge(token, &self.key, name)
    }

    /// Every acknowledged charge is repeated as the same charge.
    pub(super) async fn repeat_all(&self, server: &Server, all: &Acknowledged) {
        let (mut caller, token) = (Caller::of(server.address), self.token(server).await);
        for (name, id) in all {
            let answer = certain(&mut caller, &self.order(&token, name)).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!((&answer.text("id"), &answer.body["repeated"]), (id, &true.into()));
        }
    }
}

/// An answer that is not "not now": a server may just be finding its database again.
async fn certain(caller: &mut Caller, order: &Order) -> Answer {
    let answered = async {
        loop {
            let answer = caller.ask(order).await;
            if !answer.not_now() {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, answered).await.expect("the server heals")
}

/// A key with a budget of this size, below another one if there is one: its id and text.
pub(super) async fn make_key(app: &App, parent: Option<Id>, limit: i64) -> (Id, String) {
    let id = app.id();
    let text = KeyText::mint(id, &app.dice.bytes(), "");
    let terms = Terms {
        id: KeyId(id),
        scopes: Scopes::default(),
        expires_at: None,
        disabled_at: None,
        allowed: Default::default(),
        rate_limits: Vec::new(),
        depth: 1,
    };
    let budget = NewBudget {
        id: BudgetId(app.id()),
        organization: None,
        level: Level::Key,
        subject: id,
        unit: Unit::parse("units").expect("a unit"),
        period: Period::Lifetime,
        most: Amount(limit),
    };
    let key = NewKey {
        terms,
        parent: parent.map(GrantId),
        organization: None,
        owner: None,
        project: None,
        group: None,
        app: None,
        label: "Under test".into(),
        hash: text.hash,
        prefix: text.prefix,
        last_four: text.last_four,
        budget: Some(budget),
    };
    let made = app.store.create_key(&key, app.act("test", &origin())).await.expect("commits");
    assert_eq!(made, Outcome::Done);
    (id, text.text.reveal().to_owned())
}

/// How often the callers were told what.
#[derive(Default)]
struct Counts {
    /// Charged or refused.
    answered: watch::Sender<u64>,
    acknowledged: watch::Sender<u64>,
    unavailable: watch::Sender<u64>,
}

/// Callers at work.
pub(super) struct Callers {
    ending: Arc<AtomicBool>,
    counts: Arc<Counts>,
    tasks: JoinSet<(Acknowledged, Duration)>,
}

impl Callers {
    /// `count` callers, spread over the servers. Each has its own share of `names`; without, they
    /// charge until they are stopped.
    pub(super) async fn start(
        charging: &Charging,
        servers: &[Server],
        count: usize,
        round: &str,
        each: Option<usize>,
    ) -> Self {
        let (ending, counts) = (Arc::new(AtomicBool::new(false)), Arc::<Counts>::default());
        let mut tasks = JoinSet::new();
        let mut tokens = Vec::new();
        for server in servers {
            tokens.push(charging.token(server).await);
        }
        for nth in 0..count {
            let at = nth % servers.len();
            let worker = Worker {
                caller: Caller::of(servers[at].address),
                token: tokens[at].clone(),
                key: charging.key.clone(),
                ending: ending.clone(),
                counts: counts.clone(),
            };
            tasks.spawn(worker.work(format!("{round}-{nth}"), each.unwrap_or(usize::MAX)));
        }
        Self { ending, counts, tasks }
    }

    /// Waits for this many answers that are certain: charged, or refused.
    pub(super) async fn until_answered(&self, more: u64) {
        Self::until(&self.counts.answered, more).await;
    }

    pub(super) async fn until_acknowledged(&self, more: u64) {
        Self::until(&self.counts.acknowledged, more).await;
    }

    /// Waits for the first charge of all.
    pub(super) async fn until_begun(&self) {
        let mut heard = self.counts.acknowledged.subscribe();
        let begun = timeout(PATIENCE, heard.wait_for(|now| *now > 0)).await;
        begun.expect("they begin").expect("they are there");
    }

    /// Waits for this many answers that say "not now".
    pub(super) async fn until_unavailable(&self, more: u64) {
        Self::until(&self.counts.unavailable, more).await;
    }

    async fn until(counter: &watch::Sender<u64>, more: u64) {
        let goal = *counter.borrow() + more;
        let reached = async { counter.subscribe().wait_for(|now| *now >= goal).await.map(|_| ()) };
        timeout(PATIENCE, reached).await.expect("they go on").expect("they are there");
    }

    /// From here on a connection may end before its answer.
    pub(super) fn expect_the_end(&self) {
        self.ending.store(true, Ordering::Release);
    }

    /// What they were told when all are done, and the longest that one waited for "not now".
    pub(super) async fn done(self) -> (Acknowledged, Duration) {
        let mut all = (Acknowledged::new(), Duration::ZERO);
        for (acknowledged, slowest) in self.tasks.join_all().await {
            all.0.extend(acknowledged);
            all.1 = all.1.max(slowest);
        }
        all
    }

    /// Lets each finish what it is at.
    pub(super) async fn end(self) -> (Acknowledged, Duration) {
        self.expect_the_end();
        self.done().await
    }
}

struct Worker {
    caller: Caller,
    token: String,
    key: String,
    ending: Arc<AtomicBool>,
    counts: Arc<Counts>,
}

impl Worker {
    async fn work(mut self, who: String, most: usize) -> (Acknowledged, Duration) {
        let (mut acknowledged, mut slowest) = (Acknowledged::new(), Duration::ZERO);
        let endless = most == usize::MAX;
        let mut nth = 0;
        while nth < most && !(endless && self.ending.load(Ordering::Acquire)) {
            let name = format!("{who}-{nth}");
            match self.charge(&name).await {
                Ok(answer) if answer.status == 200 => {
                    acknowledged.insert(name, answer.text("id"));
                    self.counts.acknowledged.send_modify(|count| *count += 1);
                    self.counts.answered.send_modify(|count| *count += 1);
                }
                Ok(answer) if answer.status == 402 => {
                    self.counts.answered.send_modify(|count| *count += 1);
                }
                Ok(answer) => {
                    assert!(answer.not_now(), "our failure blamed on the caller: {answer:?}");
                    slowest = slowest.max(answer.took);
                    self.counts.unavailable.send_modify(|count| *count += 1);
                    // Nothing is known of it, so it is asked again under its name.
                    continue;
                }
                Err(_) if self.ending.load(Ordering::Acquire) => break,
                Err(cut) => panic!("{cut:?} before the end"),
            }
            nth += 1;
        }
        (acknowledged, slowest)
    }

    async fn charge(&mut self, name: &str) -> Result<Answer, Cut> {
        self.caller.send(&Order::charge(&self.token, &self.key, name)).await
    }
}
