//! A grant arrives: a new connection, or an old one authorized again. Grant, first line of the
//! timeline, announcement and the outcome of the flow are one commit.

mod statements;

use keyhaven_protocol::connection::Method;
use keyhaven_protocol::connection::state::{
    Announcement, Coverage, Event, Reason, Standing, Status, announcement,
};
use keyhaven_protocol::id::{ConnectionId, ConnectorId, OrganizationId, UserId};
use keyhaven_protocol::time::{Seconds, Timestamp};

use super::{ACCESS, DATA_KEY, Happened, Held, REFRESH, Tokens, address, target, told};
use crate::act::Plan;
use crate::engine::{Step, Value};
use crate::envelope::{DataKey, Nonces};
use crate::flows::ByFlow;
use crate::{Act, Error, Outcome, Store, flows, organizations, values};
use statements::{
    CONFIRM, CONFIRM_SLOTS, CONNECT, DROP_SLOT, FILL_SLOT, GRANT, HOLD_CONNECTOR, RECONNECT,
};

pub(super) use statements::STATEMENTS;

/// A connection about to exist.
#[derive(Clone, Debug)]
pub struct NewConnection<'a> {
    /// Its id.
    pub id: ConnectionId,
    /// The tenant.
    pub organization: OrganizationId,
    /// Under which connector.
    pub connector: ConnectorId,
    /// Whose it is; `None` when a team shares it.
    pub owner: Option<UserId>,
    /// What it holds.
    pub method: Method,
    /// The outside account.
    pub account: Option<&'a str>,
    /// What people call that account.
    pub account_label: Option<&'a str>,
    /// The caller's own name for it.
    pub external_id: Option<&'a str>,
    /// Words its callers find it by.
    pub labels: &'a str,
    /// What else its callers keep with it: a JSON object.
    pub metadata: &'a str,
    /// Further tokens that came with the first.
    pub slots: &'a [NewSlot],
    /// `active`, or `pending` until its user confirms.
    pub standing: Standing,
    /// The client id the grant was issued to.
    pub issued_to: Option<&'a str>,
    /// The flow that made it.
    pub flow: Option<ByFlow>,
    /// The node at work.
    pub node: &'a str,
}

/// A further token of a connection about to exist.
#[derive(Clone, Debug)]
pub struct NewSlot {
    /// The id of its row.
    pub id: ConnectionId,
    /// What it is called.
    pub name: String,
    /// The token.
    pub tokens: Tokens,
}

/// An authorization that renews a connection.
#[derive(Clone, Debug)]
pub struct Connected<'a> {
    /// Further tokens that came with the first; each takes the place of one of its name.
    pub slots: &'a [NewSlot],
    /// The account that was authorized.
    pub account: Option<&'a str>,
    /// What people call it.
    pub account_label: Option<&'a str>,
    /// The client id the grant was issued to.
    pub issued_to: Option<&'a str>,
    /// The flow that made it.
    pub flow: Option<ByFlow>,
    /// The node at work.
    pub node: &'a str,
}

impl Store {
    /// Keeps a new connection. `Taken("account")` when the account, or the caller's own name for it,
    /// has one under the connector, `Taken("invitation")` when the flow's invitation has led elsewhere,
    /// `Absent` when the connector is gone or going.
    pub async fn connect_account(
        &self,
        new: &NewConnection<'_>,
        tokens: &Tokens,
        nonces: [u8; 32],
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let mut nonces = Nonces::new(nonces);
        let place = address(new.id, new.organization, new.connector);
        let (key, wrapped) = DataKey::make(&self.sealer, DATA_KEY, place, &mut nonces)?;
        let insert = insert(new, tokens, &Sealed::of(&key, tokens, &mut nonces)?, wrapped, act.now);
        let below = self.slots(new, &mut nonces, act.now)?;
        let owner = new.owner.map(|owner| owner.0);
        let scopes = tokens.scopes.as_deref().unwrap_or_default();
        let grant = values![new.id.0, new.organization.0, owner, scopes, act.now];
        let created = (new.standing.status != Status::Pending).then_some(Announcement::Created);
        let hold = Step::one(&HOLD_CONNECTOR, values![new.organization.0, new.connector.0]);
        let mut plan = Plan::default()
            .must(organizations::hold(new.organization), Outcome::Absent)
            .must(hold, Outcome::Absent)
            .must(Step::one(&CONNECT, insert), Outcome::Taken("account"))
            .also(Step::one(&GRANT, grant))
            .and(below)
            .announce(created, new.id, told(new.id, new.connector, &new.standing), &mut act)
            .announce_need(new.id, new.connector, &new.standing, &mut act);
        if let Some(flow) = new.flow {
            plan = plan.and(flows::succeeded(flow, new.id));
        }
        let what = led_to("connected", new.node, &new.standing);
        let detail = format!(r#"{{"connector":"{}"}}"#, new.connector);
        let plan = plan.happened(new.organization, new.id, &what, &mut act).also(act.audit(
            Some(new.organization),
            "connection.created",
            target(new.id),
            detail,
        ));
        self.carry_out(plan, act).await
    }

    /// Renews a connection by a new authorization of the same account: its id stays, its generation
    /// moves, all counters start again. `Moved` when it changed since it was read,
    /// `Taken("invitation")` when the flow's invitation has led elsewhere.
    pub async fn reconnect_account(
        &self,
        held: &Held,
        new: &Connected<'_>,
        tokens: &Tokens,
        nonces: [u8; 32],
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let connection = &held.connection;
        let (before, now) = (connection.standing, act.now);
        let after = before.granted(Event::Connected, tokens.coverage, now);
        let changed = (after != before).then(|| announcement(before.status, after.status));
        let announced = changed.flatten();
        let mut nonces = Nonces::new(nonces);
        let sealed = Sealed::of(&held.data_key(&self.sealer)?, tokens, &mut nonces)?;
        let below = self.slots(&again(held, new, after), &mut nonces, now)?;
        let mut values = values![
            connection.organization.0,
            connection.id.0,
            held.generation,
            before.status.as_str(),
            new.account,
            new.account_label,
            new.issued_to,
            after.status.as_str(),
            after.since,
            now,
            i64::from(announced.is_some()),
        ];
        values.extend(tokens.values(sealed, after));
        values.extend(values![after.reason.map(Reason::as_str)]);
        let body = told(connection.id, connection.connector, &after);
        let mut plan = Plan::default()
            .must(Step::one(&RECONNECT, values), Outcome::Moved)
            .and(below)
            .announce(announced, connection.id, body, &mut act)
            .announce_scopes(connection, tokens.scopes.as_deref(), &after, &mut act);
        if let Some(flow) = new.flow {
            plan = plan.and(flows::succeeded(flow, connection.id));
        }
        let what = led_to("reconnected", new.node, &after);
        let plan =
            plan.happened(connection.organization, connection.id, &what, &mut act).also(act.audit(
                Some(connection.organization),
                "connection.reconnected",
                target(connection.id),
                "{}",
            ));
        self.carry_out(plan, act).await
    }

    /// Its user confirmed it: it can be used, if what was granted covers what is required.
    pub async fn confirm_connection(
        &self,
        held: &Held,
        coverage: Coverage,
        node: &str,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let connection = &held.connection;
        let before = connection.standing;
        let after = before.granted(Event::Confirmed, coverage, act.now);
        if after == before {
            return Ok(Outcome::Moved);
        }
        let values = values![connection.organization.0, connection.id.0, act.now];
        let due_at = (after.status == Status::Active).then_some(act.now);
        let mut own = values.clone();
        own.extend(values![after.status.as_str(), after.reason.map(Reason::as_str), due_at]);
        let what = led_to("confirmed", node, &after);
        let body = told(connection.id, connection.connector, &after);
        let plan = Plan::default()
            .must(Step::one(&CONFIRM, own), Outcome::Moved)
            .also(Step::any(&CONFIRM_SLOTS, values))
            .announce(Some(Announcement::Created), connection.id, body, &mut act)
            .announce_need(connection.id, connection.connector, &after, &mut act)
            .happened(connection.organization, connection.id, &what, &mut act)
            .also(act.audit(
                Some(connection.organization),
                "connection.confirmed",
                target(connection.id),
                "{}",
            ));
        self.carry_out(plan, act).await
    }
}

impl Store {
    /// The steps that put the further tokens of `of` below it, in place of those of the same names.
    fn slots(
        &self,
        of: &NewConnection<'_>,
        nonces: &mut Nonces,
        now: Timestamp,
    ) -> Result<Plan, Error> {
        let mut plan = Plan::default();
        for slot in of.slots {
            let row = NewConnection {
                id: slot.id,
                account: None,
                account_label: None,
                external_id: None,
                labels: "",
                metadata: "{}",
                slots: &[],
                flow: None,
                standing: of_slots(of.standing, now),
                ..*of
            };
            let place = address(row.id, row.organization, row.connector);
            let (key, wrapped) = DataKey::make(&self.sealer, DATA_KEY, place, nonces)?;
            let sealed = Sealed::of(&key, &slot.tokens, nonces)?;
            let mut values = insert(&row, &slot.tokens, &sealed, wrapped, now);
            values.extend(values![of.id.0, slot.name.as_str()]);
            let drop = Step::any(&DROP_SLOT, values![of.id.0, slot.name.as_str()]);
            plan = plan.also(drop).also(Step::one(&FILL_SLOT, values));
        }
        Ok(plan)
    }
}

/// A line of the timeline with the reason of the state it led to.
fn led_to<'a>(what: &'static str, node: &'a str, after: &Standing) -> Happened<'a> {
    let reason = after.reason.filter(|_| after.status == Status::NeedsReauth);
    Happened { reason, ..Happened::plain(what, node) }
}

/// Where the further tokens of a connection begin: what it lacks, it lacks itself.
const fn of_slots(standing: Standing, now: Timestamp) -> Standing {
    match standing.status {
        Status::NeedsReauth => Standing::active(now),
        _ => standing,
    }
}

/// A connection that is authorized again, as its further tokens take after it.
fn again<'a>(held: &'a Held, new: &'a Connected<'_>, standing: Standing) -> NewConnection<'a> {
    let connection = &held.connection;
    NewConnection {
        id: connection.id,
        organization: connection.organization,
        connector: connection.connector,
        owner: connection.owner,
        method: connection.method,
        account: None,
        account_label: None,
        external_id: None,
        labels: "",
        metadata: "{}",
        slots: new.slots,
        standing,
        issued_to: new.issued_to,
        flow: None,
        node: new.node,
    }
}

/// Tokens under a row's data key.
pub(super) struct Sealed {
    access: Option<Vec<u8>>,
    refresh: Option<Vec<u8>>,
    fingerprint: Option<String>,
}

impl Sealed {
    pub(super) fn of(key: &DataKey, tokens: &Tokens, nonces: &mut Nonces) -> Result<Self, Error> {
        let seal = |column, secret: &Option<_>, nonces: &mut Nonces| {
            secret.as_ref().map(|secret| key.seal(column, secret, nonces)).transpose()
        };
        Ok(Self {
            access: seal(ACCESS, &tokens.access, nonces)?,
            refresh: seal(REFRESH, &tokens.refresh, nonces)?,
            fingerprint: tokens.access.as_ref().map(|token| key.fingerprint(token)),
        })
    }
}

impl Tokens {
    /// The twelve values of a row's tokens, in the order of every statement that writes them.
    pub(super) fn values(&self, sealed: Sealed, standing: Standing) -> Vec<Value> {
        values![
            sealed.refresh,
            self.grant_ends_at,
            sealed.access,
            self.access_ends_at,
            self.access_lifetime.map(|Seconds(life)| life),
            sealed.fingerprint,
            self.scheme.as_str(),
            self.scopes.as_deref(),
            self.missing_scopes.as_deref(),
            self.api_base.as_deref(),
            self.extra.as_deref(),
            self.due(standing),
        ]
    }
}

fn insert(
    new: &NewConnection<'_>,
    tokens: &Tokens,
    sealed: &Sealed,
    wrapped: Vec<u8>,
    now: Timestamp,
) -> Vec<Value> {
    values![
        new.id.0,
        new.organization.0,
        new.connector.0,
        new.owner.map(|owner| owner.0),
        new.method.as_str(),
        new.account,
        new.account_label,
        new.labels,
        new.standing.status.as_str(),
        new.standing.reason.map(Reason::as_str),
        now,
        wrapped,
        new.issued_to,
        sealed.refresh.clone(),
        tokens.grant_ends_at,
        sealed.access.clone(),
        tokens.access_ends_at,
        tokens.access_lifetime.map(|Seconds(life)| life),
        sealed.fingerprint.as_deref(),
        tokens.scheme.as_str(),
        tokens.scopes.as_deref().unwrap_or_default(),
        tokens.missing_scopes.as_deref().unwrap_or_default(),
        tokens.api_base.as_deref(),
        tokens.extra.as_deref().unwrap_or("{}"),
        tokens.due(new.standing),
        new.external_id,
        new.metadata,
    ]
}
