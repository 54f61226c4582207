//! Where promises run: a fresh database of their own on each engine, and a few statements on
//! scratch tables. A missing PostgreSQL fails; it never passes by skipping.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use keyhaven_store::Error;
use keyhaven_store::engine::{
    Commit, Engine, Location, Options, Row, Statement, Step, Stepped, Value, open,
};

/// Expands to one test per engine for each promise listed.
macro_rules! on_every_engine {
    [$($promise:ident),* $(,)?] => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                super::$promise($crate::harness::Place::sqlite()).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                let place = $crate::harness::Place::postgres().await;
                super::$promise(place.clone()).await;
                place.discard().await;
            })*
        }
    };
}

/// A database of this test alone. Opening it twice is two nodes, or a CLI beside a server.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) location: Location,
    kept: Kept,
}

#[derive(Clone)]
enum Kept {
    Directory { _removed_with_the_last_clone: Arc<tempfile::TempDir> },
    Database { server: String, name: String },
}

impl Place {
    /// A data directory that goes away with the last clone.
    pub(crate) fn sqlite() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let location = Location::Sqlite(directory.path().join("data"));
        Self {
            location,
            kept: Kept::Directory { _removed_with_the_last_clone: Arc::new(directory) },
        }
    }

    /// A new database on the server that `cargo xtask test` started.
    pub(crate) async fn postgres() -> Self {
        #[expect(clippy::disallowed_methods, reason = "a test finds its server by this variable")]
        let server = std::env::var("KEYHAVEN_TEST_POSTGRES").expect(
            "KEYHAVEN_TEST_POSTGRES names no server: run `cargo xtask test`, which starts one, or \
             set it to the postgres:// URL of a superuser",
        );
        Self::postgres_on(&server).await
    }

    /// A new database on a server of the test's own.
    pub(crate) async fn postgres_on(server: &str) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let nonce = tempfile::Builder::new().rand_bytes(8).tempdir().expect("a random name");
        let random = nonce.path().file_name().expect("a name").to_string_lossy().to_lowercase();
        let random: String = random.chars().filter(char::is_ascii_alphanumeric).collect();
        let name = format!("promise_{}_{count}_{random}", std::process::id());
        psql(server, &format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")).await;
        let location = Location::Postgres(with_database(server, &name));
        Self { location, kept: Kept::Database { server: server.to_owned(), name } }
    }

    /// Another fresh database on the same engine.
    pub(crate) async fn another(&self) -> Self {
        match &self.kept {
            Kept::Directory { .. } => Self::sqlite(),
            Kept::Database { server, .. } => Self::postgres_on(server).await,
        }
    }

    /// Drops what [`Place::postgres`] made; a failed test leaves it for inspection.
    pub(crate) async fn discard(self) {
        if let Kept::Database { server, name } = &self.kept {
            psql(server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
        }
    }

    /// Opens an engine with the defaults of a server.
    pub(crate) async fn open(&self) -> Arc<dyn Engine> {
        self.open_with(Options::default()).await
    }

    /// Opens an engine with bounds of the test's choosing.
    pub(crate) async fn open_with(&self, options: Options) -> Arc<dyn Engine> {
        open(&self.location, options).await.expect("the engine opens")
    }

    /// Takes a lock from outside that keeps every commit waiting until it is released.
    pub(crate) async fn block_writes(&self) -> Blocked {
        match &self.location {
            Location::Sqlite(_) => {
                let connection = rusqlite::Connection::open(self.file()).expect("opens");
                connection.execute_batch("BEGIN IMMEDIATE").expect("locks");
                Blocked::Sqlite(connection)
            }
            Location::Postgres(url) => {
                let client = connect(url).await;
                let lock = "BEGIN; LOCK TABLE notes, counters IN ACCESS EXCLUSIVE MODE";
                client.batch_execute(lock).await.expect("locks");
                Blocked::Postgres(client)
            }
        }
    }

    /// The SQLite database file.
    pub(crate) fn file(&self) -> PathBuf {
        match &self.location {
            Location::Sqlite(directory) => directory.join("keyhaven.db"),
            Location::Postgres(_) => panic!("PostgreSQL has no file"),
        }
    }
}

/// A lock held from outside.
pub(crate) enum Blocked {
    Sqlite(rusqlite::Connection),
    Postgres(tokio_postgres::Client),
}

impl Blocked {
    pub(crate) async fn release(self) {
        match self {
            Self::Sqlite(connection) => connection.execute_batch("ROLLBACK").expect("unlocks"),
            Self::Postgres(client) => client.batch_execute("ROLLBACK").await.expect("unlocks"),
        }
    }
}

/// A plain connection, as another program would open it.
pub(crate) async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) =
        tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("PostgreSQL answers");
    tokio::spawn(connection);
    client
}

async fn psql(url: &str, sql: &str) {
    connect(url).await.batch_execute(sql).await.expect("the statement runs");
}

fn with_database(server: &str, name: &str) -> String {
    let (before, options) = server.split_once('?').unwrap_or((server, ""));
    let authority = before.find("://").map_or(0, |at| at + 3);
    let end = before[authority..].find('/').map_or(before.len(), |at| authority + at);
    let options = if options.is_empty() { String::new() } else { format!("?{options}") };
    format!("{}/{name}{options}", &before[..end])
}

static MAKE_NOTES: Statement = Statement::new(
    "scratch.make_notes",
    "CREATE TABLE notes (id BIGINT PRIMARY KEY, body TEXT, data BYTEA)",
);
static MAKE_COUNTERS: Statement = Statement::new(
    "scratch.make_counters",
    "CREATE TABLE counters (id BIGINT PRIMARY KEY, value BIGINT NOT NULL)",
);
pub(crate) static APPEND_NOTE: Statement = Statement::append(
    "scratch.append_note",
    "INSERT INTO notes (id, body, data) VALUES ($1, $2, $3)",
);
pub(crate) static MAKE_COUNTER: Statement =
    Statement::append("scratch.make_counter", "INSERT INTO counters (id, value) VALUES ($1, $2)");
pub(crate) static RAISE_FROM: Statement = Statement::new(
    "scratch.raise_from",
    "UPDATE counters SET value = value + 1 WHERE id = $1 AND value = $2 RETURNING value",
);
pub(crate) static RAISE_ALL: Statement =
    Statement::new("scratch.raise_all", "UPDATE counters SET value = value + 1");
pub(crate) static RAISE: Statement =
    Statement::new("scratch.raise", "UPDATE counters SET value = value + 1 WHERE id = $1");
pub(crate) static FIND_NOTE: Statement =
    Statement::new("scratch.find_note", "SELECT body, data FROM notes WHERE id = $1");
pub(crate) static FIND_COUNTER: Statement =
    Statement::new("scratch.find_counter", "SELECT value FROM counters WHERE id = $1");
pub(crate) static COUNT_NOTES: Statement =
    Statement::new("scratch.count_notes", "SELECT count(*) FROM notes");
pub(crate) static LIST_NOTES: Statement =
    Statement::new("scratch.list_notes", "SELECT id FROM notes ORDER BY id");
pub(crate) static FORGET_NOTES: Statement =
    Statement::new("scratch.forget_notes", "DELETE FROM notes");

/// Makes the scratch tables, and counters 1 and 2 at zero.
pub(crate) async fn furnish(engine: &dyn Engine) {
    let steps = vec![Step::any(&MAKE_NOTES, vec![]), Step::any(&MAKE_COUNTERS, vec![])];
    done(engine.commit(steps).await);
    done(engine.commit(vec![counter(1), counter(2)]).await);
}

/// A step that appends a note.
pub(crate) fn note(id: i64) -> Step {
    Step::one(&APPEND_NOTE, vec![Value::Int(id), Value::from("a note"), Value::Null])
}

/// A step that appends a note of this many bytes.
pub(crate) fn heavy_note(id: i64, bytes: usize) -> Step {
    Step::one(&APPEND_NOTE, vec![Value::Int(id), Value::Null, Value::from(vec![b'x'; bytes])])
}

/// A step that raises a counter whatever its value.
pub(crate) fn raise_any(id: i64) -> Step {
    Step::one(&RAISE, vec![Value::Int(id)])
}

/// A step that raises a counter, if it still has the value `from`.
pub(crate) fn raise(id: i64, from: i64) -> Step {
    Step::one(&RAISE_FROM, vec![Value::Int(id), Value::Int(from)])
}

fn counter(id: i64) -> Step {
    Step::one(&MAKE_COUNTER, vec![Value::Int(id), Value::Int(0)])
}

pub(crate) async fn value_of(engine: &dyn Engine, counter: i64) -> i64 {
    let rows = engine.read(&FIND_COUNTER, vec![Value::Int(counter)]).await.expect("reads");
    rows[0].int(0).expect("a number")
}

pub(crate) async fn notes_in(engine: &dyn Engine) -> i64 {
    engine.read(&COUNT_NOTES, vec![]).await.expect("reads")[0].int(0).expect("a number")
}

pub(crate) async fn has_note(engine: &dyn Engine, id: i64) -> bool {
    let rows: Vec<Row> = engine.read(&FIND_NOTE, vec![Value::Int(id)]).await.expect("reads");
    !rows.is_empty()
}

/// Waits until `count` commits are without an answer.
pub(crate) async fn until_waiting(engine: &dyn Engine, count: u64) {
    while engine.measure().await.expect("measures").waiting != count {
        tokio::task::yield_now().await;
    }
}

/// What a commit that had to stand did.
pub(crate) fn done(outcome: Result<Commit, Error>) -> Vec<Stepped> {
    match outcome.expect("the commit is accepted") {
        Commit::Done(steps) => steps,
        Commit::Lost(at) => panic!("step {at} missed its guard"),
    }
}

/// The step that a commit which had to lose lost at.
pub(crate) fn lost(outcome: Result<Commit, Error>) -> usize {
    match outcome.expect("the commit is accepted") {
        Commit::Done(_) => panic!("every step kept its guard"),
        Commit::Lost(at) => at,
    }
}
