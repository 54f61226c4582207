//! Flows: one attempt each to make or renew a connection. Consumed by the statement that finds it,
//! before the exchange, so of two arrivals one exchanges and the other gets its stored outcome.

use keyhaven_protocol::connection::callback::Word;
use keyhaven_protocol::id::{ConnectionId, ConnectorId, OrganizationId, UserId};
use keyhaven_protocol::secret::{Digest, Secret};
use keyhaven_protocol::time::{Seconds, Timestamp};

use crate::act::Plan;
use crate::engine::{Commit, Row, Statement, Step};
use crate::seal::Place;
use crate::{Error, Outcome, Store, connect_sessions, values};

/// How long a user may take at the provider.
pub const LIFE: Seconds = Seconds(600);

/// How long the end of a flow is remembered, for late and second arrivals.
const REMEMBERED: Seconds = Seconds(3_600);

const SUCCESS: &str = "success";
const SEALED: &str = "flows.sealed";

/// A flow about to begin.
pub struct NewFlow<'a> {
    /// The digest of its state.
    pub hash: Digest,
    /// The tenant.
    pub organization: OrganizationId,
    /// For which connector.
    pub connector: ConnectorId,
    /// The connection it renews.
    pub connection: Option<ConnectionId>,
    /// The user it is for; `None` for a team or a program.
    pub owner: Option<UserId>,
    /// Who started it, as the audit names it.
    pub starter: &'a str,
    /// The digest of the cookie of the browser that started it.
    pub browser: Option<Digest>,
    /// The PKCE verifier.
    pub verifier: &'a Secret,
    /// The redirect URI as it was sent.
    pub redirect_uri: &'a str,
    /// Where the user goes in the end: a base URL that was allowed.
    pub base: &'a str,
    /// What was asked for.
    pub scopes: &'a str,
    /// The invitation it follows.
    pub session: Option<Digest>,
}

/// A flow that has begun.
#[derive(Clone, Debug)]
pub struct Flow {
    /// The digest of its state.
    pub hash: Digest,
    /// The tenant.
    pub organization: OrganizationId,
    /// For which connector.
    pub connector: ConnectorId,
    /// The connection it renews.
    pub connection: Option<ConnectionId>,
    /// The user it is for.
    pub owner: Option<UserId>,
    /// Who started it.
    pub starter: String,
    /// The digest of the cookie of the browser that started it.
    pub browser: Option<Digest>,
    /// The redirect URI as it was sent.
    pub redirect_uri: String,
    /// Where the user goes in the end.
    pub base: String,
    /// What was asked for.
    pub scopes: String,
    /// The invitation it follows.
    pub session: Option<Digest>,
    /// When it is over.
    pub expires_at: Timestamp,
    /// How it ended, once it has.
    pub outcome: Option<Finished>,
    /// Whether its callback has arrived.
    pub is_consumed: bool,
    /// Whether it was noted that nobody came back in time.
    pub is_abandoned: bool,
    sealed: Vec<u8>,
}

/// The flow that brought a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByFlow {
    /// The digest of its state.
    pub hash: Digest,
    /// The invitation it follows.
    pub session: Option<Digest>,
}

/// How a flow ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// This connection was made or renewed.
    Connected(ConnectionId),
    /// It was not.
    Refused(Word),
}

impl Store {
    /// Begins a flow.
    pub async fn begin_flow(
        &self,
        new: &NewFlow<'_>,
        nonce: [u8; 12],
        now: Timestamp,
    ) -> Result<(), Error> {
        let place = Place { column: SEALED, row: &new.hash.0 };
        let sealed = self.sealer.seal(place, new.verifier.reveal().as_bytes(), nonce)?;
        let values = values![
            new.hash,
            new.organization.0,
            new.connector.0,
            new.connection.map(|connection| connection.0),
            new.owner.map(|owner| owner.0),
            new.starter,
            new.browser,
            sealed,
            new.redirect_uri,
            new.base,
            new.scopes,
            now,
            now.plus(LIFE),
            new.session,
        ];
        match self.engine.commit(vec![Step::one(&BEGIN, values)]).await? {
            Commit::Done(_) => Ok(()),
            Commit::Lost(_) => Err(Error::broken("a state was drawn twice")),
        }
    }

    /// The flow of a state, however it stands.
    pub async fn find_flow(&self, hash: Digest) -> Result<Option<Flow>, Error> {
        let rows = self.engine.read(&FIND, values![hash]).await?;
        rows.into_iter().next().map(flow).transpose()
    }

    /// Takes the flow for its one exchange. `None` when it was taken before or is over.
    pub async fn consume_flow(&self, hash: Digest, now: Timestamp) -> Result<bool, Error> {
        let step = Step::one(&CONSUME, values![hash, now]);
        Ok(matches!(self.engine.commit(vec![step]).await?, Commit::Done(_)))
    }

    /// Keeps how a flow ended without a connection.
    pub async fn refuse_flow(&self, hash: Digest, word: Word) -> Result<(), Error> {
        let values = values![hash, word.as_str(), None::<keyhaven_protocol::id::Id>];
        self.engine.commit(vec![Step::any(&FINISH, values)]).await?;
        Ok(())
    }

    /// The PKCE verifier, for the exchange.
    pub fn open_verifier(&self, flow: &Flow) -> Result<Secret, Error> {
        let place = Place { column: SEALED, row: &flow.hash.0 };
        let plain = self.sealer.open(place, &flow.sealed)?;
        let text = std::str::from_utf8(&plain).map_err(Error::broken)?;
        Ok(Secret::from(text))
    }

    /// Notes flows whose time is over and whose user never came back, a few at a time and each once:
    /// under which connectors.
    pub async fn note_abandoned_flows(
        &self,
        now: Timestamp,
        most: i64,
    ) -> Result<Vec<ConnectorId>, Error> {
        let step = Step::any(&ABANDON, values![now, most]);
        let Commit::Done(mut done) = self.engine.commit(vec![step]).await? else {
            return Ok(Vec::new());
        };
        let rows = done.pop().map(|step| step.returned).unwrap_or_default();
        rows.into_iter().map(|row| row.id(0).map(ConnectorId)).collect()
    }

    /// Forgets flows that are long over, a few at a time.
    pub async fn forget_flows(&self, now: Timestamp, most: i64) -> Result<(), Error> {
        let step = Step::any(&FORGET, values![now.minus(REMEMBERED), most]);
        self.engine.commit(vec![step]).await?;
        Ok(())
    }
}

/// The steps that keep a flow's success, for the commit of its connection. Of the flows of one
/// invitation the first succeeds; for another the commit ends with `Taken("invitation")`.
pub(crate) fn succeeded(by: ByFlow, connection: ConnectionId) -> Plan {
    let mut plan = Plan::default();
    if let Some(session) = by.session {
        let led_to = connect_sessions::led_to(session, connection);
        plan = plan.must(led_to, Outcome::Taken("invitation"));
    }
    plan.also(Step::any(&FINISH, values![by.hash, SUCCESS, Some(connection.0)]))
}

fn flow(mut row: Row) -> Result<Flow, Error> {
    let outcome = match (row.maybe_text(12)?.as_deref(), row.maybe_id(13)?) {
        (None, _) => None,
        (Some(SUCCESS), Some(made)) => Some(Finished::Connected(ConnectionId(made))),
        (Some(word), _) => Some(Finished::Refused(Word::parse(word).unwrap_or(Word::ServerError))),
    };
    Ok(Flow {
        hash: row.digest(0)?,
        organization: OrganizationId(row.id(1)?),
        connector: ConnectorId(row.id(2)?),
        connection: row.maybe_id(3)?.map(ConnectionId),
        owner: row.maybe_id(4)?.map(UserId),
        starter: row.text(5)?,
        browser: row.maybe_digest(6)?,
        sealed: row.bytes(7)?,
        redirect_uri: row.text(8)?,
        base: row.text(9)?,
        scopes: row.text(10)?,
        expires_at: row.time(11)?,
        is_consumed: row.maybe_time(14)?.is_some(),
        session: row.maybe_digest(15)?,
        is_abandoned: row.maybe_time(16)?.is_some(),
        outcome,
    })
}

static BEGIN: Statement = Statement::new(
    "flows.begin",
    "INSERT INTO flows (hash, organization, connector, connection, owner, starter, browser, sealed, \
     redirect_uri, base, scopes, created_at, expires_at, session) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING",
);

static FIND: Statement = Statement::new(
    "flows.find",
    "SELECT hash, organization, connector, connection, owner, starter, browser, sealed, \
     redirect_uri, base, scopes, expires_at, outcome, made, consumed_at, session, \
     abandoned_at FROM flows WHERE hash = $1",
);

static CONSUME: Statement = Statement::new(
    "flows.consume",
    "UPDATE flows SET consumed_at = $2 WHERE hash = $1 AND consumed_at IS NULL AND expires_at > $2",
);

static FINISH: Statement = Statement::new(
    "flows.finish",
    "UPDATE flows SET outcome = $2, made = $3 WHERE hash = $1 AND outcome IS NULL",
);

static FORGET: Statement = Statement::new(
    "flows.forget",
    "DELETE FROM flows WHERE hash IN \
     (SELECT hash FROM flows WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
);

static ABANDON: Statement = Statement::new(
    "flows.abandon",
    "UPDATE flows SET abandoned_at = $1 WHERE abandoned_at IS NULL AND hash IN \
     (SELECT hash FROM flows WHERE expires_at <= $1 AND consumed_at IS NULL AND outcome IS NULL \
     AND abandoned_at IS NULL ORDER BY expires_at LIMIT $2) RETURNING connector",
);

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[&BEGIN, &FIND, &CONSUME, &FINISH, &FORGET, &ABANDON];
