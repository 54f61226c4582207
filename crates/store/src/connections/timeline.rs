//! What happened to a connection, appended in the same commit: for its timeline, and for webhooks.

use std::collections::BTreeSet;

use keyhaven_protocol::connection::failure::Class;
use keyhaven_protocol::connection::state::{Announcement, Reason, Standing, Status};
use keyhaven_protocol::id::{ConnectionId, ConnectorId, Id, OrganizationId};
use keyhaven_protocol::time::Timestamp;

use super::{Connection, key, told, told_of};
use crate::act::Plan;
use crate::changes::{Change, Kind};
use crate::engine::{Row, Statement, Step};
use crate::{Act, Error, Listed, Page, Store, values, webhooks};

/// What the provider's answer said about itself.
#[derive(Clone, Debug, Default)]
pub struct Upstream {
    /// Its status.
    pub status: Option<u16>,
    /// Its own id of the request.
    pub request: Option<String>,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Happened<'a> {
    /// The word: `connected`, `refreshed`, `failed` …
    pub what: &'static str,
    /// The reason of the state it led to.
    pub reason: Option<Reason>,
    /// What a failure meant.
    pub class: Option<Class>,
    /// What the provider said.
    pub upstream: Upstream,
    /// The node that did it.
    pub node: &'a str,
}

impl<'a> Happened<'a> {
    /// `what`, on `node`, with nothing else to say.
    #[must_use]
    pub fn plain(what: &'static str, node: &'a str) -> Self {
        Self { what, reason: None, class: None, upstream: Upstream::default(), node }
    }
}

/// One line of a timeline.
#[derive(Clone, Debug)]
pub struct TokenEvent {
    /// Its id, growing with time.
    pub id: Id,
    /// When it happened.
    pub at: Timestamp,
    /// The word.
    pub what: String,
    /// The reason of the state it led to.
    pub reason: Option<String>,
    /// What a failure meant.
    pub class: Option<String>,
    /// The provider's status.
    pub upstream_status: Option<i64>,
    /// The provider's own id of the request.
    pub upstream_request: Option<String>,
    /// The node that did it.
    pub node: String,
    /// Who asked for it.
    pub actor: String,
    /// Of which further token, where it is not the connection's first.
    pub slot: Option<String>,
}

impl Store {
    /// What happened to a connection of the tenant, newest first.
    pub async fn list_token_events(
        &self,
        organization: OrganizationId,
        connection: ConnectionId,
        page: Page,
    ) -> Result<Listed<TokenEvent>, Error> {
        let values = values![organization.0, connection.0, page.below(), page.fetch()];
        let rows = self.engine.read(&LIST, values).await?;
        page.of(rows, token_event, |event| event.id)
    }
}

impl Plan {
    /// Adds the line of the timeline, and tells every node that remembers the connection.
    pub(super) fn happened(
        self,
        organization: OrganizationId,
        connection: ConnectionId,
        what: &Happened<'_>,
        act: &mut Act,
    ) -> Self {
        let values = values![
            act.id(),
            organization.0,
            key(connection),
            act.now,
            what.what,
            what.reason.map(Reason::as_str),
            what.class.map(Class::as_str),
            what.upstream.status.map(i64::from),
            what.upstream.request.as_deref(),
            what.node,
            act.actor(),
        ];
        let tell = act.publish(Change::of(Kind::Connection, key(connection)));
        self.also(Step::one(&APPEND, values)).also(tell)
    }

    /// Puts the announcement into the outbox of every endpoint that asks for it.
    pub(super) fn announce(
        self,
        announcement: Option<Announcement>,
        connection: ConnectionId,
        body: String,
        act: &mut Act,
    ) -> Self {
        let Some(announcement) = announcement else { return self };
        let step = webhooks::tell_of_connection(act.id(), connection, announcement, body, act.now);
        self.also(step)
    }

    /// Announces that a connection needs its user from its first moment on, as a message of its own
    /// behind the one that tells of the connection.
    pub(super) fn announce_need(
        self,
        id: ConnectionId,
        connector: ConnectorId,
        standing: &Standing,
        act: &mut Act,
    ) -> Self {
        if standing.status != Status::NeedsReauth {
            return self;
        }
        let next = Step::any(&NEXT_MESSAGE, values![id.0]);
        let body = told(id, connector, standing);
        self.also(next).announce(Some(Announcement::NeedsReauth), id, body, act)
    }

    /// Announces that what was granted is not what was granted before, as a message of its own behind
    /// the one that tells of the token.
    pub(super) fn announce_scopes(
        self,
        of: &Connection,
        granted: Option<&str>,
        after: &Standing,
        act: &mut Act,
    ) -> Self {
        let Some(granted) = granted.filter(|granted| words(granted) != words(&of.scopes)) else {
            return self;
        };
        let mut body: serde_json::Value =
            serde_json::from_str(&told_of(of, after)).unwrap_or_default();
        body["scopes"] = granted.split_whitespace().collect();
        let next = Step::any(&NEXT_MESSAGE, values![of.id.0]);
        self.also(next).announce(Some(Announcement::ScopesChanged), of.id, body.to_string(), act)
    }
}

fn words(scopes: &str) -> BTreeSet<&str> {
    scopes.split_whitespace().collect()
}

fn token_event(mut row: Row) -> Result<TokenEvent, Error> {
    Ok(TokenEvent {
        id: row.id(0)?,
        at: row.time(1)?,
        what: row.text(2)?,
        reason: row.maybe_text(3)?,
        class: row.maybe_text(4)?,
        upstream_status: row.maybe_int(5)?,
        upstream_request: row.maybe_text(6)?,
        node: row.text(7)?,
        actor: row.text(8)?,
        slot: row.maybe_text(9)?,
    })
}

static APPEND: Statement = Statement::append(
    "connections.append_event",
    "INSERT INTO token_events (id, organization, connection, at, what, reason, class, \
     upstream_status, upstream_request, node, actor) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
);

static NEXT_MESSAGE: Statement = Statement::new(
    "connections.next_message",
    "UPDATE connections SET sequence = sequence + 1 WHERE id = $1",
);

static LIST: Statement = Statement::new(
    "connections.list_events",
    "SELECT e.id, e.at, e.what, e.reason, e.class, e.upstream_status, e.upstream_request, e.node, \
     e.actor, c.slot FROM token_events e LEFT JOIN connections c ON c.id = e.connection \
     WHERE e.organization = $1 AND (e.connection = $2 \
     OR e.connection IN (SELECT s.id FROM connections s WHERE s.parent = $2)) AND e.id < $3 \
     ORDER BY e.id DESC LIMIT $4",
);

pub(super) const STATEMENTS: &[&Statement] = &[&APPEND, &NEXT_MESSAGE, &LIST];
