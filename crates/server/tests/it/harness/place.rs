//! Where a node keeps its facts: a directory, and on PostgreSQL a schema of the test's own. A
//! missing PostgreSQL fails; it never passes by skipping.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use keyhaven_store::engine::{Location, Options, Statement, Step, open};

/// A data directory, and the database beside it.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) location: Location,
    directory: Arc<tempfile::TempDir>,
    made: Option<Made>,
}

#[derive(Clone)]
struct Made {
    server: String,
    name: String,
}

impl Place {
    /// A directory that goes away with the last clone.
    pub(crate) fn sqlite() -> Self {
        let directory = Arc::new(tempfile::tempdir().expect("a temporary directory"));
        let location = Location::Sqlite(directory.path().join("data"));
        Self { location, directory, made: None }
    }

    /// A new schema on the server that `cargo xtask test` started.
    pub(crate) async fn postgres() -> Self {
        #[expect(clippy::disallowed_methods, reason = "a test finds its server by this variable")]
        let server = std::env::var("KEYHAVEN_TEST_POSTGRES").expect(
            "KEYHAVEN_TEST_POSTGRES names no server: run `cargo xtask test`, which starts one, or \
             set it to the postgres:// URL of a superuser",
        );
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = tempfile::Builder::new().rand_bytes(8).tempdir().expect("a directory");
        let random = directory.path().file_name().expect("a name").to_string_lossy();
        let random = random.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "");
        let name = format!("it_{}_{count}_{random}", std::process::id());
        std::fs::create_dir(directory.path().join("data")).expect("a data directory");
        run(&server, &format!("CREATE SCHEMA {name}")).await;
        let mark = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{mark}options=-csearch_path%3D{name}");
        Self {
            location: Location::Postgres(url),
            directory: Arc::new(directory),
            made: Some(Made { server, name }),
        }
    }

    /// Drops what [`Self::postgres`] made; a failed test leaves it for inspection.
    pub(crate) async fn discard(self) {
        if let Some(Made { server, name }) = &self.made {
            run(server, &format!("DROP SCHEMA {name} CASCADE")).await;
        }
    }

    /// The data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }
}

/// Runs one statement on the server. Dropping a schema waits for a busy disk as long as that takes.
async fn run(server: &str, sql: &str) {
    let location = Location::Postgres(server.to_owned());
    let options = Options { deadline: Duration::from_secs(120), ..Options::default() };
    let engine = open(&location, options).await.expect("PostgreSQL answers");
    let sql = Box::leak(sql.to_owned().into_boxed_str());
    let statement = Box::leak(Box::new(Statement::new("test.schema", sql)));
    engine.commit(vec![Step::any(statement, Vec::new())]).await.expect("the statement runs");
    engine.close().await.expect("the engine closes");
}
