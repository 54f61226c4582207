//! Connections to the file and one run of a statement on them. Settings that decide durability
//! stand here and nowhere else.

use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OpenFlags, ToSql};

use crate::engine::{DATABASE_NOW, Row, Statement, Stepped, Value};

/// The database file inside its data directory.
pub(super) fn file_in(directory: &Path) -> PathBuf {
    directory.join("keyhaven.db")
}

/// Makes what is missing, readable by this user only. The log and its index take the file's mode.
pub(super) fn create(directory: &Path) -> std::io::Result<()> {
    if !directory.is_dir() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options.open(file_in(directory)).map(|_| ())
}

/// A connection that writes. `synchronous=FULL` is the promise: an acknowledged commit survives
/// power loss. Checkpoints are ours, never inside a commit.
pub(super) fn open_writer(file: &Path, most_bytes: Option<u64>) -> rusqlite::Result<Connection> {
    let connection = open(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let _: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cache_size", -4096)?;
    // What a savepoint must be able to restore. On disk it is written again by every commit.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    if let Some(bytes) = most_bytes {
        let pages = i64::try_from(bytes / PAGE_BYTES).unwrap_or(i64::MAX);
        let _: i64 =
            connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |r| r.get(0))?;
    }
    Ok(connection)
}

/// A connection that can only read; small, since every runtime thread keeps one.
pub(super) fn open_reader(file: &Path) -> rusqlite::Result<Connection> {
    let connection = open(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.pragma_update(None, "cache_size", -1024)?;
    Ok(connection)
}

/// SQLite's default; a database made by us has no other.
pub(super) const PAGE_BYTES: u64 = 4096;

/// How long a connection waits for another process's lock.
pub(super) const LOCK_WAIT: Duration = Duration::from_millis(1500);

fn open(file: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(file, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(LOCK_WAIT)?;
    connection.set_prepared_statement_cache_capacity(512);
    // Plans do not look at bound values. Otherwise SQLite compiles a cached statement again each time
    // its values change, which costs more than most statements do.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// The prepared form of a statement, from the connection's cache.
pub(super) fn prepare<'c>(
    connection: &'c Connection,
    statement: &'static Statement,
) -> rusqlite::Result<CachedStatement<'c>> {
    connection.prepare_cached(statement.translated.get_or_init(|| translate(statement.sql)))
}

/// Runs a prepared statement to its end.
pub(super) fn run(
    connection: &Connection,
    prepared: &mut CachedStatement<'_>,
    statement: &'static Statement,
    values: &[Value],
) -> rusqlite::Result<Stepped> {
    bind(prepared, values)?;
    let columns = prepared.column_count();
    if columns == 0 {
        prepared.raw_execute()?;
        return Ok(Stepped { returned: Vec::new(), changed: connection.changes() });
    }
    let mut returned = Vec::new();
    let mut rows = prepared.raw_query();
    while let Some(row) = rows.next()? {
        // Not collected: what may fail has no length beforehand, and a wide row would grow five times.
        let mut values = Vec::with_capacity(columns);
        for at in 0..columns {
            values.push(value(row.get_ref(at)?, at)?);
        }
        returned.push(Row::new(statement.name, values));
    }
    let changed = returned.len() as u64;
    Ok(Stepped { returned, changed })
}

fn bind(prepared: &mut CachedStatement<'_>, values: &[Value]) -> rusqlite::Result<()> {
    let wanted = prepared.parameter_count();
    if wanted != values.len() {
        return Err(rusqlite::Error::InvalidParameterCount(values.len(), wanted));
    }
    for (at, value) in values.iter().enumerate() {
        prepared.raw_bind_parameter(at + 1, value)?;
    }
    Ok(())
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes.as_slice()),
        }))
    }
}

fn value(column: ValueRef<'_>, at: usize) -> rusqlite::Result<Value> {
    let text = |bytes: &[u8]| {
        String::from_utf8(bytes.to_vec())
            .map(Value::Text)
            .map_err(|error| rusqlite::Error::Utf8Error(at, error.utf8_error()))
    };
    match column {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(number) => Ok(Value::Int(number)),
        ValueRef::Text(bytes) => text(bytes),
        ValueRef::Blob(bytes) => Ok(Value::from(bytes)),
        ValueRef::Real(_) => Err(rusqlite::Error::InvalidColumnType(
            at,
            "a fraction".to_owned(),
            rusqlite::types::Type::Real,
        )),
    }
}

/// `$1` names a parameter in SQLite; `?1` numbers it. Text in quotes is left alone.
fn translate(sql: &str) -> String {
    let mut quoted = false;
    sql.replace(DATABASE_NOW, "CAST(strftime('%s', 'now') AS INTEGER)")
        .chars()
        .map(|c| {
            quoted ^= c == '\'';
            if c == '$' && !quoted { '?' } else { c }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_numbered_and_quoted_text_is_left_alone() {
        assert_eq!(translate("a = $1 AND b = '$1' AND c > $12"), "a = ?1 AND b = '$1' AND c > ?12");
    }
}
