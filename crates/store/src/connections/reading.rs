//! Reading connections: one for showing, one with all that serving it needs, lists by filter.

use keyhaven_protocol::connection::Method;
use keyhaven_protocol::connection::failure::{Spent, Streak};
use keyhaven_protocol::connection::report::Reports;
use keyhaven_protocol::connection::state::{Reason, Standing, Status};
use keyhaven_protocol::id::{ConnectionId, ConnectorId, OrganizationId, UserId};
use keyhaven_protocol::time::Seconds;

use super::{Connection, Held};
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
}

impl Store {
    /// The connection within reach, with all that serving it needs: the one read of a token call.
    pub async fn find_held(&self, reach: Reach, id: ConnectionId) -> Result<Option<Held>, Error> {
        let rows = self.engine.read(&HELD, values![id.0, reach]).await?;
        rows.into_iter().next().map(held).transpose()
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
    })
}

fn held(mut row: Row) -> Result<Held, Error> {
    let connection = connection(&mut row)?;
    let generation = row.int(27)?;
    let spent = match (row.maybe_int(34)?, row.maybe_time(35)?, row.maybe_time(36)?) {
        (Some(of), Some(first_at), Some(last_at)) if of == generation => {
            Some(Spent { first_at, last_at, times: row.int(37)? })
        }
        _ => None,
    };
    Ok(Held {
        provider: row.text(22)?,
        client_id: row.maybe_text(23)?,
        fault: row.maybe_text(24)?,
        probe_at: row.maybe_time(25)?,
        issued_to: row.maybe_text(26)?,
        generation,
        granted_at: row.time(28)?,
        grant_ends_at: row.maybe_time(29)?,
        access_lifetime: row.maybe_int(30)?.map(Seconds),
        fingerprint: row.maybe_text(31)?,
        leased: row.int(32)? > 0,
        grant_revoked: row.int(33)? > 0,
        spent,
        streak: Streak {
            failures: connection.failures,
            since: row.maybe_time(38)?,
            unknown: row.int(39)?,
            unknown_since: row.maybe_time(40)?,
        },
        reports: Reports { count: row.int(41)?, last_at: row.maybe_time(42)? },
        data_key: row.bytes(43)?,
        access: row.maybe_bytes(44)?,
        refresh: row.maybe_bytes(45)?,
        connection,
    })
}

macro_rules! shown {
    () => {
        "SELECT c.id, c.organization, c.connector, c.owner, c.method, c.account, c.account_label, \
         c.labels, c.status, c.reason, c.since, c.created_at, c.updated_at, c.scopes, \
         c.missing_scopes, c.api_base, c.scheme, c.extra, c.access_ends_at, c.token_updated_at, \
         c.failures, c.next_try_at"
    };
}

macro_rules! all {
    ($where:literal) => {
        concat!(
            shown!(),
            ", k.provider, k.client_id, k.fault, k.probe_at, c.issued_to, c.generation, \
             c.granted_at, c.grant_ends_at, c.access_lifetime, c.fingerprint, \
             CASE WHEN c.lease_until > {database_now} THEN 1 ELSE 0 END, \
             (SELECT COUNT(*) FROM grants g WHERE g.id = c.id AND g.revoked_at IS NOT NULL), \
             c.spent_generation, c.spent_at, c.spent_last_at, c.spent_times, c.failing_since, \
             c.unknowns, c.unknown_since, c.reports, c.reported_at, c.data_key, c.access, c.refresh \
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

static LIST: Statement = Statement::new(
    "connections.list",
    concat!(
        shown!(),
        " FROM connections c WHERE c.organization = $1 AND c.id > $2 \
         AND c.connector = COALESCE($4, c.connector) \
         AND COALESCE(c.owner, c.id) = COALESCE($5, COALESCE(c.owner, c.id)) \
         AND c.status = COALESCE($6, c.status) \
         AND ' ' || c.labels || ' ' LIKE '% ' || COALESCE($7 || ' ', '') || '%' ESCAPE '!' \
         ORDER BY c.id LIMIT $3"
    ),
);

static COUNT: Statement = Statement::new(
    "connections.count",
    "SELECT status, COUNT(*) FROM connections WHERE organization = $1 AND connector = $2 \
     GROUP BY status",
);

pub(super) const STATEMENTS: &[&Statement] = &[&HELD, &OF_ACCOUNT, &LIST, &COUNT];
