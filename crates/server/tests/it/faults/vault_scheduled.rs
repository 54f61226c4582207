//! The scheduler of a real server: connections that are due at more than three times the pace of a
//! hundred thousand in an hour are all refreshed, once, before their tokens end, with no more requests
//! to one host than its places, and the server's memory, which is measured apart from the provider's,
//! stays flat.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use keyhaven::app::App;
use keyhaven_fake_provider::Rules;
use keyhaven_protocol::connection::Method;
use keyhaven_protocol::connection::state::Standing;
use keyhaven_protocol::id::{ConnectionId, ConnectorId, OrganizationId};
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::{Seconds, Timestamp};
use keyhaven_store::connections::{Filter, NewConnection, Tokens};
use keyhaven_store::{Outcome, Page};

use super::installation::{Installation, origin};
use super::server::Server;
use super::stopwatch::{Stopwatch, millis, real_clock};
use super::vault::Vault;

/// So many, due at this pace; `KEYHAVEN_TEST_SCHEDULED` says another number.
const DUE: usize = 1_000;
const A_SECOND: usize = 100;

/// What a token of an hour has left when it is due.
const LEAD: i64 = 360;

/// Requests to one host at a time (`vault::hosts`).
const PLACES: usize = 16;

/// What the server's memory may grow by while it refreshes: caches that fill, and nothing that grows
/// with the number of connections.
const FLAT: u64 = 48 << 20;

#[expect(clippy::disallowed_methods, reason = "a measurement says how many; not a setting")]
fn how_many() -> usize {
    let asked = std::env::var("KEYHAVEN_TEST_SCHEDULED").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(DUE)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_keeps_every_deadline_in_flat_memory() {
    let due = how_many();
    let installation = Installation::sqlite();
    let long = Rules { lifetime: Some(86_400), ..Rules::default() };
    let vault = Vault::furnish(&installation, long, "0s").await;
    let planned = keep_many(&installation, &vault, due).await;
    let server = vault.serve(&installation).await;
    let memory = watch(&server, &vault, due).await;
    server.kill().await;
    let latest = latest(&installation, &vault, &planned).await;
    tell(due, latest, &memory);
    assert!(latest < LEAD, "one waited {latest} s");
    assert_eq!(vault.fake.refreshes(), due, "each once");
    assert_eq!(vault.fake.live_grants(), due, "none was sent twice");
    assert!(vault.fake.most_at_once() <= PLACES, "{}", vault.fake.most_at_once());
    let (settled, most) = (memory[memory.len() / 10], memory.iter().max().copied().unwrap_or(0));
    assert!(most.saturating_sub(settled) < FLAT, "it grew from {settled} to {most} bytes");
}

#[expect(clippy::print_stdout, reason = "a measurement, for whoever makes one")]
fn tell(due: usize, latest: i64, memory: &[u64]) {
    let mib = |bytes: u64| bytes >> 20;
    let (first, last) = (memory.first().copied(), memory.last().copied());
    println!(
        "{due} due: the latest after {latest} s; the server's memory from {:?} to {:?} MiB, at most {:?}",
        first.map(mib),
        last.map(mib),
        memory.iter().max().copied().map(mib),
    );
}

/// Waits until all are refreshed; what the server's memory was, once a second.
async fn watch(server: &Server, vault: &Vault, due: usize) -> Vec<u64> {
    let since = Stopwatch::start();
    let patience = Duration::from_secs(600 + (2 * due / A_SECOND) as u64);
    let mut memory = Vec::new();
    while vault.fake.refreshes() < due {
        memory.push(resident(server.pid()));
        assert!(since.elapsed() < patience, "{} of {due}", vault.fake.refreshes());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    // The last answers are stored before the server is killed.
    tokio::time::sleep(Duration::from_secs(2)).await;
    memory
}

/// The second field of statm, in pages of 4 KiB.
fn resident(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/statm")).expect("it runs");
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.expect("a number") * 4096
}

/// How long the one that was refreshed last, by its own date, had been due.
async fn latest(
    installation: &Installation,
    vault: &Vault,
    planned: &HashMap<ConnectionId, Timestamp>,
) -> i64 {
    let node = installation.open(real_clock(0)).await;
    let organization = OrganizationId::parse(&vault.organization).expect("an id");
    let (mut latest, mut seen, mut after) = (0, 0, None);
    loop {
        let page = Page { after, limit: 1_000 };
        let listed = node.app.store.list_connections(organization, Filter::default(), page).await;
        let listed = listed.expect("reads");
        for connection in &listed.items {
            latest = latest.max(connection.token_updated_at.since(planned[&connection.id]).0);
            seen += 1;
        }
        after = listed.items.last().map(|connection| connection.id.0);
        if listed.items.len() < 1_000 {
            break;
        }
    }
    node.app.store.engine().close().await.expect("closes");
    assert_eq!(seen, planned.len());
    latest
}

/// Keeps connections whose tokens are due one after the other, from the moment the last is kept; when
/// each is due.
async fn keep_many(
    installation: &Installation,
    vault: &Vault,
    due: usize,
) -> HashMap<ConnectionId, Timestamp> {
    let node = installation.open(real_clock(0)).await;
    // Keeping them takes a while itself.
    let start = millis() / 1_000 + 5 + (due / 400) as u64;
    let mut planned = HashMap::new();
    let numbers: Vec<usize> = (0..due).collect();
    for some in numbers.chunks(64) {
        let kept = some.iter().map(|number| {
            let at = start + (number / A_SECOND) as u64;
            keep_one(&node.app, vault, *number, Timestamp(i64::try_from(at).expect("fits")))
        });
        planned.extend(join_all(kept).await);
    }
    node.app.store.engine().close().await.expect("closes");
    planned
}

async fn keep_one(
    app: &App,
    vault: &Vault,
    number: usize,
    due_at: Timestamp,
) -> (ConnectionId, Timestamp) {
    let account = format!("account-{number}");
    let (access, refresh) = vault.fake.grant(&account, "read");
    let tokens = Tokens {
        access: Some(Secret::new(access)),
        refresh: Some(Secret::new(refresh)),
        access_ends_at: Some(due_at.plus(Seconds(LEAD))),
        access_lifetime: Some(Seconds(3_600)),
        scopes: Some("read".into()),
        scheme: "Bearer".into(),
        due_at: Some(due_at),
        ..Tokens::default()
    };
    let new = NewConnection {
        id: ConnectionId(app.id()),
        organization: OrganizationId::parse(&vault.organization).expect("an id"),
        connector: ConnectorId::parse(&vault.connector).expect("an id"),
        owner: None,
        method: Method::Oauth,
        account: Some(&account),
        account_label: None,
        external_id: None,
        labels: "",
        metadata: "{}",
        slots: &[],
        standing: Standing::active(app.clock.now()),
        issued_to: Some("fake-client"),
        flow: None,
        node: "test",
    };
    let act = app.act("test", &origin());
    let made = app.store.connect_account(&new, &tokens, app.dice.bytes(), act).await;
    assert_eq!(made.expect("commits"), Outcome::Done);
    (new.id, due_at)
}
