//! Webhooks: endpoints of an organization, and the outbox. A message is written in the transaction
//! of the change it tells of, once per endpoint that asks for it; delivered at least once, in the
//! order of its subject, and gone when delivered.

use keyhaven_protocol::connection::state::Announcement;
use keyhaven_protocol::id::{ConnectionId, ConnectorId, Id, OrganizationId};
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::Timestamp;

use crate::act::Plan;
use crate::engine::{Commit, Row, Statement, Step};
use crate::seal::Place;
use crate::{Act, Error, Outcome, Store, organizations, values};

const SECRET: &str = "webhook_endpoints.secret";

/// Endpoints an organization may have.
pub const MOST_ENDPOINTS: i64 = 20;

/// Where an organization wants to be told.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its id.
    pub id: Id,
    /// The tenant.
    pub organization: OrganizationId,
    /// Its URL.
    pub url: String,
    /// The events it asks for, space-separated; empty for all but `connection.refreshed`.
    pub events: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A message on its way.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The message's id, the same at every endpoint.
    pub message: Id,
    /// Where to.
    pub endpoint: Id,
    /// Its place in the order of its subject.
    pub sequence: i64,
    /// What it tells.
    pub event: String,
    /// The JSON of its data.
    pub body: String,
    /// When it happened.
    pub created_at: Timestamp,
    /// How often it was tried, this time included.
    pub attempts: i64,
}

impl Store {
    /// Adds an endpoint; `Full("endpoints")` when there are as many as there may be.
    pub async fn add_webhook_endpoint(
        &self,
        new: &Endpoint,
        secret: &Secret,
        nonce: [u8; 12],
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let place = Place { column: SECRET, row: &new.id.0 };
        let sealed = self.sealer.seal(place, secret.reveal().as_bytes(), nonce)?;
        let values = values![
            new.id,
            new.organization.0,
            new.url.as_str(),
            new.events.as_str(),
            sealed,
            new.created_at,
            MOST_ENDPOINTS,
        ];
        let target = format!("webhook_endpoint:{}", new.id);
        let plan = Plan::default()
            .must(organizations::hold(new.organization), Outcome::Absent)
            .must(Step::one(&ADD, values), Outcome::Full("endpoints"))
            .also(act.audit(Some(new.organization), "webhook_endpoint.added", target, "{}"));
        self.carry_out(plan, act).await
    }

    /// The tenant's endpoints, oldest first.
    pub async fn list_webhook_endpoints(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<Endpoint>, Error> {
        let rows = self.engine.read(&LIST, values![organization.0]).await?;
        rows.into_iter().map(endpoint).collect()
    }

    /// Removes an endpoint and what waits for it.
    pub async fn remove_webhook_endpoint(
        &self,
        organization: OrganizationId,
        id: Id,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let target = format!("webhook_endpoint:{id}");
        let plan = Plan::default()
            .must(Step::one(&REMOVE, values![organization.0, id]), Outcome::Absent)
            .also(Step::any(&FORGET_ALL, values![organization.0, id]))
            .also(act.audit(Some(organization), "webhook_endpoint.removed", target, "{}"));
        self.carry_out(plan, act).await
    }

    /// Takes up to `most` messages that are due, each the first one waiting of its subject. Each
    /// comes back at `again_at` unless it is forgotten by then.
    pub async fn take_deliveries(
        &self,
        now: Timestamp,
        again_at: Timestamp,
        most: i64,
    ) -> Result<Vec<Delivery>, Error> {
        let step = Step::any(&TAKE, values![now, again_at, most]);
        let Commit::Done(mut done) = self.engine.commit(vec![step]).await? else {
            return Ok(Vec::new());
        };
        let rows = done.pop().map(|step| step.returned).unwrap_or_default();
        rows.into_iter().map(delivery).collect()
    }

    /// Where a message goes and what signs it. `None` when the endpoint is gone.
    pub async fn find_webhook_target(&self, id: Id) -> Result<Option<(Endpoint, Secret)>, Error> {
        let rows = self.engine.read(&TARGET, values![id]).await?;
        let Some(mut row) = rows.into_iter().next() else { return Ok(None) };
        let sealed = row.bytes(5)?;
        let plain = self.sealer.open(Place { column: SECRET, row: &id.0 }, &sealed)?;
        let secret = Secret::from(std::str::from_utf8(&plain).map_err(Error::broken)?);
        Ok(Some((endpoint(row)?, secret)))
    }

    /// The message arrived, or will never.
    pub async fn forget_delivery(&self, delivery: &Delivery) -> Result<(), Error> {
        let values = values![delivery.message, delivery.endpoint];
        self.engine.commit(vec![Step::any(&FORGET, values)]).await?;
        Ok(())
    }

    /// Drops at most `most` of the messages written before `before`, whether or not they had their
    /// turn; how many it was.
    pub async fn forget_aged_deliveries(&self, before: Timestamp, most: i64) -> Result<u64, Error> {
        let step = Step::any(&FORGET_AGED, values![before, most]);
        let Commit::Done(done) = self.engine.commit(vec![step]).await? else { return Ok(0) };
        Ok(done.first().map_or(0, |stepped| stepped.changed))
    }

    /// The message did not arrive; again at `at`.
    pub async fn postpone_delivery(&self, delivery: &Delivery, at: Timestamp) -> Result<(), Error> {
        let values = values![delivery.message, delivery.endpoint, at];
        self.engine.commit(vec![Step::any(&POSTPONE, values)]).await?;
        Ok(())
    }
}

/// The step that tells of a connection. It follows the one that raised the row's sequence.
pub(crate) fn tell_of_connection(
    message: Id,
    connection: ConnectionId,
    announcement: Announcement,
    body: String,
    now: Timestamp,
) -> Step {
    let values = values![message, connection.0, announcement.as_str(), body, now];
    Step::any(&TELL_OF_CONNECTION, values)
}

/// The step that tells of a connector.
pub(crate) fn tell_of_connector(
    message: Id,
    connector: ConnectorId,
    event: &'static str,
    body: String,
    now: Timestamp,
) -> Step {
    Step::any(&TELL_OF_CONNECTOR, values![message, connector.0, event, body, now])
}

fn endpoint(mut row: Row) -> Result<Endpoint, Error> {
    Ok(Endpoint {
        id: row.id(0)?,
        organization: OrganizationId(row.id(1)?),
        url: row.text(2)?,
        events: row.text(3)?,
        created_at: row.time(4)?,
    })
}

fn delivery(mut row: Row) -> Result<Delivery, Error> {
    Ok(Delivery {
        message: row.id(0)?,
        endpoint: row.id(1)?,
        sequence: row.int(2)?,
        event: row.text(3)?,
        body: row.text(4)?,
        created_at: row.time(5)?,
        attempts: row.int(6)?,
    })
}

macro_rules! tell {
    ($table:literal) => {
        concat!(
            "INSERT INTO webhook_deliveries (message, endpoint, organization, subject, sequence, \
             event, body, created_at, due_at, attempts) \
             SELECT $1, w.id, w.organization, s.id, s.sequence, $3, $4, $5, $5, 0 \
             FROM webhook_endpoints w JOIN ",
            $table,
            " s ON s.organization = w.organization WHERE s.id = $2 AND \
             (w.events = '' AND $3 <> 'connection.refreshed' \
              OR ' ' || w.events || ' ' LIKE '% ' || $3 || ' %')"
        )
    };
}

static TELL_OF_CONNECTION: Statement =
    Statement::new("webhooks.tell_of_connection", tell!("connections"));

static TELL_OF_CONNECTOR: Statement =
    Statement::new("webhooks.tell_of_connector", tell!("connectors"));

static ADD: Statement = Statement::new(
    "webhooks.add",
    "INSERT INTO webhook_endpoints (id, organization, url, events, secret, created_at) \
     SELECT $1, $2, $3, $4, $5, $6 FROM organizations WHERE id = $2 AND \
     (SELECT COUNT(*) FROM webhook_endpoints WHERE organization = $2) < $7",
);

static LIST: Statement = Statement::new(
    "webhooks.list",
    "SELECT id, organization, url, events, created_at FROM webhook_endpoints \
     WHERE organization = $1 ORDER BY id",
);

static REMOVE: Statement = Statement::new(
    "webhooks.remove",
    "DELETE FROM webhook_endpoints WHERE organization = $1 AND id = $2",
);

static FORGET_ALL: Statement = Statement::new(
    "webhooks.forget_all",
    "DELETE FROM webhook_deliveries WHERE organization = $1 AND endpoint = $2",
);

static TAKE: Statement = Statement::new(
    "webhooks.take",
    "UPDATE webhook_deliveries SET due_at = $2, attempts = attempts + 1 \
     WHERE due_at <= $1 AND (message, endpoint) IN \
     (SELECT d.message, d.endpoint FROM webhook_deliveries d WHERE d.due_at <= $1 AND NOT EXISTS \
      (SELECT 1 FROM webhook_deliveries e WHERE e.endpoint = d.endpoint AND e.subject = d.subject \
       AND e.sequence < d.sequence) ORDER BY d.due_at LIMIT $3) \
     RETURNING message, endpoint, sequence, event, body, created_at, attempts",
);

static TARGET: Statement = Statement::new(
    "webhooks.target",
    "SELECT id, organization, url, events, created_at, secret FROM webhook_endpoints WHERE id = $1",
);

static FORGET: Statement = Statement::new(
    "webhooks.forget",
    "DELETE FROM webhook_deliveries WHERE message = $1 AND endpoint = $2",
);

static FORGET_AGED: Statement = Statement::new(
    "webhooks.forget_aged",
    "DELETE FROM webhook_deliveries WHERE (message, endpoint) IN \
     (SELECT message, endpoint FROM webhook_deliveries WHERE created_at < $1 \
      ORDER BY created_at LIMIT $2)",
);

static POSTPONE: Statement = Statement::new(
    "webhooks.postpone",
    "UPDATE webhook_deliveries SET due_at = $3 WHERE message = $1 AND endpoint = $2",
);

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[
    &TELL_OF_CONNECTION,
    &TELL_OF_CONNECTOR,
    &ADD,
    &LIST,
    &REMOVE,
    &FORGET_ALL,
    &TAKE,
    &TARGET,
    &FORGET,
    &FORGET_AGED,
    &POSTPONE,
];
