//! Reading connections: one for showing, one with all that serving it needs, lists by filter.

use keyhaven_protocol::connection::Method;
use keyhaven_protocol::connection::failure::{Spent, Streak};
use keyhaven_protocol::connection::report::Reports;
use keyhaven_protocol::connection::state::{Reason, Standing, Status};
use keyhaven_protocol::id::{ConnectionId, ConnectorId, Id, OrganizationId, UserId};
use keyhaven_protocol::time::Seconds;

use super::{Connection, Held, Slot};
use crate::engine::{Row, Statement};
use crate::{Error, Listed, Page, Reach, Store, values};

/// Which connections of a tenant.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    /// Under this connector only.
    pub connector: Option<ConnectorId>,
    /// Of this user only.
    pub owner: Option<UserId>,
    /// In this state only.
    pub status: Option<Status>,
    /// With this label only.
    pub label: Option<&'a str>,
    /// Of this outside account only.
    pub account: Option<&'a str>,
    /// Under this name of the caller's only.
    pub external_id: Option<&'a str>,
    /// A team's only.
    pub is_of_a_team: bool,
}

impl Store {
    /// The connection within reach, with all that serving it needs.
    pub async fn find_held(&self, reach: Reach, id: ConnectionId) -> Result<Option<Held>, Error> {
        let rows = self.engine.read(&HELD, values![id.0, reach]).await?;
        rows.into_iter().next().map(held).transpose()
    }

    /// A further token of the connection within reach, with all that serving it needs.
    pub async fn find_slot(
        &self,
        reach: Reach,
        id: ConnectionId,
        name: &str,
    ) -> Result<Option<Held>, Error> {
        let rows = self.engine.read(&OF_SLOT, values![id.0, reach, name]).await?;
        rows.into_iter().next().map(held).transpose()
    }

    /// The further tokens of a connection, by name.
    pub async fn list_slots(&self, id: ConnectionId) -> Result<Vec<Connection>, Error> {
        let rows = self.engine.read(&SLOTS, values![id.0]).await?;
        rows.into_iter().map(|mut row| connection(&mut row)).collect()
    }

    /// At most `most` connections under a connector that have not ended, with all that serving them
    /// needs: those a caller can mean who names the user, the account, its own name for it or a
    /// label.
    pub async fn find_meant(
        &self,
        reach: Reach,
        connector: ConnectorId,
        filter: Filter<'_>,
        most: i64,
    ) -> Result<Vec<Held>, Error> {
        let values = values![
            connector.0,
            reach,
            filter.owner.map(|owner| owner.0),
            filter.account,
            filter.external_id,
            filter.label.map(exactly),
            most,
            i64::from(filter.is_of_a_team),
        ];
        self.engine.read(&MEANT, values).await?.into_iter().map(held).collect()
    }

    /// The connection of an account under a connector that has not ended.
    pub async fn find_connection_of_account(
        &self,
        organization: OrganizationId,
        connector: ConnectorId,
        owner: Option<UserId>,
        account: &str,
    ) -> Result<Option<Held>, Error> {
        let owner = owner.map(|owner| owner.0);
        let values = values![organization.0, connector.0, owner, account];
        let rows = self.engine.read(&OF_ACCOUNT, values).await?;
        rows.into_iter().next().map(held).transpose()
    }

    /// A tenant's connections, oldest first.
    pub async fn list_connections(
        &self,
        organization: OrganizationId,
        filter: Filter<'_>,
        page: Page,
    ) -> Result<Listed<Connection>, Error> {
        let values = values![
            organization.0,
            page.above(),
            page.fetch(),
            filter.connector.map(|connector| connector.0),
            filter.owner.map(|owner| owner.0),
            filter.status.map(Status::as_str),
            filter.label.map(exactly),
            filter.account,
            filter.external_id,
        ];
        let rows = self.engine.read(&LIST, values).await?;
        page.of(rows, |mut row| connection(&mut row), |connection| connection.id.0)
    }

    /// How many connections of a connector stand in which state.
    pub async fn count_connections(
        &self,
        organization: OrganizationId,
        connector: ConnectorId,
    ) -> Result<Vec<(Status, i64)>, Error> {
        let rows = self.engine.read(&COUNT, values![organization.0, connector.0]).await?;
        rows.into_iter().map(|mut row| Ok((status(&row.text(0)?)?, row.int(1)?))).collect()
    }
}

/// How many connections of a connector stand in a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusCount {
    /// The connector.
    pub connector: ConnectorId,
    /// Its provider's key.
    pub provider: String,
    /// The state.
    pub status: Status,
    /// How many.
    pub count: i64,
}

impl Store {
    /// How many connections stand in which state, under every connector of every tenant.
    pub async fn count_all_connections(&self) -> Result<Vec<StatusCount>, Error> {
        let rows = self.engine.read(&COUNT_ALL, values![]).await?;
        let counts = rows.into_iter().map(|mut row| {
            let (connector, provider) = (ConnectorId(row.id(0)?), row.text(1)?);
            let (status, count) = (status(&row.text(2)?)?, row.int(3)?);
            Ok(StatusCount { connector, provider, status, count })
        });
        counts.collect()
    }
}

/// A label as a pattern that means itself.
fn exactly(label: &str) -> String {
    label.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}

fn status(word: &str) -> Result<Status, Error> {
    Status::parse(word).ok_or_else(|| Error::broken("connections.status is no known word"))
}

fn connection(row: &mut Row) -> Result<Connection, Error> {
    let method = row.text(4)?;
    let reason = row.maybe_text(9)?;
    Ok(Connection {
        id: ConnectionId(row.id(0)?),
        organization: OrganizationId(row.id(1)?),
        connector: ConnectorId(row.id(2)?),
        owner: row.maybe_id(3)?.map(UserId),
        method: Method::parse(&method)
            .ok_or_else(|| Error::broken("connections.method is no known word"))?,
        account: row.maybe_text(5)?,
        account_label: row.maybe_text(6)?,
        labels: row.text(7)?,
        standing: Standing {
            status: status(&row.text(8)?)?,
            reason: reason.as_deref().and_then(Reason::parse),
            since: row.time(10)?,
        },
        created_at: row.time(11)?,
        updated_at: row.time(12)?,
        scopes: row.text(13)?,
        missing_scopes: row.text(14)?,
        api_base: row.maybe_text(15)?,
        scheme: row.text(16)?,
        extra: row.text(17)?,
        access_ends_at: row.maybe_time(18)?,
        token_updated_at: row.time(19)?,
        failures: row.int(20)?,
        next_try_at: row.maybe_time(21)?,
        external_id: row.maybe_text(22)?,
        metadata: row.text(23)?,
        slot: slot(row.maybe_id(24)?, row.maybe_text(25)?),
    })
}

fn slot(parent: Option<Id>, name: Option<String>) -> Option<Slot> {
    let (parent, name) = parent.zip(name)?;
    Some(Slot { parent: ConnectionId(parent), name })
}

fn held(mut row: Row) -> Result<Held, Error> {
    let connection = connection(&mut row)?;
    let generation = row.int(31)?;
    let spent = match (row.maybe_int(38)?, row.maybe_time(39)?, row.maybe_time(40)?) {
        (Some(of), Some(first_at), Some(last_at)) if of == generation => {
            Some(Spent { first_at, last_at, times: row.int(41)? })
        }
        _ => None,
    };
    Ok(Held {
        provider: row.text(26)?,
        client_id: row.maybe_text(27)?,
        fault: row.maybe_text(28)?,
        probe_at: row.maybe_time(29)?,
        issued_to: row.maybe_text(30)?,
        generation,
        granted_at: row.time(32)?,
        grant_ends_at: row.maybe_time(33)?,
        access_lifetime: row.maybe_int(34)?.map(Seconds),
        fingerprint: row.maybe_text(35)?,
        leased: row.int(36)? > 0,
        grant_revoked: row.int(37)? > 0,
        spent,
        streak: Streak {
            failures: connection.failures,
            since: row.maybe_time(42)?,
            unknown: row.int(43)?,
            unknown_since: row.maybe_time(44)?,
        },
        reports: Reports { count: row.int(45)?, last_at: row.maybe_time(46)? },
        data_key: row.bytes(47)?,
        access: row.maybe_bytes(48)?,
        refresh: row.maybe_bytes(49)?,
        definition: row.maybe_text(50)?,
        connection,
    })
}

macro_rules! shown {
    () => {
        "SELECT c.id, c.organization, c.connector, c.owner, c.method, c.account, c.account_label, \
         c.labels, c.status, c.reason, c.since, c.created_at, c.updated_at, c.scopes, \
         c.missing_scopes, c.api_base, c.scheme, c.extra, c.access_ends_at, c.token_updated_at, \
         c.failures, c.next_try_at, c.external_id, c.metadata, c.parent, c.slot"
    };
}

macro_rules! all {
    ($where:literal) => {
        concat!(
            shown!(),
            ", k.provider, k.client_id, k.fault, k.probe_at, c.issued_to, c.generation, \
             c.granted_at, c.grant_ends_at, c.access_lifetime, c.fingerprint, \
             CASE WHEN c.lease_until > {database_now} THEN 1 ELSE 0 END, \
             (SELECT COUNT(*) FROM grants g WHERE g.id = COALESCE(c.parent, c.id) \
             AND g.revoked_at IS NOT NULL), \
             c.spent_generation, c.spent_at, c.spent_last_at, c.spent_times, c.failing_since, \
             c.unknowns, c.unknown_since, c.reports, c.reported_at, c.data_key, c.access, c.refresh, \
             (SELECT p.document FROM providers p \
             WHERE p.organization = c.organization AND p.name = k.provider) \
             FROM connections c JOIN connectors k ON k.id = c.connector ",
            $where
        )
    };
}

static HELD: Statement = Statement::new(
    "connections.held",
    all!("WHERE c.id = $1 AND c.organization = COALESCE($2, c.organization)"),
);

static OF_ACCOUNT: Statement = Statement::new(
    "connections.of_account",
    all!(
        "WHERE c.organization = $1 AND c.connector = $2 \
         AND COALESCE(c.owner, c.connector) = COALESCE($3, c.connector) AND c.account = $4 \
         AND c.status <> 'revoked'"
    ),
);

static OF_SLOT: Statement = Statement::new(
    "connections.of_slot",
    all!(
        "WHERE c.parent = $1 AND c.organization = COALESCE($2, c.organization) AND c.slot = $3 \
         AND c.status <> 'revoked'"
    ),
);

static SLOTS: Statement = Statement::new(
    "connections.slots",
    concat!(shown!(), " FROM connections c WHERE c.parent = $1 ORDER BY c.slot"),
);

static MEANT: Statement = Statement::new(
    "connections.meant",
    all!(
        "WHERE c.connector = $1 AND c.organization = COALESCE($2, c.organization) \
         AND COALESCE(c.owner, c.id) = COALESCE($3, COALESCE(c.owner, c.id)) \
         AND COALESCE(c.account, '') = COALESCE($4, c.account, '') \
         AND COALESCE(c.external_id, '') = COALESCE($5, c.external_id, '') \
         AND ' ' || c.labels || ' ' LIKE '% ' || COALESCE($6 || ' ', '') || '%' ESCAPE '!' \
         AND c.parent IS NULL AND c.status NOT IN ('revoked', 'pending') \
         AND (c.owner IS NULL OR $8 = 0) ORDER BY c.id LIMIT $7"
    ),
);

static LIST: Statement = Statement::new(
    "connections.list",
    concat!(
        shown!(),
        " FROM connections c WHERE c.organization = $1 AND c.id > $2 \
         AND c.connector = COALESCE($4, c.connector) \
         AND COALESCE(c.owner, c.id) = COALESCE($5, COALESCE(c.owner, c.id)) \
         AND c.status = COALESCE($6, c.status) \
         AND ' ' || c.labels || ' ' LIKE '% ' || COALESCE($7 || ' ', '') || '%' ESCAPE '!' \
         AND COALESCE(c.account, '') = COALESCE($8, c.account, '') \
         AND COALESCE(c.external_id, '') = COALESCE($9, c.external_id, '') \
         AND c.parent IS NULL ORDER BY c.id LIMIT $3"
    ),
);

static COUNT: Statement = Statement::new(
    "connections.count",
    "SELECT status, COUNT(*) FROM connections WHERE organization = $1 AND connector = $2 \
     AND parent IS NULL GROUP BY status",
);

static COUNT_ALL: Statement = Statement::new(
    "connections.count_all",
    "SELECT c.connector, k.provider, c.status, c.count FROM \
     (SELECT connector, status, COUNT(*) AS count FROM connections WHERE parent IS NULL \
     GROUP BY connector, status) c JOIN connectors k ON k.id = c.connector",
);

pub(super) const STATEMENTS: &[&Statement] =
    &[&HELD, &OF_ACCOUNT, &OF_SLOT, &SLOTS, &MEANT, &LIST, &COUNT, &COUNT_ALL];
