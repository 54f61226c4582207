//! Turning the master key while everything runs: values sealed under an older one are sealed again,
//! a few per step, each under the guard of what was read. Nothing remembers how far it got: what
//! remains is what is still under another key, so it can be interrupted and started again at will.

use keyhaven_protocol::id::{Id, OrganizationId};

use crate::connections;
use crate::connectors;
use crate::engine::{Blob, Commit, Row, Statement, Step, Value};
use crate::envelope::{Address, Nonces, address_bytes, rewrap};
use crate::{Error, Store, values};

/// Values sealed again per step.
const STEP: i64 = 200;

/// A column that the master key itself seals.
struct Column {
    name: &'static str,
    count: &'static Statement,
    next: &'static Statement,
    write: &'static Statement,
    /// What its values are bound to, from a row of `next`.
    bound: fn(&Row, &Value) -> Result<Vec<u8>, Error>,
    first: fn() -> Value,
}

/// How many values of a column are sealed under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// `table.column`.
    pub column: &'static str,
    /// The master key's name in hexadecimal.
    pub key: String,
    /// How many.
    pub count: i64,
}

/// What one step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turned {
    /// Values sealed again.
    pub turned: u64,
    /// Values that do not open: their key is not loaded, or they were altered. They stay.
    pub failed: u64,
}

impl Store {
    /// How much is sealed under which master key.
    pub async fn count_by_master_key(&self) -> Result<Vec<Count>, Error> {
        let mut counts = Vec::new();
        for column in COLUMNS {
            for mut row in self.engine.read(column.count, values![]).await? {
                let key = row.bytes(0)?.iter().map(|byte| format!("{byte:02x}")).collect();
                counts.push(Count { column: column.name, key, count: row.int(1)? });
            }
        }
        Ok(counts)
    }

    /// Seals up to a step's worth of every column again under the key that seals now. A value that
    /// changed meanwhile is left to the next call.
    pub async fn turn_master_key(&self, seed: [u8; 32]) -> Result<Turned, Error> {
        let mut nonces = Nonces::new(seed);
        let mut total = Turned::default();
        for column in COLUMNS {
            let turned = self.turn_column(column, &mut nonces).await?;
            total.turned += turned.turned;
            total.failed += turned.failed;
        }
        Ok(total)
    }

    async fn turn_column(&self, column: &Column, nonces: &mut Nonces) -> Result<Turned, Error> {
        let mut total = Turned::default();
        let mut cursor = (column.first)();
        while i64::try_from(total.turned).is_ok_and(|turned| turned < STEP) {
            let current = self.sealer.current_key_name().to_vec();
            let rows = self
                .engine
                .read(column.next, vec![current.into(), cursor.clone(), STEP.into()])
                .await?;
            let last = rows.len() < usize::try_from(STEP).unwrap_or(0);
            for row in rows {
                cursor = self.turn_one(column, row, nonces, &mut total).await?;
            }
            if last {
                break;
            }
        }
        Ok(total)
    }

    async fn turn_one(
        &self,
        column: &Column,
        mut row: Row,
        nonces: &mut Nonces,
        total: &mut Turned,
    ) -> Result<Value, Error> {
        let key = row.value(0)?;
        let sealed = row.bytes(1)?;
        let bound = (column.bound)(&row, &key)?;
        match rewrap(&self.sealer, column.name, &bound, &sealed, nonces.draw()) {
            Ok(turned) => {
                let values = vec![key.clone(), sealed.into(), turned.into()];
                let step = Step::one(column.write, values);
                if let Commit::Done(_) = self.engine.commit(vec![step]).await? {
                    total.turned += 1;
                }
            }
            Err(error) => {
                tracing::error!(%error, "a sealed value does not open and stays under its key");
                total.failed += 1;
            }
        }
        Ok(key)
    }
}

/// Bound to id, organization and connector, the last two in columns 2 and 3.
fn by_address(row: &Row, key: &Value) -> Result<Vec<u8>, Error> {
    let Value::Bytes(id) = key else { return Err(Error::broken("a row's key is no id")) };
    let id: [u8; 16] =
        id.as_slice().try_into().map_err(|_| Error::broken("a row's key is no id"))?;
    let address =
        Address { row: Id(id), organization: OrganizationId(row.id(2)?), connector: row.id(3)? };
    Ok(address_bytes(address).to_vec())
}

/// Bound to the row's key alone.
fn by_key(_: &Row, key: &Value) -> Result<Vec<u8>, Error> {
    match key {
        Value::Bytes(bytes) => Ok(bytes.as_slice().to_vec()),
        Value::Text(text) => Ok(text.clone().into_bytes()),
        Value::Null | Value::Int(_) => Err(Error::broken("a row's key is neither id nor text")),
    }
}

const fn no_bytes() -> Value {
    Value::Bytes(Blob::Long(Vec::new()))
}

const fn no_text() -> Value {
    Value::Text(String::new())
}

macro_rules! columns {
    ($($count:ident $next:ident $write:ident = $table:literal $key:literal $column:literal $more:literal
       $name:expr, $bound:ident, $first:ident;)*) => {
        $(
            static $count: Statement = Statement::new(
                concat!("rekey.count_", $table),
                concat!("SELECT substr(", $column, ", 2, 4), COUNT(*) FROM ", $table,
                        " GROUP BY substr(", $column, ", 2, 4)"),
            );
            static $next: Statement = Statement::new(
                concat!("rekey.next_", $table),
                concat!("SELECT ", $key, ", ", $column, $more, " FROM ", $table, " WHERE substr(",
                        $column, ", 2, 4) <> $1 AND ", $key, " > $2 ORDER BY ", $key, " LIMIT $3"),
            );
            static $write: Statement = Statement::new(
                concat!("rekey.write_", $table),
                concat!("UPDATE ", $table, " SET ", $column, " = $3 WHERE ", $key, " = $1 AND ",
                        $column, " = $2"),
            );
        )*

        const COLUMNS: &[Column] = &[$(
            Column { name: $name, count: &$count, next: &$next, write: &$write, bound: $bound,
                     first: $first },
        )*];

        /// Every statement of this room.
        pub const STATEMENTS: &[&Statement] = &[$(&$count, &$next, &$write),*];
    };
}

columns! {
    COUNT_CONNECTIONS NEXT_CONNECTION WRITE_CONNECTION =
        "connections" "id" "data_key" ", organization, connector"
        connections::DATA_KEY, by_address, no_bytes;
    COUNT_FAREWELLS NEXT_FAREWELL WRITE_FAREWELL =
        "farewells" "id" "data_key" ", organization, connector"
        connections::DATA_KEY, by_address, no_bytes;
    COUNT_CONNECTORS NEXT_CONNECTOR WRITE_CONNECTOR =
        "connectors" "id" "data_key" ", organization, id"
        connectors::DATA_KEY, by_address, no_bytes;
    COUNT_FLOWS NEXT_FLOW WRITE_FLOW =
        "flows" "hash" "sealed" "" "flows.sealed", by_key, no_bytes;
    COUNT_ENDPOINTS NEXT_ENDPOINT WRITE_ENDPOINT =
        "webhook_endpoints" "id" "secret" "" "webhook_endpoints.secret", by_key, no_bytes;
    COUNT_TOTP_SEEDS NEXT_TOTP_SEED WRITE_TOTP_SEED =
        "totp_seeds" "owner" "sealed" "" "totp_seeds.sealed", by_key, no_bytes;
    COUNT_LETTERS NEXT_LETTER WRITE_LETTER =
        "mail_queue" "id" "sealed" "" "mail_queue.sealed", by_key, no_bytes;
    COUNT_UPSTREAMS NEXT_UPSTREAM WRITE_UPSTREAM =
        "upstream_providers" "id" "sealed" "" "upstream_providers.sealed", by_key, no_bytes;
    COUNT_VISITS NEXT_VISIT WRITE_VISIT =
        "upstream_flows" "id" "sealed" "" "upstream_flows.sealed", by_key, no_bytes;
    COUNT_SECRETS NEXT_SECRET WRITE_SECRET =
        "instance_secrets" "name" "sealed" "" "instance_secrets.sealed", by_key, no_text;
    COUNT_SIGNING_KEYS NEXT_SIGNING_KEY WRITE_SIGNING_KEY =
        "signing_keys" "kid" "sealed" "" "signing_keys.sealed", by_key, no_text;
}
