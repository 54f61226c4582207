//! Who may ask the provider now. A lease is taken by the write itself and measured by the database's
//! clock, the only one all nodes share (F08); no lease, no request. Before a refresh token is sent
//! its spending is written down, so a crash between reply and commit leaves a precise state.

use keyhaven_protocol::connection::report::Reports;
use keyhaven_protocol::id::{ConnectionId, ConnectorId, Id};
use keyhaven_protocol::time::{Seconds, Timestamp};

use crate::engine::{Commit, Statement, Step};
use crate::{Error, Store, values};

/// How long a lease lasts: longer than the limit of a request to a provider and its commit.
pub const LEASE: Seconds = Seconds(25);

/// How long a due connection stays off the list of what is due once somebody took it.
const TAKEN_FOR: Seconds = Seconds(120);

/// A connection whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Which.
    pub id: ConnectionId,
    /// Under which connector.
    pub connector: ConnectorId,
}

impl Store {
    /// Takes the lease of a connection for `node`, unless somebody holds it.
    pub async fn take_lease(
        &self,
        id: ConnectionId,
        node: Id,
        length: Seconds,
    ) -> Result<bool, Error> {
        let step = Step::one(&TAKE, values![id.0, node, length.0]);
        Ok(matches!(self.engine.commit(vec![step]).await?, Commit::Done(_)))
    }

    /// Gives the lease back; one that is not the node's stays.
    pub async fn give_lease_back(&self, id: ConnectionId, node: Id) -> Result<(), Error> {
        self.engine.commit(vec![Step::any(&GIVE_BACK, values![id.0, node])]).await?;
        Ok(())
    }

    /// Writes down that the refresh token of `generation` is about to be sent. `false` when the
    /// lease or the generation is not the node's any more: then nothing may be sent.
    pub async fn begin_spending(
        &self,
        id: ConnectionId,
        generation: i64,
        node: Id,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let step = Step::one(&SPEND, values![id.0, generation, node, now]);
        Ok(matches!(self.engine.commit(vec![step]).await?, Commit::Done(_)))
    }

    /// Keeps a believed report of a refused token. `false` when another one was believed first.
    pub async fn note_report(
        &self,
        id: ConnectionId,
        fingerprint: &str,
        before: Reports,
        after: Reports,
    ) -> Result<bool, Error> {
        let values = values![id.0, fingerprint, before.last_at, after.count, after.last_at];
        let step = Step::one(&REPORT, values);
        Ok(matches!(self.engine.commit(vec![step]).await?, Commit::Done(_)))
    }

    /// Takes up to `most` connections that are due, the longest overdue first, off the list for a
    /// while: of two nodes that ask at once each gets its own.
    pub async fn take_due(&self, now: Timestamp, most: i64) -> Result<Vec<Due>, Error> {
        let step = Step::any(&TAKE_DUE, values![now, now.plus(TAKEN_FOR), most]);
        let Commit::Done(mut done) = self.engine.commit(vec![step]).await? else {
            return Ok(Vec::new());
        };
        let rows = done.pop().map(|step| step.returned).unwrap_or_default();
        rows.iter()
            .map(|row| {
                let (id, connector) = (row.id(0)?, row.id(1)?);
                Ok(Due { id: ConnectionId(id), connector: ConnectorId(connector) })
            })
            .collect()
    }

    /// Puts a connection that was taken and not treated back for `at`.
    pub async fn postpone(&self, id: ConnectionId, at: Timestamp) -> Result<(), Error> {
        self.engine.commit(vec![Step::any(&POSTPONE, values![id.0, at])]).await?;
        Ok(())
    }

    /// How many connections are due, counted up to ten thousand.
    pub async fn count_due(&self, now: Timestamp) -> Result<i64, Error> {
        let rows = self.engine.read(&COUNT_DUE, values![now]).await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }

    /// The oldest date that has passed, for the metric; `None` when nothing is overdue.
    pub async fn find_oldest_due(&self, now: Timestamp) -> Result<Option<Timestamp>, Error> {
        let rows = self.engine.read(&OLDEST_DUE, values![now]).await?;
        rows.first().map_or(Ok(None), |row| row.maybe_time(0))
    }
}

static TAKE: Statement = Statement::new(
    "connections.take_lease",
    "UPDATE connections SET lease_owner = $2, lease_until = {database_now} + $3 \
     WHERE id = $1 AND lease_until <= {database_now} AND status <> 'revoked'",
);

static GIVE_BACK: Statement = Statement::new(
    "connections.give_lease_back",
    "UPDATE connections SET lease_owner = NULL, lease_until = 0 WHERE id = $1 AND lease_owner = $2",
);

static SPEND: Statement = Statement::new(
    "connections.spend",
    "UPDATE connections SET spent_generation = $2, \
     spent_at = CASE WHEN spent_generation = $2 THEN spent_at ELSE $4 END, spent_last_at = $4, \
     spent_times = CASE WHEN spent_generation = $2 THEN spent_times + 1 ELSE 1 END \
     WHERE id = $1 AND generation = $2 AND lease_owner = $3 AND lease_until > {database_now}",
);

static REPORT: Statement = Statement::new(
    "connections.report",
    "UPDATE connections SET reports = $4, reported_at = $5 WHERE id = $1 AND fingerprint = $2 \
     AND COALESCE(reported_at, 0) = COALESCE($3, 0)",
);

static TAKE_DUE: Statement = Statement::new(
    "connections.take_due",
    "UPDATE connections SET due_at = $2 WHERE due_at <= $1 AND id IN \
     (SELECT id FROM connections WHERE due_at <= $1 ORDER BY due_at LIMIT $3) \
     RETURNING id, connector",
);

static POSTPONE: Statement = Statement::new(
    "connections.postpone",
    "UPDATE connections SET due_at = $2 WHERE id = $1 AND due_at IS NOT NULL",
);

static COUNT_DUE: Statement = Statement::new(
    "connections.count_due",
    "SELECT COUNT(*) FROM (SELECT 1 FROM connections WHERE due_at <= $1 LIMIT 10000) due",
);

static OLDEST_DUE: Statement = Statement::new(
    "connections.oldest_due",
    "SELECT MIN(due_at) FROM connections WHERE due_at <= $1",
);

pub(super) const STATEMENTS: &[&Statement] =
    &[&TAKE, &GIVE_BACK, &SPEND, &REPORT, &TAKE_DUE, &POSTPONE, &COUNT_DUE, &OLDEST_DUE];
