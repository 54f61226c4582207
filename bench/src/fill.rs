//! Fills the embedded database with stored access tokens, far faster than they could be issued.
//!
//! Rows are copies of one that the server itself wrote, under new ids: the bench knows which
//! columns make a token its own and nothing else of the schema.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use keyhaven_protocol::credential::{Kind, mint, parse};
use keyhaven_protocol::id::Id;
use rusqlite::types::Value;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params_from_iter};

use crate::Outcome;
use crate::bench::Bench;
use crate::keyhaven::{Client, Installation};
use crate::shuffle::{scattered, shuffled};

const LIFETIME: i64 = 86_400;

/// Ids go back this far. Rows whose ids are older than an access token can live are purged, so a
/// stored token has to be young, however many there are.
const NEWEST_MILLIS: u64 = 60_000;

/// A table whose rows are copied: the statement that inserts, and the row to start from.
struct Template<'a> {
    insert: CachedStatement<'a>,
    columns: Vec<String>,
    row: Vec<Value>,
}

/// Adds `rows` tokens of `client` to a stopped installation and returns a file with `sample` of
/// them, in no order.
pub(crate) fn fill(
    bench: &Bench,
    installation: &Installation,
    client: &Client,
    rows: usize,
    sample: usize,
) -> Outcome<PathBuf> {
    let server = installation.serve(bench.server_core())?;
    let issued = server.collect(bench, client.credentials_grant(), "access_token", 2)?;
    server.stop()?;
    let issued = fs::read_to_string(issued)?;
    let model = issued.lines().next().and_then(parse).ok_or("no opaque token was issued")?;
    let tokens = copy_rows(&installation.database_file()?, model.id, rows, sample)?;
    let file = bench.folder("tokens-")?.join("tokens");
    fs::write(&file, shuffled(tokens).join("\n"))?;
    Ok(file)
}

fn copy_rows(database: &Path, model: Id, rows: usize, sample: usize) -> Outcome<Vec<String>> {
    within(database, |all| insert_all(all, model, rows, sample))
}

/// Fills a database as one piece.
fn within(
    database: &Path,
    insert: impl FnOnce(&Connection) -> Outcome<Vec<String>>,
) -> Outcome<Vec<String>> {
    let mut connection = Connection::open(database)?;
    // Nothing else uses the file, and a torn fill would only end the run.
    connection.execute_batch(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -200000;",
    )?;
    let all = connection.transaction()?;
    let tokens = insert(&all)?;
    all.commit()?;
    connection.execute_batch("PRAGMA journal_mode = WAL;")?;
    // Otherwise the kernel would write gigabytes back while the server is measured.
    fs::File::open(database)?.sync_all()?;
    Ok(tokens)
}

fn insert_all(
    database: &Connection,
    model: Id,
    rows: usize,
    sample: usize,
) -> Outcome<Vec<String>> {
    let mut token = Template::read(database, "access_tokens", model)?;
    let mut grant = match token.id("grant_id")? {
        Some(grant) => own_grant(database, grant)?,
        None => None,
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let first = now.as_millis() as u64 - NEWEST_MILLIS;
    let (every, mut samples) = ((rows / sample.max(1)).max(1), Vec::with_capacity(sample));
    token.put("expires_at", Value::Integer(now.as_secs() as i64 + LIFETIME))?;
    for at in 0..rows {
        let millis = first + at as u64 * (NEWEST_MILLIS - 1_000) / rows as u64;
        let id = numbered(millis, at);
        let mut hash = scattered(at as u64).to_vec();
        if at % every == 0 && samples.len() < sample {
            let secret = mint(Kind::Access, id, &scattered(at as u64));
            hash = secret.digest().0.to_vec();
            samples.push(secret.reveal().to_owned());
        }
        token.put("id", Value::Blob(id.0.to_vec()))?;
        token.put("hash", Value::Blob(hash))?;
        if let Some(grant) = &mut grant {
            token.put("grant_id", Value::Blob(id.0.to_vec()))?;
            grant.put("id", Value::Blob(id.0.to_vec()))?;
            grant.write()?;
        }
        token.write()?;
    }
    Ok(samples)
}

/// The grant's row when each token has a grant of its own; nothing when tokens share one or hang on
/// their client.
fn own_grant(database: &Connection, grant: Id) -> Outcome<Option<Template<'_>>> {
    let count = "SELECT count(*) FROM access_tokens WHERE grant_id = ?1";
    let tokens: i64 = database.query_row(count, [grant.0], |row| row.get(0))?;
    if tokens > 1 {
        return Ok(None);
    }
    Template::read(database, "grants", grant).map(Some)
}

impl<'a> Template<'a> {
    fn read(database: &'a Connection, table: &str, id: Id) -> Outcome<Self> {
        let mut select = database.prepare(&format!("SELECT * FROM {table} WHERE id = ?1"))?;
        let columns: Vec<String> = select.column_names().map(str::to_owned).collect();
        let row = select
            .query_row([id.0], |row| (0..columns.len()).map(|at| row.get(at)).collect())
            .optional()?
            .ok_or_else(|| format!("{table} has no row for an issued token"))?;
        let marks = vec!["?"; columns.len()].join(", ");
        let names = columns.join(", ");
        let insert =
            database.prepare_cached(&format!("INSERT INTO {table} ({names}) VALUES ({marks})"))?;
        Ok(Self { insert, columns, row })
    }

    fn at(&self, column: &str) -> Outcome<usize> {
        let place = self.columns.iter().position(|name| name == column);
        place.ok_or_else(|| format!("the schema has no column {column}").into())
    }

    fn put(&mut self, column: &str, value: Value) -> Outcome<()> {
        let at = self.at(column)?;
        self.row[at] = value;
        Ok(())
    }

    fn id(&self, column: &str) -> Outcome<Option<Id>> {
        match &self.row[self.at(column)?] {
            Value::Blob(bytes) => Ok(Some(Id(bytes.as_slice().try_into()?))),
            Value::Null => Ok(None),
            other => Err(format!("{column} holds {other:?}, not an id").into()),
        }
    }

    fn write(&mut self) -> Outcome<()> {
        self.insert.execute(params_from_iter(&self.row))?;
        Ok(())
    }
}

/// Ids that grow with `at` inside one millisecond too, as a server's ids nearly do.
fn numbered(millis: u64, at: usize) -> Id {
    let mut tail = [0; 10];
    tail[2..].copy_from_slice(&(at as u64).to_be_bytes());
    Id::v7(millis, tail)
}

#[cfg(test)]
mod tests {
    use keyhaven_protocol::secret::Digest;

    use super::*;

    const SCHEMA: &str = "
        CREATE TABLE grants (id BLOB PRIMARY KEY, kind TEXT NOT NULL);
        CREATE TABLE access_tokens (id BLOB PRIMARY KEY, hash BLOB NOT NULL, grant_id BLOB,
            scopes TEXT NOT NULL, expires_at INTEGER NOT NULL);";

    fn database(second_token: &str) -> (tempfile::TempDir, PathBuf, Id) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("test.db");
        let (model, grant) = (numbered(1, 1), numbered(1, 2));
        let connection = Connection::open(&file).unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        connection.execute("INSERT INTO grants VALUES (?1, 'client')", [grant.0]).unwrap();
        let token = "INSERT INTO access_tokens VALUES (?1, x'00', ?2, 'read', 5)";
        connection.execute(token, [model.0, grant.0]).unwrap();
        connection.execute_batch(second_token).unwrap();
        (folder, file, model)
    }

    fn count(file: &Path, what: &str) -> i64 {
        let connection = Connection::open(file).unwrap();
        connection.query_row(&format!("SELECT count(*) FROM {what}"), [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn copies_keep_the_models_columns_and_live_longer() {
        let (_folder, file, model) = database("");
        copy_rows(&file, model, 100, 10).unwrap();
        assert_eq!(count(&file, "access_tokens WHERE scopes = 'read' AND expires_at > 5"), 100);
        assert_eq!(count(&file, "grants WHERE kind = 'client'"), 101);
    }

    #[test]
    fn a_shared_grant_is_not_copied() {
        let second = "INSERT INTO access_tokens SELECT x'01', hash, grant_id, scopes, expires_at
            FROM access_tokens";
        let (_folder, file, model) = database(second);
        copy_rows(&file, model, 100, 10).unwrap();
        assert_eq!(count(&file, "grants"), 1);
    }

    #[test]
    fn a_token_of_the_clients_own_has_no_grant_to_copy() {
        let (_folder, file, model) = database("UPDATE access_tokens SET grant_id = NULL");
        copy_rows(&file, model, 100, 10).unwrap();
        assert_eq!(count(&file, "access_tokens WHERE grant_id IS NULL"), 101);
        assert_eq!(count(&file, "grants"), 1);
    }

    #[test]
    fn a_sampled_token_is_stored_under_its_id_and_digest() {
        let (_folder, file, model) = database("");
        let tokens = copy_rows(&file, model, 100, 10).unwrap();
        assert_eq!(tokens.len(), 10);
        let connection = Connection::open(&file).unwrap();
        for token in &tokens {
            let presented = parse(token).unwrap();
            let hash: Vec<u8> = connection
                .query_row(
                    "SELECT hash FROM access_tokens WHERE id = ?1",
                    [presented.id.0],
                    |row| row.get(0),
                )
                .unwrap();
            assert_eq!(Digest(hash.try_into().unwrap()), presented.digest);
        }
    }
}
