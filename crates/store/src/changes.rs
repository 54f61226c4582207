//! What other nodes must hear of: one small row per change of something that is cached elsewhere.
//!
//! Nodes read the rows of a window of time by primary key, so their clocks may differ; the promise
//! is [`HEARD_WITHIN`]. Written in the commit of the change. Decides nothing about caches.

use keyhaven_protocol::id::Id;
use keyhaven_protocol::time::{Seconds, Timestamp};

use crate::engine::{Row, Statement, Step};
use crate::{Error, Store, values};

/// Every node has heard of a change this long after its commit. The `effective_by` of a revocation
/// is built on it; the pollers must be faster.
pub const HEARD_WITHIN: Seconds = Seconds(1);

/// More changes than this within one window mean: forget everything cached.
pub const MOST_AT_ONCE: i64 = 10_000;

/// What kind of thing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A client: forget it and its secrets.
    Client,
    /// An organization: forget it and every client that belongs to it.
    Organization,
    /// A user: forget every principal it stands behind.
    User,
    /// A grant: it and everything below it may be dead.
    Grant,
    /// One access token was revoked.
    Token,
    /// The signing keys: load them again.
    SigningKeys,
    /// An API key, or a budget that keys are charged to: forget what decides about keys.
    Key,
    /// What a session says, such as where it acts: forget it.
    Session,
    /// Something happened to a connection: forget it.
    Connection,
    /// A connector or a provider changed: forget every connection.
    Connector,
}

impl Kind {
    const ALL: [Self; 10] = [
        Self::Client,
        Self::Organization,
        Self::User,
        Self::Grant,
        Self::Token,
        Self::SigningKeys,
        Self::Key,
        Self::Session,
        Self::Connection,
        Self::Connector,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Organization => "organization",
            Self::User => "user",
            Self::Grant => "grant",
            Self::Token => "token",
            Self::SigningKeys => "signing_keys",
            Self::Key => "key",
            Self::Session => "session",
            Self::Connection => "connection",
            Self::Connector => "connector",
        }
    }
}

/// Something changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// What kind of thing.
    pub kind: Kind,
    /// Which one.
    pub subject: Id,
}

impl Change {
    /// A change of `subject`.
    #[must_use]
    pub const fn of(kind: Kind, subject: Id) -> Self {
        Self { kind, subject }
    }

    /// The step that publishes it, to be appended to the change's commit. `id` must be made at
    /// the moment of the commit: pollers look for recent ids.
    #[must_use]
    pub fn step(self, id: Id) -> Step {
        Step::one(&PUBLISH, values![id, self.kind.as_str(), self.subject])
    }
}

/// What a caller who revoked something is promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// When the revocation became durable.
    pub revoked_at: Timestamp,
    /// From here on no node accepts what was revoked.
    pub effective_by: Timestamp,
}

impl Store {
    /// The changes from id `floor` on, oldest first, with their ids. A kind that a newer version
    /// wrote is skipped. As many as [`MOST_AT_ONCE`] rows means there may be more.
    pub async fn list_changes_since(&self, floor: Id) -> Result<Vec<(Id, Change)>, Error> {
        let rows = self.engine.read(&SINCE, values![floor, MOST_AT_ONCE]).await?;
        rows.into_iter().filter_map(|row| change(row).transpose()).collect()
    }

    /// The receipt for a revocation committed at `revoked_at`: at once where this process
    /// is alone on its database, else when every other one has heard.
    #[must_use]
    pub fn receipt(&self, revoked_at: Timestamp) -> Receipt {
        let delay = if self.known.is_alone() { Seconds(0) } else { HEARD_WITHIN };
        Receipt { revoked_at, effective_by: revoked_at.plus(delay) }
    }
}

fn change(mut row: Row) -> Result<Option<(Id, Change)>, Error> {
    let word = row.text(1)?;
    let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.as_str() == word) else {
        return Ok(None);
    };
    Ok(Some((row.id(0)?, Change { kind, subject: row.id(2)? })))
}

static PUBLISH: Statement = Statement::append(
    "changes.publish",
    "INSERT INTO changes (id, kind, subject) VALUES ($1, $2, $3)",
);

static SINCE: Statement = Statement::new(
    "changes.since",
    "SELECT id, kind, subject FROM changes WHERE id >= $1 ORDER BY id LIMIT $2",
);

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[&PUBLISH, &SINCE];
