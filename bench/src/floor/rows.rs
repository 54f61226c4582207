//! W: raw durable rows through one SQLite writer thread with group commit (WAL, FULL).
//!
//! N callers each wait for their row's commit before they send the next, as request handlers do.
//! The update is a compare-and-set of one row among many: the shape of a refresh rotation.

use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use rusqlite::{Connection, params};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::Outcome;
use crate::histogram::Histogram;
use crate::shuffle::shuffled;
use crate::wire::{self, Answer, Order, Slice};

pub(crate) const CALLERS: usize = 64;
const GROUP: usize = 512;
const APPEND: &str = "INSERT INTO appended (hash, grant_id, client, scopes, issued_at, expires_at)
    VALUES (?1, ?2, ?3, 'read', ?4, ?4 + 900)";
const UPDATE: &str = "UPDATE families SET generation = generation + 1, hash = ?1, rotated_at = ?2
    WHERE id = ?3 AND hash = ?4";
const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 20000;
    CREATE TABLE IF NOT EXISTS appended (id INTEGER PRIMARY KEY, hash BLOB NOT NULL,
        grant_id BLOB NOT NULL, client BLOB NOT NULL, scopes TEXT NOT NULL,
        issued_at INTEGER NOT NULL, expires_at INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS families (id INTEGER PRIMARY KEY, hash BLOB NOT NULL,
        grant_id BLOB NOT NULL, client BLOB NOT NULL, scopes TEXT NOT NULL,
        generation INTEGER NOT NULL, rotated_at INTEGER NOT NULL, ends_at INTEGER NOT NULL);";

/// Where the rows go.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The database file; made when missing.
    #[arg(long)]
    pub(super) file: PathBuf,
    /// How many rows the updates choose from.
    #[arg(long, default_value_t = 100_000)]
    pub(super) rows: usize,
    /// How many callers wait at the same time.
    #[arg(long, default_value_t = CALLERS)]
    pub(super) callers: usize,
}

#[derive(Clone, Copy)]
pub(super) enum Kind {
    Append,
    Update,
}

enum Write {
    Append,
    /// Row and the generation it must still be at.
    Update {
        id: i64,
        generation: u64,
    },
}

type Waiting = (Write, oneshot::Sender<bool>);

/// What one caller writes next. Callers own disjoint rows, so a lost compare-and-set is an error.
struct Caller {
    rows: Vec<(i64, u64)>,
    next: usize,
}

pub(super) fn run(options: &Options, kind: Kind) -> Outcome<()> {
    let connection = open(options, kind)?;
    let (queue, waiting) = mpsc::channel();
    let _writer = thread::Builder::new().name("writer".to_owned()).spawn(move || {
        if let Err(error) = write_groups(&connection, &waiting) {
            eprintln!("writer stopped: {error}");
        }
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut callers = callers(options, kind);
    wire::obey(|order| match order {
        Order::Closed { millis } => {
            let span = Duration::from_millis(millis);
            let (back, answer) =
                runtime.block_on(slice(std::mem::take(&mut callers), &queue, span))?;
            callers = back;
            Ok(Answer::Slice(answer))
        }
        other => Err(format!("the row floor cannot do {other:?}").into()),
    })
}

fn open(options: &Options, kind: Kind) -> Outcome<Connection> {
    let mut connection = Connection::open(&options.file)?;
    connection.execute_batch(SCHEMA)?;
    if matches!(kind, Kind::Update) {
        let all = connection.transaction()?;
        for id in 0..options.rows as i64 {
            all.prepare_cached("INSERT INTO families VALUES (?1, ?2, ?3, ?3, 'read', 0, 0, 0)")?
                .execute(params![id, hash(0), [7_u8; 16]])?;
        }
        all.commit()?;
    }
    Ok(connection)
}

fn callers(options: &Options, kind: Kind) -> Vec<Caller> {
    let ids = match kind {
        Kind::Append => Vec::new(),
        Kind::Update => shuffled((0..options.rows as i64).collect()),
    };
    let mine = |first| ids.iter().skip(first).step_by(options.callers).map(|id| (*id, 0)).collect();
    (0..options.callers).map(|first| Caller { rows: mine(first), next: 0 }).collect()
}

async fn slice(
    callers: Vec<Caller>,
    queue: &Sender<Waiting>,
    span: Duration,
) -> Outcome<(Vec<Caller>, Slice)> {
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for mut caller in callers {
        let queue = queue.clone();
        tasks.spawn(async move {
            let mut latencies = Histogram::new();
            while begun.elapsed() < span {
                let sent = Instant::now();
                caller.write(&queue).await?;
                latencies.record(sent.elapsed());
            }
            Outcome::Ok((caller, latencies))
        });
    }
    let (mut back, mut latencies) = (Vec::new(), Histogram::new());
    while let Some(ended) = tasks.join_next().await {
        let (caller, seen) = ended??;
        back.push(caller);
        latencies.merge(&seen);
    }
    Ok((back, Slice::new(&latencies, begun.elapsed())))
}

impl Caller {
    async fn write(&mut self, queue: &Sender<Waiting>) -> Outcome<()> {
        let (answer, done) = oneshot::channel();
        queue.send((self.next_write(), answer))?;
        if done.await? { Ok(()) } else { Err("a raw row was not written".into()) }
    }

    fn next_write(&mut self) -> Write {
        let at = self.next;
        self.next = (at + 1) % self.rows.len().max(1);
        let Some((id, generation)) = self.rows.get_mut(at) else { return Write::Append };
        *generation += 1;
        Write::Update { id: *id, generation: *generation - 1 }
    }
}

/// Takes whatever waits, writes it as one transaction and answers only after the commit.
fn write_groups(connection: &Connection, waiting: &Receiver<Waiting>) -> Outcome<()> {
    let mut group = Vec::with_capacity(GROUP);
    while let Ok(first) = waiting.recv() {
        group.push(first);
        group.extend(waiting.try_iter().take(GROUP - 1));
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut written = Vec::with_capacity(group.len());
        for (write, _answer) in &group {
            written.push(apply(connection, write)? == 1);
        }
        connection.prepare_cached("COMMIT")?.execute([])?;
        for ((_write, answer), done) in group.drain(..).zip(written) {
            // The caller may have been dropped at the end of a run.
            let _ = answer.send(done);
        }
    }
    Ok(())
}

fn apply(connection: &Connection, write: &Write) -> rusqlite::Result<usize> {
    match write {
        Write::Append => connection.prepare_cached(APPEND)?.execute(params![
            hash(3),
            [5_u8; 16],
            [6_u8; 16],
            1_700_000_000_i64
        ]),
        Write::Update { id, generation } => connection.prepare_cached(UPDATE)?.execute(params![
            hash(generation + 1),
            1_700_000_000_i64,
            id,
            hash(*generation)
        ]),
    }
}

/// 32 bytes that stand for a SHA-256: raw rows pay for storage, not for hashing.
fn hash(generation: u64) -> [u8; 32] {
    let mut bytes = [0xa5; 32];
    bytes[..8].copy_from_slice(&generation.to_be_bytes());
    bytes
}
