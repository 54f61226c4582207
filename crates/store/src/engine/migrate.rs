//! Brings the schema up to date: the files of `migrations/`, the same on both engines, each in its
//! own transaction. One process migrates at a time. A database that a newer release has migrated
//! is refused, never guessed at.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use refinery::error::Kind;
use refinery::{Migration, Runner};
use tokio_postgres::Client;

use crate::Error;

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// Waits until no other process opens the SQLite database of `directory` for the first time, and
/// keeps others waiting while the file is open. SQLite does not wait by itself where two switch a
/// new file to its log at once: one is told that the file is locked.
pub(super) fn one_at_a_time(directory: &Path) -> Result<File, Error> {
    let lock = File::create(directory.join("migrate.lock")).map_err(Error::broken)?;
    lock.lock().map_err(Error::broken)?;
    Ok(lock)
}

/// Migrates a SQLite database that nobody else migrates.
pub(super) fn sqlite(connection: &mut rusqlite::Connection) -> Result<(), Error> {
    let runner = clustered()?;
    let known: bool = connection
        .query_row(
            "SELECT count(*) FROM sqlite_schema WHERE name = 'refinery_schema_history'",
            [],
            |row| row.get(0),
        )
        .map_err(Error::broken)?;
    if known {
        let applied = runner.get_applied_migrations(connection).map_err(|e| told(&e))?;
        if is_current(&runner, &applied) {
            return Ok(());
        }
    }
    runner.run(connection).map_err(|e| told(&e))?;
    Ok(())
}

/// The migrations as SQLite gets them: tables keyed by an id are stored in the order of that id
/// (`WITHOUT ROWID`). Otherwise each has a second tree, from id to row number, that every insert and
/// every look-up pays for. PostgreSQL has no such thing; the files stay the same.
fn clustered() -> Result<Runner, Error> {
    let files = embedded::migrations::runner();
    let migrations = files.get_migrations().iter().map(|file| {
        let sql = file.sql().unwrap_or_default();
        let tables: Vec<String> = sql.split("CREATE TABLE ").map(clustered_table).collect();
        let name = format!("V{}__{}", file.version(), file.name());
        Migration::unapplied(&name, &tables.join("CREATE TABLE ")).map_err(|error| told(&error))
    });
    Ok(Runner::new(&migrations.collect::<Result<Vec<_>, _>>()?))
}

fn clustered_table(text: &str) -> String {
    if text.contains(" BYTEA PRIMARY KEY") {
        text.replacen("\n);", "\n) WITHOUT ROWID;", 1)
    } else {
        text.to_owned()
    }
}

/// Migrates a PostgreSQL database under an advisory lock, so that nodes starting together do it
/// once.
pub(super) async fn postgres(client: &mut Client) -> Result<(), Error> {
    let broken = |error: tokio_postgres::Error| super::postgres::failure("migrations", &error);
    let wait = LOCK_WAIT.as_millis();
    let settings = format!("SET statement_timeout = 0; SET lock_timeout = {wait}");
    client.batch_execute(&settings).await.map_err(broken)?;
    client.batch_execute(&format!("SELECT pg_advisory_lock({LOCK})")).await.map_err(broken)?;
    let ran = embedded::migrations::runner().run_async(client).await.map_err(|e| told(&e));
    client.batch_execute(&format!("SELECT pg_advisory_unlock({LOCK})")).await.map_err(broken)?;
    ran.map(|_| ())
}

/// "Keyhaven" as a number; no other user of the database is likely to take it.
const LOCK: i64 = 0x4b65_7968_6176_656e;

/// How long a starting node waits for another one that migrates.
const LOCK_WAIT: Duration = Duration::from_secs(60);

fn is_current(runner: &Runner, applied: &[Migration]) -> bool {
    let known = runner.get_migrations();
    known.len() == applied.len() && known.iter().all(|migration| applied.contains(migration))
}

fn told(error: &refinery::Error) -> Error {
    match error.kind() {
        Kind::MissingVersion(migration) => Error::broken(format!(
            "the database was migrated by a newer release (it has {migration}, which this one does \
             not know): start that release, or restore a backup made before it",
        )),
        Kind::DivergentVersion(applied, ours) => Error::broken(format!(
            "migration {applied} in the database is not the {ours} of this release: it was made \
             by another build",
        )),
        Kind::Connection(what, source) => Error::broken(format!("migrations: {what}: {source}")),
        other => Error::broken(format!("migrations: {other}")),
    }
}
