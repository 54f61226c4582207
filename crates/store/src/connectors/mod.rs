//! Connectors: a provider and one app registered there. The app's secret is sealed under the
//! connector's data key; it may have a successor that is tried first and promoted by its first
//! success, so that a secret is changed without a pause.
//!
//! Whether the app's credentials work is a fact of the connector (`health`), never of its users.

mod health;
mod statements;

use keyhaven_protocol::connection::{Method, Sharing};
use keyhaven_protocol::id::{ConnectorId, OrganizationId, ProjectId, UserId};
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::Timestamp;

use crate::act::Plan;
use crate::changes::{Change, Kind};
use crate::engine::{Row, Statement, Step};
use crate::envelope::{Address, DataKey, Nonces};
use crate::{Act, Error, Listed, Outcome, Page, Reach, Store, organizations, values};
use statements::{CREATE, DELETING, FIND, LIST, PROMOTE, REMOVE, REPLACE_SECRET, SET_NEXT, UPDATE};

pub(crate) const DATA_KEY: &str = "connectors.data_key";
const SECRET: &str = "connectors.secret";
const NEXT_SECRET: &str = "connectors.next_secret";

/// What is shown of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretMark {
    /// Its last four characters.
    pub hint: String,
    /// When it was set.
    pub set_at: Timestamp,
}

/// A connector.
#[derive(Clone, Debug)]
pub struct Connector {
    /// Its id.
    pub id: ConnectorId,
    /// The tenant.
    pub organization: OrganizationId,
    /// The project it belongs to.
    pub project: Option<ProjectId>,
    /// The provider's key.
    pub provider: String,
    /// The name people see.
    pub name: String,
    /// What its connections hold.
    pub method: Method,
    /// Whose its connections are.
    pub sharing: Sharing,
    /// The user who made it; `None` for an administrator or a program.
    pub owner: Option<UserId>,
    /// The app's client id.
    pub client_id: Option<String>,
    /// Scopes to ask for, space-separated.
    pub scopes: String,
    /// Those of them without which a grant is of no use, space-separated.
    pub required_scopes: String,
    /// Tenant variables: a JSON object.
    pub vars: String,
    /// More authorization parameters: a JSON object.
    pub params: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
    /// Counts up with every change.
    pub revision: i64,
    /// The app's secret.
    pub secret: Option<SecretMark>,
    /// Its successor.
    pub next_secret: Option<SecretMark>,
    /// Why its credentials are known to be wrong.
    pub fault: Option<String>,
    /// Since when.
    pub fault_since: Option<Timestamp>,
    /// When it may be probed next.
    pub probe_at: Option<Timestamp>,
    /// Probes that failed in a row.
    pub probes: i64,
    /// Since when it is going away.
    pub deleting_since: Option<Timestamp>,
}

/// A connector with its sealed secrets.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The connector.
    pub connector: Connector,
    data_key: Vec<u8>,
    secret: Option<Vec<u8>>,
    next: Option<Vec<u8>>,
}

/// The app's secrets, open.
#[derive(Clone, Debug, Default)]
pub struct AppSecrets {
    /// The one that works.
    pub current: Option<Secret>,
    /// The one to try first.
    pub next: Option<Secret>,
}

/// What changes of a connector; `None` leaves it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConnectorEdit<'a> {
    /// A new name.
    pub name: Option<&'a str>,
    /// Another app.
    pub client_id: Option<&'a str>,
    /// Other scopes.
    pub scopes: Option<&'a str>,
    /// Others that it cannot do without.
    pub required_scopes: Option<&'a str>,
    /// Other variables.
    pub vars: Option<&'a str>,
    /// Other parameters.
    pub params: Option<&'a str>,
    /// A secret: of another app, or the successor of this one's.
    pub secret: Option<NewSecret<'a>>,
}

/// A secret that arrives.
#[derive(Clone, Copy, Debug)]
pub enum NewSecret<'a> {
    /// It replaces what there is.
    Replacing(&'a Secret),
    /// It is tried first, and falls back.
    Next(&'a Secret),
}

impl Kept {
    fn address(&self) -> Address {
        address(self.connector.id, self.connector.organization)
    }
}

impl Store {
    /// Creates a connector.
    pub async fn create_connector(
        &self,
        new: &Connector,
        secret: Option<&Secret>,
        nonces: [u8; 32],
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let mut nonces = Nonces::new(nonces);
        let place = address(new.id, new.organization);
        let (key, wrapped) = DataKey::make(&self.sealer, DATA_KEY, place, &mut nonces)?;
        let sealed = secret.map(|secret| key.seal(SECRET, secret, &mut nonces)).transpose()?;
        let values = values![
            new.id.0,
            new.organization.0,
            new.project.map(|project| project.0),
            new.provider.as_str(),
            new.name.as_str(),
            new.method.as_str(),
            new.sharing.as_str(),
            new.owner.map(|owner| owner.0),
            new.client_id.as_deref(),
            wrapped,
            sealed,
            secret.map(hint),
            secret.map(|_| act.now),
            new.scopes.as_str(),
            new.vars.as_str(),
            new.params.as_str(),
            act.now,
            new.required_scopes.as_str(),
        ];
        let plan = Plan::default()
            .must(organizations::hold(new.organization), Outcome::Absent)
            .must(Step::one(&CREATE, values), Outcome::Unknown("project", 0))
            .also(act.audit(
                Some(new.organization),
                "connector.created",
                target(new.id),
                serde_json::json!({ "provider": &new.provider }).to_string(),
            ));
        self.carry_out(plan, act).await
    }

    /// The connector within reach.
    pub async fn find_connector(
        &self,
        reach: Reach,
        id: ConnectorId,
    ) -> Result<Option<Kept>, Error> {
        let rows = self.engine.read(&FIND, values![id.0, reach]).await?;
        rows.into_iter().next().map(kept).transpose()
    }

    /// A tenant's connectors, oldest first.
    pub async fn list_connectors(
        &self,
        organization: OrganizationId,
        page: Page,
    ) -> Result<Listed<Connector>, Error> {
        let values = values![organization.0, page.above(), page.fetch()];
        let rows = self.engine.read(&LIST, values).await?;
        page.of(rows, |row| kept(row).map(|kept| kept.connector), |connector| connector.id.0)
    }

    /// The app's secrets.
    pub fn open_app_secrets(&self, kept: &Kept) -> Result<AppSecrets, Error> {
        if kept.secret.is_none() && kept.next.is_none() {
            return Ok(AppSecrets::default());
        }
        let key = DataKey::open(&self.sealer, DATA_KEY, kept.address(), &kept.data_key)?;
        let open = |column, sealed: &Option<Vec<u8>>| {
            sealed.as_ref().map(|sealed| key.reveal(column, sealed)).transpose()
        };
        Ok(AppSecrets {
            current: open(SECRET, &kept.secret)?,
            next: open(NEXT_SECRET, &kept.next)?,
        })
    }

    /// Changes a connector. New credentials clear its fault, which is told. `Moved` when somebody else
    /// changed it.
    pub async fn update_connector(
        &self,
        kept: &Kept,
        edit: ConnectorEdit<'_>,
        nonces: [u8; 32],
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let connector = &kept.connector;
        let mends = edit.client_id.is_some() || edit.secret.is_some();
        let values = values![
            connector.organization.0,
            connector.id.0,
            connector.revision,
            edit.name,
            edit.client_id,
            edit.scopes,
            edit.vars,
            edit.params,
            act.now,
            i64::from(mends),
            edit.required_scopes,
        ];
        let mut plan = Plan::default().must(Step::one(&UPDATE, values), Outcome::Moved);
        if let Some(secret) = edit.secret {
            let key = DataKey::open(&self.sealer, DATA_KEY, kept.address(), &kept.data_key)?;
            plan =
                plan.also(set_secret(connector, &key, secret, &mut Nonces::new(nonces), act.now)?);
        }
        if mends && connector.fault.is_some() {
            plan = plan.also(health::tell_recovered(connector.id, &mut act));
        }
        plan = plan.also(act.publish(Change::of(Kind::Connector, connector.id.0)));
        let detail = serde_json::json!({
            "name": edit.name, "client_id": edit.client_id, "scopes": edit.scopes,
            "required_scopes": edit.required_scopes,
            "secret": edit.secret.is_some(),
        });
        let plan = plan.also(act.audit(
            Some(connector.organization),
            "connector.updated",
            target(connector.id),
            detail.to_string(),
        ));
        self.carry_out(plan, act).await
    }

    /// The successor of the app's secret worked: it takes its place. Once is enough.
    pub async fn promote_secret(
        &self,
        kept: &Kept,
        nonces: [u8; 32],
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let connector = &kept.connector;
        let Some(sealed) = &kept.next else { return Ok(Outcome::Absent) };
        let key = DataKey::open(&self.sealer, DATA_KEY, kept.address(), &kept.data_key)?;
        let secret = key.reveal(NEXT_SECRET, sealed)?;
        let again = key.seal(SECRET, &secret, &mut Nonces::new(nonces))?;
        let values = values![connector.organization.0, connector.id.0, sealed.as_slice(), again];
        let plan =
            Plan::default().must(Step::one(&PROMOTE, values), Outcome::Moved).also(act.audit(
                Some(connector.organization),
                "connector.secret_promoted",
                target(connector.id),
                "{}",
            ));
        self.carry_out(plan, act).await
    }

    /// From here on the connector makes no connection, and a job ends those it has.
    pub async fn begin_deleting_connector(
        &self,
        organization: OrganizationId,
        id: ConnectorId,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let plan = Plan::default()
            .must(Step::one(&DELETING, values![organization.0, id.0, act.now]), Outcome::Absent)
            .also(act.audit(Some(organization), "connector.deleted", target(id), "{}"));
        self.carry_out(plan, act).await
    }

    /// Removes a connector that is going away once nothing needs it: no connection lives and every
    /// provider has been told. `Moved` while something does.
    pub async fn remove_connector(
        &self,
        organization: OrganizationId,
        id: ConnectorId,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let values = values![organization.0, id.0];
        let plan = Plan::default()
            .must(Step::one(&REMOVE, values.clone()), Outcome::Moved)
            .also(Step::any(&statements::REMOVE_CONNECTIONS, values))
            .also(act.audit(Some(organization), "connector.removed", target(id), "{}"));
        self.carry_out(plan, act).await
    }

    /// Connectors that are going away.
    pub async fn list_deleting_connectors(&self, most: i64) -> Result<Vec<Connector>, Error> {
        let rows = self.engine.read(&statements::LIST_DELETING, values![most]).await?;
        rows.into_iter().map(|row| kept(row).map(|kept| kept.connector)).collect()
    }
}

fn set_secret(
    connector: &Connector,
    key: &DataKey,
    secret: NewSecret<'_>,
    nonces: &mut Nonces,
    now: Timestamp,
) -> Result<Step, Error> {
    let (statement, column, secret) = match secret {
        NewSecret::Replacing(secret) => (&REPLACE_SECRET, SECRET, secret),
        NewSecret::Next(secret) => (&SET_NEXT, NEXT_SECRET, secret),
    };
    let sealed = key.seal(column, secret, nonces)?;
    let values = values![connector.organization.0, connector.id.0, sealed, hint(secret), now];
    Ok(Step::one(statement, values))
}

/// The last four characters, of a secret long enough to keep the rest to itself.
#[must_use]
pub fn hint(secret: &Secret) -> String {
    let count = secret.reveal().chars().count();
    let shown = if count >= 16 { 4 } else { 0 };
    secret.reveal().chars().skip(count - shown).collect()
}

fn address(id: ConnectorId, organization: OrganizationId) -> Address {
    Address { row: id.0, organization, connector: id.0 }
}

pub(crate) fn target(id: ConnectorId) -> String {
    format!("connector:{id}")
}

fn kept(mut row: Row) -> Result<Kept, Error> {
    let unknown = |column| Error::broken(format!("connectors.{column} is no known word"));
    let (method, sharing) = (row.text(5)?, row.text(6)?);
    let mark = |hint: Option<String>, set_at: Option<Timestamp>| {
        hint.zip(set_at).map(|(hint, set_at)| SecretMark { hint, set_at })
    };
    let connector = Connector {
        id: ConnectorId(row.id(0)?),
        organization: OrganizationId(row.id(1)?),
        project: row.maybe_id(2)?.map(ProjectId),
        provider: row.text(3)?,
        name: row.text(4)?,
        method: Method::parse(&method).ok_or_else(|| unknown("method"))?,
        sharing: Sharing::parse(&sharing).ok_or_else(|| unknown("sharing"))?,
        owner: row.maybe_id(7)?.map(UserId),
        client_id: row.maybe_text(8)?,
        scopes: row.text(9)?,
        required_scopes: row.text(27)?,
        vars: row.text(10)?,
        params: row.text(11)?,
        created_at: row.time(12)?,
        updated_at: row.time(13)?,
        revision: row.int(14)?,
        secret: mark(row.maybe_text(15)?, row.maybe_time(16)?),
        next_secret: mark(row.maybe_text(17)?, row.maybe_time(18)?),
        fault: row.maybe_text(19)?,
        fault_since: row.maybe_time(20)?,
        probe_at: row.maybe_time(21)?,
        probes: row.int(22)?,
        deleting_since: row.maybe_time(23)?,
    };
    Ok(Kept {
        connector,
        data_key: row.bytes(24)?,
        secret: row.maybe_bytes(25)?,
        next: row.maybe_bytes(26)?,
    })
}

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = statements::ALL;
