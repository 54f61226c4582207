//! Facts about the instance as a whole, each written once: by which master key its columns were
//! first sealed, and whether its first run is behind it.

use zeroize::Zeroizing;

use crate::engine::{Commit, Engine, Statement, Step};
use crate::seal::Place;
use crate::{Error, Store, values};

/// The value of a fact. Asked before there is a [`Store`](crate::Store): which keys to load is one.
pub async fn find_fact(engine: &dyn Engine, name: &str) -> Result<Option<String>, Error> {
    let rows = engine.read(&FIND, values![name]).await?;
    rows.into_iter().next().map(|mut row| row.text(0)).transpose()
}

/// States a fact that nobody has stated before. `false` when somebody has, so that of two nodes
/// starting on an empty database one goes first.
pub async fn state_fact(engine: &dyn Engine, name: &str, value: &str) -> Result<bool, Error> {
    let commit = engine.commit(vec![Step::one(&STATE, values![name, value])]).await?;
    Ok(matches!(commit, Commit::Done(_)))
}

/// States a fact anew, if it still has the value `before`.
pub async fn restate_fact(
    engine: &dyn Engine,
    name: &str,
    before: &str,
    value: &str,
) -> Result<bool, Error> {
    let commit = engine.commit(vec![Step::one(&RESTATE, values![name, before, value])]).await?;
    Ok(matches!(commit, Commit::Done(_)))
}

const SECRET: &str = "secret";
const SECRET_COLUMN: &str = "instance_secrets.sealed";

impl Store {
    /// The secret that the instance derives its own keys from: made once from `fresh`, sealed, and
    /// the same on every node from then on.
    pub async fn instance_secret(
        &self,
        fresh: [u8; 32],
        nonce: [u8; 12],
    ) -> Result<Zeroizing<[u8; 32]>, Error> {
        let place = Place { column: SECRET_COLUMN, row: SECRET.as_bytes() };
        let sealed = match self.find_secret().await? {
            Some(sealed) => sealed,
            None => {
                let sealed = self.sealer.seal(place, &fresh, nonce)?;
                self.engine.commit(vec![Step::any(&KEEP_SECRET, values![SECRET, sealed])]).await?;
                let kept = self.find_secret().await?;
                kept.ok_or_else(|| Error::broken("the instance's secret was not kept"))?
            }
        };
        let opened = self.sealer.open(place, &sealed)?;
        let bytes = <[u8; 32]>::try_from(opened.as_slice())
            .map_err(|_| Error::broken("the instance's secret is not 32 bytes"))?;
        Ok(Zeroizing::new(bytes))
    }

    async fn find_secret(&self) -> Result<Option<Vec<u8>>, Error> {
        let rows = self.engine.read(&FIND_SECRET, values![SECRET]).await?;
        rows.into_iter().next().map(|mut row| row.bytes(0)).transpose()
    }
}

/// The step that states a fact, for commits that may happen once in the life of an instance.
pub(crate) fn stating(name: &str, value: &str) -> Step {
    Step::one(&STATE, values![name, value])
}

/// What time it is for the database, as text (RFC 3339, a space for the T).
pub async fn find_clock(engine: &dyn Engine) -> Result<String, Error> {
    let rows = engine.read(&CLOCK, values![]).await?;
    let text = rows.into_iter().next().map(|mut row| row.text(0)).transpose()?.unwrap_or_default();
    // SQLite says UTC without an offset; PostgreSQL says the session's offset.
    Ok(if text.len() == "2026-01-01 00:00:00".len() { format!("{text}Z") } else { text })
}

/// Every statement of this room.
pub static STATEMENTS: &[&Statement] =
    &[&FIND, &STATE, &RESTATE, &CLOCK, &FIND_SECRET, &KEEP_SECRET];

static FIND_SECRET: Statement =
    Statement::new("instance.find_secret", "SELECT sealed FROM instance_secrets WHERE name = $1");

// Whichever node is first made the secret; the others read it.
static KEEP_SECRET: Statement = Statement::new(
    "instance.keep_secret",
    "INSERT INTO instance_secrets (name, sealed) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
);

static FIND: Statement =
    Statement::new("instance.find", "SELECT value FROM instance WHERE name = $1");

static STATE: Statement = Statement::new(
    "instance.state",
    "INSERT INTO instance (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING",
);

static RESTATE: Statement = Statement::new(
    "instance.restate",
    "UPDATE instance SET value = $3 WHERE name = $1 AND value = $2",
);

static CLOCK: Statement =
    Statement::new("instance.clock", "SELECT CAST(CURRENT_TIMESTAMP AS TEXT)");
