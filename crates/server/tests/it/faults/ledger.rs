//! Load that remembers: callers issue, begin, rotate and revoke without pause and write down every
//! acknowledged answer. After the fault, [`Ledger::check`] asks the server about each of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use keyhaven_protocol::time::{Seconds, Timestamp};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::chance::Chance;
use super::installation::{As, Installation, Registered};
use super::server::Server;
use super::stopwatch::millis;
use super::wire::{Answer, Caller, Cut, Order};

/// The clients of a load.
pub(super) struct Clients {
    pub(super) opaque: Registered,
    pub(super) asserting: Registered,
}

impl Clients {
    pub(super) async fn register(installation: &Installation) -> Arc<Self> {
        let [opaque, asserting] = installation.register([As::Opaque, As::Asserting]).await;
        Arc::new(Self { opaque, asserting })
    }
}

/// What one caller was told, and may rely on.
#[derive(Default)]
pub(super) struct Ledger {
    tokens: Vec<String>,
    revoked: Vec<String>,
    families: Vec<Family>,
    dead: Vec<Family>,
    spent: Vec<String>,
}

/// A refresh family as its holder knows it.
struct Family {
    head: String,
    previous: Option<String>,
    access: String,
    /// A rotation of `head` was sent and not answered: it may or may not have happened.
    unsure: bool,
}

/// A load that gives fewer answers than a test waits for has failed.
const PATIENCE: Duration = Duration::from_secs(15);

/// More calls than this by one caller end its part of the load.
const MOST_CALLS: u64 = 20_000;

/// A running load.
pub(super) struct Load {
    ending: Arc<AtomicBool>,
    counts: Arc<Counts>,
    callers: JoinSet<Ledger>,
}

/// How often the callers were told what.
#[derive(Default)]
pub(super) struct Counts {
    acknowledged: watch::Sender<u64>,
    unavailable: watch::Sender<u64>,
    slowest_refusal: AtomicU64,
}

impl Load {
    /// Starts `callers`, each with a connection and chances of its own.
    pub(super) fn start(
        address: SocketAddr,
        issuer: &str,
        clients: &Arc<Clients>,
        callers: usize,
        chance: &mut Chance,
    ) -> Self {
        let (ending, counts) = (Arc::new(AtomicBool::new(false)), Arc::<Counts>::default());
        let mut load = JoinSet::new();
        for _ in 0..callers {
            let worker = Worker {
                caller: Caller::of(address),
                audience: issuer.to_owned(),
                clients: Arc::clone(clients),
                chance: chance.fork(),
                ending: Arc::clone(&ending),
                counts: Arc::clone(&counts),
                ledger: Ledger::default(),
            };
            load.spawn(worker.work());
        }
        Self { ending, counts, callers: load }
    }

    /// Waits for this many acknowledged answers from now on.
    pub(super) async fn until_acknowledged(&self, count: u64) {
        Self::until(&self.counts.acknowledged, count).await;
    }

    /// Waits for this many answers that say "not now", from now on.
    pub(super) async fn until_unavailable(&self, count: u64) {
        Self::until(&self.counts.unavailable, count).await;
    }

    async fn until(counter: &watch::Sender<u64>, count: u64) {
        let goal = *counter.borrow() + count;
        let reached = async { counter.subscribe().wait_for(|now| *now >= goal).await.map(|_| ()) };
        timeout(PATIENCE, reached).await.expect("the load goes on").expect("its counter lives");
    }

    /// From here on a connection may end before its answer.
    pub(super) fn expect_the_end(&self) {
        self.ending.store(true, Ordering::Release);
    }

    /// The longest that a caller waited for "not now", in milliseconds.
    pub(super) fn slowest_refusal(&self) -> u64 {
        self.counts.slowest_refusal.load(Ordering::Relaxed)
    }

    /// Ends the load and collects what was acknowledged.
    pub(super) async fn end(self) -> Vec<Ledger> {
        self.expect_the_end();
        self.callers.join_all().await
    }
}

struct Worker {
    caller: Caller,
    audience: String,
    clients: Arc<Clients>,
    chance: Chance,
    ending: Arc<AtomicBool>,
    counts: Arc<Counts>,
    ledger: Ledger,
}

impl Worker {
    async fn work(mut self) -> Ledger {
        for _ in 0..MOST_CALLS {
            if self.ending.load(Ordering::Acquire) {
                break;
            }
            let done = match self.chance.below(12) {
                0..3 => self.issue().await,
                3..5 => self.begin().await,
                5..8 => self.rotate().await,
                8..10 => self.revoke().await,
                10 => self.revoke_family().await,
                _ => self.assert_once().await,
            };
            if done.is_err() {
                assert!(self.ending.load(Ordering::Acquire), "cut off by a server that is up");
                break;
            }
        }
        self.ledger
    }

    /// Sends; `None` when the answer was "not now". Whatever else is no success is a bug.
    async fn send(&mut self, order: &Order) -> Result<Option<Answer>, Cut> {
        let answer = self.caller.send(order).await?;
        if answer.unavailable() {
            let took = u64::try_from(answer.took.as_millis()).expect("short");
            self.counts.slowest_refusal.fetch_max(took, Ordering::Relaxed);
            self.counts.unavailable.send_modify(|count| *count += 1);
            return Ok(None);
        }
        assert!(matches!(answer.status, 200 | 204), "our failure blamed on the caller: {answer:?}");
        self.counts.acknowledged.send_modify(|count| *count += 1);
        Ok(Some(answer))
    }

    async fn issue(&mut self) -> Result<(), Cut> {
        let order = Order::issue(&self.clients.opaque);
        if let Some(answer) = self.send(&order).await? {
            self.ledger.tokens.push(answer.text("access_token"));
        }
        Ok(())
    }

    async fn begin(&mut self) -> Result<(), Cut> {
        let order = Order::begin(&self.clients.opaque);
        if let Some(answer) = self.send(&order).await? {
            self.ledger.families.push(Family {
                head: answer.text("refresh_token"),
                previous: None,
                access: answer.text("access_token"),
                unsure: false,
            });
        }
        Ok(())
    }

    async fn rotate(&mut self) -> Result<(), Cut> {
        let count = self.ledger.families.len() as u64;
        let Ok(at) = usize::try_from(self.chance.below(count)) else { return Ok(()) };
        let Some(family) = self.ledger.families.get_mut(at) else { return self.begin().await };
        family.unsure = true;
        let head = family.head.clone();
        let order = Order::rotate(&self.clients.opaque, &head);
        if let Some(answer) = self.send(&order).await? {
            let access = answer.text("access_token");
            let next = answer.text("refresh_token");
            assert_ne!(next, head, "a rotation that gave the same token back");
            self.ledger.families[at] =
                Family { head: next, previous: Some(head), access, unsure: false };
        }
        Ok(())
    }

    async fn revoke(&mut self) -> Result<(), Cut> {
        let Some(token) = self.ledger.tokens.pop() else { return self.issue().await };
        let order = Order::revoke(&self.clients.opaque, &token);
        if self.send(&order).await?.is_some() {
            self.ledger.revoked.push(token);
        }
        Ok(())
    }

    async fn revoke_family(&mut self) -> Result<(), Cut> {
        let Some(family) = self.ledger.families.pop() else { return self.begin().await };
        let order = Order::revoke_family(&self.clients.opaque, &family.head);
        if self.send(&order).await?.is_some() {
            self.ledger.dead.push(family);
        }
        Ok(())
    }

    async fn assert_once(&mut self) -> Result<(), Cut> {
        let jti = format!("{:x}-{:x}", self.chance.next(), self.chance.next());
        let assertion = self.clients.asserting.assertion(&jti, &self.audience, in_four_minutes());
        if self.send(&Order::issue_by(&assertion)).await?.is_some() {
            self.ledger.spent.push(jti);
        }
        Ok(())
    }
}

fn in_four_minutes() -> Timestamp {
    Timestamp(i64::try_from(millis() / 1_000).expect("fits")).plus(Seconds(240))
}

/// Asks about everything that was acknowledged, and says how much that was.
pub(super) async fn check_all(
    ledgers: Vec<Ledger>,
    server: &Server,
    clients: &Arc<Clients>,
) -> usize {
    let mut checks = JoinSet::new();
    for ledger in ledgers {
        let (clients, issuer) = (Arc::clone(clients), server.issuer.clone());
        let caller = Caller::of(server.address);
        checks.spawn(ledger.check(Check { caller, clients, issuer }));
    }
    checks.join_all().await.into_iter().sum()
}

/// Who asks.
struct Check {
    caller: Caller,
    clients: Arc<Clients>,
    issuer: String,
}

impl Ledger {
    async fn check(self, mut check: Check) -> usize {
        for token in &self.tokens {
            assert!(check.is_active(token).await, "an acknowledged token is gone: {token}");
        }
        for token in &self.revoked {
            assert!(!check.is_active(token).await, "an acknowledged revocation is undone");
        }
        for jti in &self.spent {
            let again = check.clients.asserting.assertion(jti, &check.issuer, in_four_minutes());
            let answer = check.caller.ask(&Order::issue_by(&again)).await;
            answer.refused(401, "invalid_client");
        }
        for (nth, family) in self.families.iter().enumerate() {
            check.has_one_head(family, nth % 8 == 0).await;
        }
        for family in &self.dead {
            check.rotate(&family.head).await.refused(400, "invalid_grant");
            assert!(!check.is_active(&family.access).await, "a dead family's access token lives");
        }
        self.tokens.len()
            + self.revoked.len()
            + self.spent.len()
            + self.families.len()
            + self.dead.len()
    }
}

impl Check {
    async fn is_active(&mut self, token: &str) -> bool {
        self.caller.ask(&Order::introspect(&self.clients.opaque, token)).await.active()
    }

    async fn rotate(&mut self, token: &str) -> Answer {
        self.caller.ask(&Order::rotate(&self.clients.opaque, token)).await
    }

    /// The newest acknowledged token works; a predecessor gets the same successor and never a
    /// second one; with `to_the_end`, reuse beyond that ends the family.
    async fn has_one_head(&mut self, family: &Family, to_the_end: bool) {
        if let (false, Some(previous)) = (family.unsure, &family.previous) {
            let again = self.rotate(previous).await;
            assert_eq!(again.text("refresh_token"), family.head, "a second head");
        }
        let next = self.rotate(&family.head).await;
        assert_eq!(next.status, 200, "an acknowledged refresh token is gone: {next:?}");
        let next = next.text("refresh_token");
        let again = self.rotate(&family.head).await.text("refresh_token");
        assert_eq!(again, next, "a second head");
        assert!(self.is_active(&family.access).await, "an acknowledged token is gone");
        if to_the_end {
            let last = self.rotate(&next).await.text("refresh_token");
            self.rotate(&family.head).await.refused(400, "invalid_grant");
            self.rotate(&last).await.refused(400, "invalid_grant");
        }
    }
}
