//! The end of a connection: revoked (erased first, the provider told later), expired, or in need of
//! its user because something around it changed.

use keyhaven_protocol::connection::state::{Event, Reason, Status, announcement};
use keyhaven_protocol::id::{ConnectionId, ConnectorId, OrganizationId};
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::Timestamp;

use super::{ACCESS, Connection, DATA_KEY, Happened, REFRESH, address, target, told_of};
use crate::act::Plan;
use crate::changes::{Change, Kind};
use crate::engine::{Commit, Row, Statement, Step};
use crate::envelope::DataKey;
use crate::{Act, Error, Outcome, Store, values};

/// Tokens that their provider has still to be told of.
pub struct Farewell {
    /// The connection they were of.
    pub connection: ConnectionId,
    /// Under which connector.
    pub connector: ConnectorId,
    /// The tenant.
    pub organization: OrganizationId,
    /// The refresh token.
    pub refresh: Option<Secret>,
    /// The access token.
    pub access: Option<Secret>,
    /// How often the provider was told without success.
    pub attempts: i64,
}

impl Store {
    /// Ends a connection: its secrets are erased here at once, and a copy waits, sealed, for the job
    /// that tells the provider. `Moved` when it changed since it was read.
    pub async fn revoke_connection(
        &self,
        connection: &Connection,
        reason: Reason,
        node: &str,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let (id, organization, now) = (connection.id, connection.organization, act.now);
        let before = connection.standing;
        let Some(after) = before.after(Event::Revoked(reason), now) else {
            return Ok(Outcome::Absent);
        };
        let erase = values![organization.0, id.0, before.status.as_str(), reason.as_str(), now];
        let detail = serde_json::json!({ "reason": reason.as_str() }).to_string();
        let mut what = Happened::plain("revoked", node);
        what.reason = Some(reason);
        let announced = announcement(before.status, after.status);
        let plan = Plan::default()
            .also(Step::any(&KEEP_FOR_FAREWELL, values![organization.0, id.0, now]))
            .must(Step::one(&ERASE, erase), Outcome::Moved)
            .also(Step::any(&ERASE_SLOTS, values![organization.0, id.0, reason.as_str(), now]))
            .also(Step::any(&END_GRANT, values![id.0, now, reason.as_str()]))
            .announce(announced, id, told_of(connection, &after), &mut act)
            .happened(organization, id, &what, &mut act)
            .also(act.publish(Change::of(Kind::Grant, id.0)))
            .also(act.audit(Some(organization), "connection.revoked", target(id), detail));
        self.carry_out(plan, act).await
    }

    /// Moves a connection to where `event` leads without a request to its provider: the access
    /// token ended, the connector changed, an API refused it.
    pub async fn note_end(
        &self,
        connection: &Connection,
        event: Event,
        node: &str,
        act: Act,
    ) -> Result<Outcome, Error> {
        self.note_end_with(connection, event, node, Plan::default(), act).await
    }

    /// As [`Self::note_end`], with the steps of a letter that tells of it in the same commit. Who is
    /// asked for a new authorization is asked for all of it: further tokens stand as their connection.
    pub async fn note_end_with(
        &self,
        connection: &Connection,
        event: Event,
        node: &str,
        letter: Plan,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let (id, organization, before) =
            (connection.id, connection.organization, connection.standing);
        let Some(after) = before.after(event, act.now) else { return Ok(Outcome::Absent) };
        let values = values![
            organization.0,
            id.0,
            before.status.as_str(),
            after.status.as_str(),
            after.reason.map(Reason::as_str),
            act.now,
            connection.token_updated_at,
        ];
        let word = if after.status == Status::Expired { "expired" } else { "needs_reauth" };
        let mut what = Happened::plain(word, node);
        what.reason = after.reason;
        let reason = after.reason.map(Reason::as_str);
        let detail = serde_json::json!({ "reason": reason }).to_string();
        let announced = announcement(before.status, after.status);
        let plan = Plan::default()
            .must(Step::one(&MOVE, values), Outcome::Moved)
            .and(below(connection, event, act.now))
            .and(letter)
            .announce(announced, id, told_of(connection, &after), &mut act)
            .happened(organization, id, &what, &mut act)
            .also(act.audit(Some(organization), "connection.ended", target(id), detail));
        self.carry_out(plan, act).await
    }

    /// Takes up to `most` farewells that are due; each comes back after `again_at` unless it is
    /// forgotten by then. What does not open is left out and reported (F21).
    pub async fn take_farewells(
        &self,
        now: Timestamp,
        again_at: Timestamp,
        most: i64,
    ) -> Result<Vec<Farewell>, Error> {
        let step = Step::any(&TAKE_FAREWELLS, values![now, again_at, most]);
        let Commit::Done(mut done) = self.engine.commit(vec![step]).await? else {
            return Ok(Vec::new());
        };
        let rows = done.pop().map(|step| step.returned).unwrap_or_default();
        Ok(rows.into_iter().filter_map(|row| self.farewell(row).map_err(report).ok()).collect())
    }

    /// The provider was told, or will not be.
    pub async fn forget_farewell(
        &self,
        farewell: &Farewell,
        how: &'static str,
        node: &str,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let what = Happened::plain(how, node);
        let plan = Plan::default()
            .must(Step::one(&FORGET_FAREWELL, values![farewell.connection.0]), Outcome::Absent)
            .happened(farewell.organization, farewell.connection, &what, &mut act);
        self.carry_out(plan, act).await
    }

    /// Connections whose grant was ended in the revocation graph since `since`.
    pub async fn list_connections_of_ended_grants(
        &self,
        since: Timestamp,
        most: i64,
    ) -> Result<Vec<ConnectionId>, Error> {
        let rows = self.engine.read(&OF_ENDED_GRANTS, values![since, most]).await?;
        rows.iter().map(|row| row.id(0).map(ConnectionId)).collect()
    }

    /// Up to `most` connections of a connector that have not ended.
    pub async fn list_living_connections(
        &self,
        organization: OrganizationId,
        connector: ConnectorId,
        most: i64,
    ) -> Result<Vec<ConnectionId>, Error> {
        let rows = self.engine.read(&LIVING, values![organization.0, connector.0, most]).await?;
        rows.iter().map(|row| row.id(0).map(ConnectionId)).collect()
    }

    fn farewell(&self, mut row: Row) -> Result<Farewell, Error> {
        let connection = ConnectionId(row.id(0)?);
        let organization = OrganizationId(row.id(1)?);
        let connector = ConnectorId(row.id(2)?);
        let place = address(connection, organization, connector);
        let key = DataKey::open(&self.sealer, DATA_KEY, place, &row.bytes(3)?)?;
        let open = |column, sealed: Option<Vec<u8>>| {
            sealed.map(|sealed| key.reveal(column, &sealed)).transpose()
        };
        Ok(Farewell {
            connection,
            connector,
            organization,
            refresh: open(REFRESH, row.maybe_bytes(4)?)?,
            access: open(ACCESS, row.maybe_bytes(5)?)?,
            attempts: row.int(6)?,
        })
    }
}

/// The steps that ask for the further tokens of a connection together with it. Each else ends for its
/// own reasons.
fn below(connection: &Connection, event: Event, now: Timestamp) -> Plan {
    let Event::GrantDead(reason @ (Reason::Requested | Reason::ScopeChange | Reason::ClientChange)) =
        event
    else {
        return Plan::default();
    };
    let values = values![connection.organization.0, connection.id.0, reason.as_str(), now];
    Plan::default().also(Step::any(&ASK_FOR_SLOTS, values))
}

fn report(error: Error) -> Error {
    tracing::error!(%error, "a token that should be given back does not open");
    error
}

static KEEP_FOR_FAREWELL: Statement = Statement::new(
    "connections.keep_for_farewell",
    "INSERT INTO farewells (id, organization, connector, data_key, refresh, access, due_at, attempts) \
     SELECT id, organization, connector, data_key, refresh, access, $3, 0 FROM connections \
     WHERE organization = $1 AND (id = $2 OR parent = $2) AND status <> 'revoked' \
     AND method = 'oauth' \
     AND (refresh IS NOT NULL OR access IS NOT NULL)",
);

static ERASE: Statement = Statement::new(
    "connections.erase",
    "UPDATE connections SET status = 'revoked', reason = $4, since = $5, updated_at = $5, \
     generation = generation + 1, sequence = sequence + 1, refresh = NULL, access = NULL, \
     fingerprint = NULL, access_ends_at = NULL, lease_owner = NULL, lease_until = 0, \
     spent_generation = NULL, next_try_at = NULL, due_at = NULL \
     WHERE organization = $1 AND id = $2 AND status = $3",
);

static ERASE_SLOTS: Statement = Statement::new(
    "connections.erase_slots",
    "UPDATE connections SET status = 'revoked', reason = $3, since = $4, updated_at = $4, \
     generation = generation + 1, refresh = NULL, access = NULL, fingerprint = NULL, \
     access_ends_at = NULL, lease_owner = NULL, lease_until = 0, spent_generation = NULL, \
     next_try_at = NULL, due_at = NULL \
     WHERE organization = $1 AND parent = $2 AND status <> 'revoked'",
);

static END_GRANT: Statement = Statement::new(
    "connections.end_grant",
    "UPDATE grants SET revoked_at = $2, revoked_why = $3 WHERE id = $1 AND revoked_at IS NULL",
);

static MOVE: Statement = Statement::new(
    "connections.move",
    "UPDATE connections SET status = $4, reason = $5, since = $6, updated_at = $6, due_at = NULL, \
     sequence = sequence + 1 WHERE organization = $1 AND id = $2 AND status = $3 \
     AND token_updated_at = $7",
);

static ASK_FOR_SLOTS: Statement = Statement::new(
    "connections.ask_for_slots",
    "UPDATE connections SET status = 'needs_reauth', reason = $3, since = $4, updated_at = $4, \
     due_at = NULL WHERE organization = $1 AND parent = $2 \
     AND status IN ('active', 'expired', 'error')",
);

static TAKE_FAREWELLS: Statement = Statement::new(
    "connections.take_farewells",
    "UPDATE farewells SET due_at = $2, attempts = attempts + 1 WHERE due_at <= $1 AND id IN \
     (SELECT id FROM farewells WHERE due_at <= $1 ORDER BY due_at LIMIT $3) \
     RETURNING id, organization, connector, data_key, refresh, access, attempts",
);

static FORGET_FAREWELL: Statement =
    Statement::new("connections.forget_farewell", "DELETE FROM farewells WHERE id = $1");

static OF_ENDED_GRANTS: Statement = Statement::new(
    "connections.of_ended_grants",
    "SELECT c.id FROM grants g JOIN connections c ON c.id = g.id \
     WHERE g.revoked_at >= $1 AND g.kind = 'connection' AND c.status <> 'revoked' LIMIT $2",
);

static LIVING: Statement = Statement::new(
    "connections.living",
    "SELECT id FROM connections WHERE organization = $1 AND connector = $2 AND status <> 'revoked' \
     AND parent IS NULL ORDER BY id LIMIT $3",
);

pub(super) const STATEMENTS: &[&Statement] = &[
    &KEEP_FOR_FAREWELL,
    &ERASE,
    &ERASE_SLOTS,
    &END_GRANT,
    &MOVE,
    &ASK_FOR_SLOTS,
    &TAKE_FAREWELLS,
    &FORGET_FAREWELL,
    &OF_ENDED_GRANTS,
    &LIVING,
];
