//! F05: the database answers, but slowly. Deadlines hold, what waits is bounded, the answer is 503,
//! and when it is quick again everything works.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use keyhaven_store::engine::{Location, Options, Statement, Step, open};
use keyhaven_store::{Error, values};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::cluster::Database;
use super::installation::{As, Installation};
use super::server::Server;
use super::wire::{Answer, Caller, Order};

const TOLD_WITHIN: Duration = Duration::from_secs(2);

/// Longer than any deadline.
const SLOW: u64 = 3_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_database_is_told_within_two_seconds() {
    let database = Database::shared();
    let proxy = Proxy::to(database.address()).await;
    let installation = Installation::on(database.through(proxy.address));
    let [client] = installation.register([As::Opaque]).await;
    let client = Arc::new(client);
    let server = Server::start(&installation).await;
    let mut caller = Caller::of(server.address);
    let answer = caller.ask(&Order::begin(&client)).await;
    let (token, refresh) = (answer.text("access_token"), answer.text("refresh_token"));

    proxy.delay(SLOW);
    let mut waiting = JoinSet::new();
    for nth in 0..32 {
        let order = match nth % 5 {
            0 => Order::issue(&client),
            1 => Order::begin(&client),
            2 => Order::rotate(&client, &refresh),
            3 => Order::revoke(&client, &token),
            _ => Order::revoke_family(&client, &refresh),
        };
        let mut caller = Caller::of(server.address);
        waiting.spawn(async move { (nth % 5, caller.ask(&order).await) });
    }
    for (kind, answer) in waiting.join_all().await {
        assert!(answer.unavailable(), "kind {kind}: {answer:?}");
        assert!(answer.took <= TOLD_WITHIN, "kind {kind}: {answer:?}");
    }

    proxy.delay(0);
    heals(&mut caller, &Order::issue(&client)).await;
    // Whatever became of the requests that were given up, the family has one head or is dead.
    let next = caller.ask(&Order::rotate(&client, &refresh)).await;
    if next.status == 200 {
        let again = caller.ask(&Order::rotate(&client, &refresh)).await;
        assert_eq!(again.text("refresh_token"), next.text("refresh_token"), "a second head");
    } else {
        next.refused(400, "invalid_grant");
        assert!(!caller.ask(&Order::introspect(&client, &token)).await.active());
    }
}

/// Asks until it works; until then the only other answer is "not now".
async fn heals(caller: &mut Caller, order: &Order) -> Answer {
    let asking = async {
        loop {
            let answer = caller.ask(order).await;
            if !answer.unavailable() {
                return answer;
            }
        }
    };
    let answer = timeout(Duration::from_secs(10), asking).await.expect("it heals");
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

static STATE: Statement = Statement::new(
    "faults.state",
    "INSERT INTO instance (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING",
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_than_the_bound_waits_for_a_slow_database() {
    let database = Database::shared();
    let proxy = Proxy::to(database.address()).await;
    let slow = database.through(proxy.address);
    let location = Location::parse(slow.url()).expect("a location");
    let options = Options { waiting: 16, ..Options::default() };
    let engine = open(&location, options).await.expect("opens");
    proxy.delay(SLOW);
    let mut commits = JoinSet::new();
    for nth in 0..64 {
        let engine = Arc::clone(&engine);
        let step = Step::one(&STATE, values![format!("fact {nth}"), "x"]);
        commits.spawn(async move { engine.commit(vec![step]).await });
    }
    let outcomes = commits.join_all().await;
    let busy = |outcome: &Result<_, Error>| match outcome {
        Err(Error::Busy(why)) => Some(why.to_string()),
        _ => None,
    };
    let told: Vec<String> = outcomes.iter().filter_map(busy).collect();
    assert_eq!(told.len(), 64, "not all were told to come back: {outcomes:?}");
    let turned_away = told.iter().filter(|why| *why == "too many commits wait").count();
    assert_eq!(turned_away, 48, "{told:?}");
}

/// Carries bytes to the database and back, each as late as it is told.
struct Proxy {
    address: SocketAddr,
    delay: Arc<AtomicU64>,
}

impl Proxy {
    async fn to(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("bound");
        let delay = Arc::new(AtomicU64::new(0));
        let late = Arc::clone(&delay);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(&target).await else { continue };
                let (near_in, near_out) = near.into_split();
                let (far_in, far_out) = far.into_split();
                tokio::spawn(carry(near_in, far_out, Arc::clone(&late)));
                tokio::spawn(carry(far_in, near_out, Arc::clone(&late)));
            }
        });
        Self { address, delay }
    }

    fn delay(&self, millis: u64) {
        self.delay.store(millis, Ordering::SeqCst);
    }
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    delay: Arc<AtomicU64>,
) {
    let mut chunk = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut chunk).await {
        let late = delay.load(Ordering::SeqCst);
        if late > 0 {
            sleep(Duration::from_millis(late)).await;
        }
        if to.write_all(&chunk[..count]).await.is_err() {
            return;
        }
    }
}
