//! Invitations to connect an account, for a page inside another product: who asks, what for, whose the
//! connection will be. Whoever holds the token may go through with it, for a short time and until one
//! flow has succeeded: that flow's commit writes its connection into a row that has none.

use keyhaven_protocol::id::{ConnectionId, ConnectorId, Id, OrganizationId, UserId};
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::time::Timestamp;

use crate::act::Plan;
use crate::engine::{Row, Statement, Step};
use crate::{Act, Error, Outcome, Reach, Store, values};

/// An invitation.
#[derive(Clone, Debug)]
pub struct ConnectSession {
    /// The digest of its token.
    pub hash: Digest,
    /// Its id.
    pub id: Id,
    /// The tenant that asks.
    pub organization: OrganizationId,
    /// For which connector.
    pub connector: ConnectorId,
    /// The connection it renews.
    pub connection: Option<ConnectionId>,
    /// The user it is for; `None` for a team or a program.
    pub owner: Option<UserId>,
    /// Which outside account is expected, in words.
    pub account_hint: Option<String>,
    /// Who made it, as the audit names it.
    pub starter: String,
    /// What the connection is for, in the asker's words.
    pub purpose: String,
    /// The asker's own name for what is made.
    pub external_id: Option<String>,
    /// The labels of what is made, space-separated.
    pub labels: String,
    /// Scopes beyond the connector's, space-separated.
    pub scopes: String,
    /// Where the user goes in the end; empty for a page of ours.
    pub base: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it is over.
    pub expires_at: Timestamp,
    /// What it has led to, once it has.
    pub made: Option<ConnectionId>,
}

impl Store {
    /// Keeps an invitation. `Absent` when the connector is gone or going.
    pub async fn invite_to_connect(
        &self,
        new: &ConnectSession,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let values = values![
            new.hash,
            new.id,
            new.organization.0,
            new.connector.0,
            new.connection.map(|connection| connection.0),
            new.owner.map(|owner| owner.0),
            new.account_hint.as_deref(),
            new.starter.as_str(),
            new.purpose.as_str(),
            new.external_id.as_deref(),
            new.labels.as_str(),
            new.scopes.as_str(),
            new.base.as_str(),
            new.created_at,
            new.expires_at,
        ];
        let detail = serde_json::json!({ "connector": new.connector.to_string() }).to_string();
        let target = format!("connect_session:{}", new.id);
        let plan = Plan::default()
            .must(Step::one(&INVITE, values), Outcome::Absent)
            .also(act.audit(Some(new.organization), "connect_session.created", target, detail));
        self.carry_out(plan, act).await
    }

    /// The invitation of a token, however it stands.
    pub async fn find_connect_session(
        &self,
        hash: Digest,
    ) -> Result<Option<ConnectSession>, Error> {
        let rows = self.engine.read(&FIND, values![hash]).await?;
        rows.into_iter().next().map(session).transpose()
    }

    /// The invitation within reach, however it stands.
    pub async fn find_connect_session_by_id(
        &self,
        reach: Reach,
        id: Id,
    ) -> Result<Option<ConnectSession>, Error> {
        let rows = self.engine.read(&FIND_BY_ID, values![id, reach]).await?;
        rows.into_iter().next().map(session).transpose()
    }

    /// Takes an invitation back, and with it the flows that wait for their user. `Absent` when there
    /// is none within reach that is open.
    pub async fn withdraw_connect_session(
        &self,
        reach: Reach,
        id: Id,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let target = format!("connect_session:{id}");
        let plan = Plan::default()
            .must(Step::one(&WITHDRAW, values![id, reach, act.now]), Outcome::Absent)
            .also(Step::any(&END_FLOWS, values![id, act.now]))
            .also(act.audit(reach.organization(), "connect_session.withdrawn", target, "{}"));
        self.carry_out(plan, act).await
    }
}

/// The guarded step that keeps what an invitation led to, for the commit of that connection. It misses
/// when another flow of the same link was sooner.
pub(crate) fn led_to(hash: Digest, connection: ConnectionId) -> Step {
    Step::one(&LED_TO, values![hash, connection.0])
}

fn session(mut row: Row) -> Result<ConnectSession, Error> {
    Ok(ConnectSession {
        hash: row.digest(0)?,
        id: row.id(1)?,
        organization: OrganizationId(row.id(2)?),
        connector: ConnectorId(row.id(3)?),
        connection: row.maybe_id(4)?.map(ConnectionId),
        owner: row.maybe_id(5)?.map(UserId),
        account_hint: row.maybe_text(6)?,
        starter: row.text(7)?,
        purpose: row.text(8)?,
        external_id: row.maybe_text(9)?,
        labels: row.text(10)?,
        scopes: row.text(11)?,
        base: row.text(12)?,
        created_at: row.time(13)?,
        expires_at: row.time(14)?,
        made: row.maybe_id(15)?.map(ConnectionId),
    })
}

static INVITE: Statement = Statement::new(
    "connect_sessions.invite",
    "INSERT INTO connect_sessions (hash, id, organization, connector, connection, owner, \
     account_hint, starter, purpose, external_id, labels, scopes, base, created_at, expires_at) \
     SELECT $1, $2, $3, id, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15 FROM connectors \
     WHERE organization = $3 AND id = $4 AND deleting_since IS NULL",
);

macro_rules! found {
    ($where:literal) => {
        concat!(
            "SELECT s.hash, s.id, s.organization, s.connector, s.connection, s.owner, \
             s.account_hint, s.starter, s.purpose, s.external_id, s.labels, s.scopes, s.base, \
             s.created_at, s.expires_at, s.made FROM connect_sessions s ",
            $where
        )
    };
}

static FIND: Statement = Statement::new("connect_sessions.find", found!("WHERE s.hash = $1"));

static FIND_BY_ID: Statement = Statement::new(
    "connect_sessions.find_by_id",
    found!("WHERE s.id = $1 AND s.organization = COALESCE($2, s.organization)"),
);

static WITHDRAW: Statement = Statement::new(
    "connect_sessions.withdraw",
    "UPDATE connect_sessions SET expires_at = $3 \
     WHERE id = $1 AND organization = COALESCE($2, organization) AND expires_at > $3 AND made IS NULL",
);

static END_FLOWS: Statement = Statement::new(
    "connect_sessions.end_flows",
    "UPDATE flows SET expires_at = $2 WHERE session = \
     (SELECT hash FROM connect_sessions WHERE id = $1) AND consumed_at IS NULL AND expires_at > $2",
);

static LED_TO: Statement = Statement::new(
    "connect_sessions.led_to",
    "UPDATE connect_sessions SET made = $2 WHERE hash = $1 AND made IS NULL",
);

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] =
    &[&INVITE, &FIND, &FIND_BY_ID, &WITHDRAW, &END_FLOWS, &LED_TO];
