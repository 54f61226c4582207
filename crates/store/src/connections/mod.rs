//! Connections: outside accounts' grants, kept so that none is lost. A grant changes only under the
//! generation of the refresh token that was spent; a lease says who may ask the provider now.
//!
//! Operations: `connecting` (a grant arrives), `editing` (what callers keep with it), `leasing` (who refreshes), `renewing` (how it went),
//! `ending` (revoked, expired, forgotten), `timeline` (what happened). Token text is sealed here and
//! never leaves as anything that prints.

mod connecting;
mod editing;
mod ending;
mod leasing;
mod memory;
mod reading;
mod renewing;
mod timeline;

use keyhaven_protocol::connection::Method;
use keyhaven_protocol::connection::failure::{Spent, Streak};
use keyhaven_protocol::connection::report::Reports;
use keyhaven_protocol::connection::state::{Coverage, Reason, Standing, Status};
use keyhaven_protocol::id::{ConnectionId, ConnectorId, Id, OrganizationId, UserId};
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::{Seconds, Timestamp};

use crate::engine::Statement;
use crate::envelope::{Address, DataKey};
use crate::seal::Sealer;
use crate::{Error, Store};

pub use connecting::{Connected, NewConnection, NewSlot};
pub use editing::Edit;
pub use ending::Farewell;
pub use leasing::{Due, LEASE};
pub use memory::ConnectionMemory;
pub use reading::{Filter, StatusCount};
pub use renewing::{Failed, Renewed, Stored};
pub use timeline::{Happened, TokenEvent, Upstream};

pub(crate) const DATA_KEY: &str = "connections.data_key";
const ACCESS: &str = "connections.access";
const REFRESH: &str = "connections.refresh";

/// A connection as it may be shown.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its id, also that of its grant in the revocation graph.
    pub id: ConnectionId,
    /// The tenant.
    pub organization: OrganizationId,
    /// Under which connector.
    pub connector: ConnectorId,
    /// Whose it is; `None` for one that a team shares.
    pub owner: Option<UserId>,
    /// What it holds.
    pub method: Method,
    /// The outside account's id, as far as learnt.
    pub account: Option<String>,
    /// What people call that account.
    pub account_label: Option<String>,
    /// The caller's own name for it, one of a kind under its connector.
    pub external_id: Option<String>,
    /// Words its callers find it by, space-separated.
    pub labels: String,
    /// What else its callers keep with it: a JSON object.
    pub metadata: String,
    /// For a further token of a connection: of which one, and what it is called.
    pub slot: Option<Slot>,
    /// Where it stands.
    pub standing: Standing,
    /// When it was made.
    pub created_at: Timestamp,
    /// When anything but its tokens changed last.
    pub updated_at: Timestamp,
    /// What the provider granted, space-separated.
    pub scopes: String,
    /// What was asked for and not granted.
    pub missing_scopes: String,
    /// Where its API is, if that is its own.
    pub api_base: Option<String>,
    /// How its token is sent.
    pub scheme: String,
    /// What else the provider file keeps: a JSON object.
    pub extra: String,
    /// The access token's end; `None` when it has none or there is none.
    pub access_ends_at: Option<Timestamp>,
    /// When its tokens changed last.
    pub token_updated_at: Timestamp,
    /// Failures in a row.
    pub failures: i64,
    /// Nobody asks the provider before this instant.
    pub next_try_at: Option<Timestamp>,
}

/// The place of a further token under its connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The connection.
    pub parent: ConnectionId,
    /// What the token is called there.
    pub name: String,
}

/// A connection with all that refreshing and serving it needs.
#[derive(Clone, Debug)]
pub struct Held {
    /// What may be shown.
    pub connection: Connection,
    /// The provider's key.
    pub provider: String,
    /// The organization's own definition of that provider, if it has one.
    pub definition: Option<String>,
    /// The connector's client id now.
    pub client_id: Option<String>,
    /// Why the connector's credentials are known to be wrong.
    pub fault: Option<String>,
    /// When the connector may be probed next.
    pub probe_at: Option<Timestamp>,
    /// Whether an administrator ended its grant.
    pub grant_revoked: bool,
    /// The client id the grant was issued to.
    pub issued_to: Option<String>,
    /// Counts up with every stored authorization and refresh.
    pub generation: i64,
    /// When the user authorized it last.
    pub granted_at: Timestamp,
    /// The grant's own end.
    pub grant_ends_at: Option<Timestamp>,
    /// How long the access token was given.
    pub access_lifetime: Option<Seconds>,
    /// By what callers name the access token.
    pub fingerprint: Option<String>,
    /// Whether somebody holds the lease, by the database's clock.
    pub leased: bool,
    /// The present refresh token was sent and nothing stored.
    pub spent: Option<Spent>,
    /// Failures in a row.
    pub streak: Streak,
    /// Reports of refused tokens.
    pub reports: Reports,
    data_key: Vec<u8>,
    access: Option<Vec<u8>>,
    refresh: Option<Vec<u8>>,
}

/// Tokens as they arrived, about to be sealed.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    /// The access token; `None` keeps what there is.
    pub access: Option<Secret>,
    /// The next refresh token; `None` keeps what there is.
    pub refresh: Option<Secret>,
    /// The access token's end by our clock.
    pub access_ends_at: Option<Timestamp>,
    /// How long it was given.
    pub access_lifetime: Option<Seconds>,
    /// The grant's own end, where the provider says.
    pub grant_ends_at: Option<Timestamp>,
    /// What was granted; `None` keeps what there is.
    pub scopes: Option<String>,
    /// What was asked for and not granted; `None` keeps what there is.
    pub missing_scopes: Option<String>,
    /// Whether the connector can do with what was granted.
    pub coverage: Coverage,
    /// How the token is sent.
    pub scheme: String,
    /// Where the API is; `None` keeps what there is.
    pub api_base: Option<String>,
    /// What else is kept: a JSON object; `None` keeps what there is.
    pub extra: Option<String>,
    /// When the scheduler looks at it.
    pub due_at: Option<Timestamp>,
}

impl Tokens {
    /// When the scheduler looks at a connection that stands so: never, where only its user helps.
    fn due(&self, standing: Standing) -> Option<Timestamp> {
        self.due_at.filter(|_| standing.status != Status::NeedsReauth)
    }
}

impl Held {
    /// Whether there is an access token.
    #[must_use]
    pub const fn has_access(&self) -> bool {
        self.access.is_some()
    }

    /// Whether there is a refresh token.
    #[must_use]
    pub const fn has_refresh(&self) -> bool {
        self.refresh.is_some()
    }

    /// Whether it is a connection, not a further token of one.
    #[must_use]
    pub const fn is_first(&self) -> bool {
        self.connection.slot.is_none()
    }

    fn address(&self) -> Address {
        address(self.connection.id, self.connection.organization, self.connection.connector)
    }

    fn data_key(&self, sealer: &Sealer) -> Result<DataKey, Error> {
        DataKey::open(sealer, DATA_KEY, self.address(), &self.data_key)
    }
}

impl Store {
    /// The access token.
    pub fn open_access_token(&self, held: &Held) -> Result<Option<Secret>, Error> {
        let Some(sealed) = &held.access else { return Ok(None) };
        held.data_key(&self.sealer)?.reveal(ACCESS, sealed).map(Some)
    }

    /// The refresh token, for the one call that spends it.
    pub fn open_refresh_token(&self, held: &Held) -> Result<Option<Secret>, Error> {
        let Some(sealed) = &held.refresh else { return Ok(None) };
        held.data_key(&self.sealer)?.reveal(REFRESH, sealed).map(Some)
    }
}

fn address(id: ConnectionId, organization: OrganizationId, connector: ConnectorId) -> Address {
    Address { row: id.0, organization, connector: connector.0 }
}

fn target(id: ConnectionId) -> String {
    format!("connection:{id}")
}

/// What webhooks are told about it, but for the sequence number, which is the row's.
fn told(id: ConnectionId, connector: ConnectorId, standing: &Standing) -> String {
    said(id, connector, None, standing)
}

/// As [`told`], for one that may be a slot of another.
fn told_of(connection: &Connection, standing: &Standing) -> String {
    match &connection.slot {
        Some(slot) => said(slot.parent, connection.connector, Some(&slot.name), standing),
        None => told(connection.id, connection.connector, standing),
    }
}

fn said(
    id: ConnectionId,
    connector: ConnectorId,
    slot: Option<&str>,
    standing: &Standing,
) -> String {
    let mut body = serde_json::json!({
        "connection": id.to_string(),
        "connector": connector.to_string(),
        "status": standing.status.as_str(),
        "reason": standing.reason.map(Reason::as_str),
        "since": standing.since.0,
    });
    if let Some(slot) = slot {
        body["slot"] = slot.into();
    }
    body.to_string()
}

/// A connection's id as rows key it.
fn key(id: ConnectionId) -> Id {
    id.0
}

/// Every statement of this room.
pub const STATEMENTS: &[&[&Statement]] = &[
    connecting::STATEMENTS,
    editing::STATEMENTS,
    ending::STATEMENTS,
    leasing::STATEMENTS,
    reading::STATEMENTS,
    renewing::STATEMENTS,
    timeline::STATEMENTS,
];
