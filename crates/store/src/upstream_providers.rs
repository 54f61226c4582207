//! Other OpenID providers that may vouch for people: of the whole instance, or of one organization.
//! Their client secrets are sealed. What they say of themselves is fetched and not kept here.

use keyhaven_protocol::id::{Id, OrganizationId, UserId};
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::Timestamp;
use keyhaven_protocol::upstream::admission::Admits;
use keyhaven_protocol::upstream::preset::Preset;

use crate::act::Plan;
use crate::engine::{Row, Statement, Step};
use crate::organizations::{self, Power};
use crate::seal::Place;
use crate::{Act, Error, Listed, Outcome, Page, Reach, Store, values};

/// Providers of the instance together, and of one organization.
pub const MOST: i64 = 50;

/// A provider.
#[derive(Clone, Debug)]
pub struct UpstreamProvider {
    /// Its id, part of its callback's path.
    pub id: Id,
    /// Whose it is; `None` for the whole instance.
    pub organization: Option<OrganizationId>,
    /// The name on its button.
    pub name: String,
    /// What it is.
    pub preset: Preset,
    /// Its issuer.
    pub issuer: String,
    /// Who we are there.
    pub client_id: String,
    /// Our secret there, opened; `None` for a public client.
    pub client_secret: Option<Secret>,
    /// What is asked for.
    pub scopes: String,
    /// Whom it may bring in.
    pub admits: Admits,
    /// When it was added.
    pub created_at: Timestamp,
    /// Since when nobody signs in with it.
    pub disabled_at: Option<Timestamp>,
    /// Raised by every change.
    pub revision: i64,
}

/// What changes of a provider; `None` leaves it. The issuer never changes: identities hang on it.
#[derive(Clone, Copy, Debug, Default)]
pub struct UpstreamEdit<'a> {
    /// A new name.
    pub name: Option<&'a str>,
    /// Another client there.
    pub client_id: Option<&'a str>,
    /// A new secret.
    pub client_secret: Option<&'a Secret>,
    /// What is asked for from now on.
    pub scopes: Option<&'a str>,
    /// Whom it may bring in from now on.
    pub admits: Option<Admits>,
    /// Whether people sign in with it from now on.
    pub standing: Option<Power>,
}

impl Store {
    /// Adds a provider. `Absent` when its organization is not there, `Full("upstreams")` at the most.
    pub async fn add_upstream(
        &self,
        new: &UpstreamProvider,
        nonce: [u8; 12],
        mut act: Act,
    ) -> Result<Outcome, Error> {
        // A public client's secret is nothing, sealed like any other.
        let nothing = Secret::default();
        let secret = new.client_secret.as_ref().unwrap_or(&nothing);
        let sealed = self.sealed_secret(new.id, secret, nonce)?;
        let tenant = new.organization.map(|organization| organization.0);
        let values = values![
            tenant,
            new.id,
            new.name.as_str(),
            new.preset.as_str(),
            new.issuer.as_str(),
            new.client_id.as_str(),
            sealed,
            new.scopes.as_str(),
            new.admits.as_str(),
            new.created_at,
            MOST,
        ];
        let detail = format!(r#"{{"preset":"{}","issuer":"{}"}}"#, new.preset.as_str(), new.issuer);
        let mut plan = Plan::default();
        if let Some(organization) = new.organization {
            plan = plan.must(organizations::hold(organization), Outcome::Absent);
        }
        let plan = plan.must(Step::one(&ADD, values), Outcome::Full("upstreams")).also(act.audit(
            new.organization,
            "upstream.added",
            target(new.id),
            detail,
        ));
        self.carry_out(plan, act).await
    }

    /// A provider within reach.
    pub async fn find_upstream(
        &self,
        reach: Reach,
        id: Id,
    ) -> Result<Option<UpstreamProvider>, Error> {
        let rows = match reach {
            Reach::Organization(organization) => {
                self.engine.read(&FIND_OWN, values![organization.0, id]).await?
            }
            Reach::Instance => self.engine.read(&FIND, values![id]).await?,
        };
        rows.into_iter().next().map(|row| self.upstream(row)).transpose()
    }

    /// Providers within reach, oldest first.
    pub async fn list_upstreams(
        &self,
        reach: Reach,
        page: Page,
    ) -> Result<Listed<UpstreamProvider>, Error> {
        let values = values![reach, page.above(), page.fetch()];
        let rows = self.engine.read(&LIST, values).await?;
        page.of(rows, |row| self.upstream(row), |one| one.id)
    }

    /// The enabled providers that anybody may sign in with, as buttons: id and name.
    pub async fn list_upstream_buttons(&self) -> Result<Vec<(Id, String)>, Error> {
        let rows = self.engine.read(&BUTTONS, values![]).await?;
        rows.into_iter().map(|mut row| Ok((row.id(0)?, row.text(1)?))).collect()
    }

    /// The enabled providers that this person may link: everybody's, and those of their organizations.
    pub async fn list_linkable_upstreams(&self, user: UserId) -> Result<Vec<(Id, String)>, Error> {
        let rows = self.engine.read(&LINKABLE, values![user.0]).await?;
        rows.into_iter().map(|mut row| Ok((row.id(0)?, row.text(1)?))).collect()
    }

    /// Changes a provider. `Moved` when somebody else did since it was read.
    pub async fn update_upstream(
        &self,
        old: &UpstreamProvider,
        edit: UpstreamEdit<'_>,
        nonce: [u8; 12],
        detail: &str,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let seal = |secret: &Secret| self.sealed_secret(old.id, secret, nonce);
        let sealed = edit.client_secret.map(seal).transpose()?;
        let disabled_at = match edit.standing {
            None => old.disabled_at,
            Some(Power::Enabled) => None,
            Some(Power::Disabled) => Some(old.disabled_at.unwrap_or(act.now)),
        };
        let tenant = old.organization.map(|organization| organization.0);
        let values = values![
            tenant,
            old.id,
            old.revision,
            edit.name,
            edit.client_id,
            sealed,
            edit.scopes,
            edit.admits.map(Admits::as_str),
            disabled_at,
        ];
        let action = match edit.standing {
            None => "upstream.updated",
            Some(Power::Enabled) => "upstream.enabled",
            Some(Power::Disabled) => "upstream.disabled",
        };
        let plan = Plan::default()
            .must(Step::one(&UPDATE, values), Outcome::Moved)
            .also(act.audit(old.organization, action, target(old.id), detail));
        self.carry_out(plan, act).await
    }

    /// Removes a provider with every link to it. People who had no other way in recover by mail.
    pub async fn remove_upstream(
        &self,
        old: &UpstreamProvider,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let tenant = old.organization.map(|organization| organization.0);
        let plan = Plan::default()
            .must(Step::one(&REMOVE, values![tenant, old.id]), Outcome::Absent)
            .also(Step::any(&UNLINK, values![old.id]))
            .also(act.audit(old.organization, "upstream.removed", target(old.id), "{}"));
        self.carry_out(plan, act).await
    }

    /// Writes down that a visit to a provider was refused, and by which rule.
    pub async fn note_upstream_refusal(
        &self,
        provider: &UpstreamProvider,
        reason: &str,
        mut act: Act,
    ) -> Result<(), Error> {
        let detail = serde_json::json!({ "reason": reason }).to_string();
        let audit =
            act.audit(provider.organization, "upstream.refused", target(provider.id), detail);
        self.carry_out(Plan::default().also(audit), act).await?;
        Ok(())
    }

    fn sealed_secret(&self, id: Id, secret: &Secret, nonce: [u8; 12]) -> Result<Vec<u8>, Error> {
        self.sealer.seal(place(&id), secret.reveal().as_bytes(), nonce)
    }

    fn upstream(&self, mut row: Row) -> Result<UpstreamProvider, Error> {
        let id = row.id(0)?;
        let preset = row.text(3)?;
        let sealed = row.bytes(6)?;
        let plain = self.sealer.open(place(&id), &sealed)?;
        let secret = std::str::from_utf8(&plain).map_err(Error::broken)?;
        let client_secret = (!secret.is_empty()).then(|| Secret::from(secret));
        Ok(UpstreamProvider {
            id,
            organization: row.maybe_id(1)?.map(OrganizationId),
            name: row.text(2)?,
            preset: Preset::parse(&preset).ok_or_else(|| {
                Error::broken(format!("upstream_providers: unknown preset {preset:?}"))
            })?,
            issuer: row.text(4)?,
            client_id: row.text(5)?,
            client_secret,
            scopes: row.text(7)?,
            admits: Admits::parse(&row.text(8)?)
                .ok_or_else(|| Error::broken("upstream_providers.admits is unknown"))?,
            created_at: row.time(9)?,
            disabled_at: row.maybe_time(10)?,
            revision: row.int(11)?,
        })
    }
}

/// The steps that take a tenant's providers and every link to them with it.
pub(crate) fn forget(organization: OrganizationId) -> Plan {
    Plan::default()
        .also(Step::any(&UNLINK_ALL, values![organization.0]))
        .also(Step::any(&REMOVE_ALL, values![organization.0]))
}

fn target(id: Id) -> String {
    format!("upstream:{id}")
}

fn place(id: &Id) -> Place<'_> {
    Place { column: "upstream_providers.sealed", row: &id.0 }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, organization, name, preset, issuer, client_id, sealed, scopes, admits, created_at, disabled_at,
                    revision FROM upstream_providers ",
            $rest
        )
    };
}

static ADD: Statement = Statement::new(
    "upstream_providers.add",
    "INSERT INTO upstream_providers (organization, id, name, preset, issuer, client_id, sealed, scopes,
                                     admits, created_at, revision)
     SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1
      WHERE (SELECT COUNT(*) FROM upstream_providers WHERE organization IS NOT DISTINCT FROM $1) < $11",
);

static FIND: Statement = Statement::new("upstream_providers.find", select!("WHERE id = $1"));

static FIND_OWN: Statement =
    Statement::new("upstream_providers.find_own", select!("WHERE organization = $1 AND id = $2"));

static LIST: Statement = Statement::new(
    "upstream_providers.list",
    select!(
        "WHERE organization IS NOT DISTINCT FROM COALESCE($1, organization) AND id > $2
          ORDER BY id LIMIT $3"
    ),
);

static BUTTONS: Statement = Statement::new(
    "upstream_providers.buttons",
    "SELECT id, name FROM upstream_providers
      WHERE organization IS NULL AND disabled_at IS NULL ORDER BY id LIMIT 50",
);

static LINKABLE: Statement = Statement::new(
    "upstream_providers.linkable",
    "SELECT id, name FROM upstream_providers
      WHERE disabled_at IS NULL
        AND (organization IS NULL
             OR organization IN (SELECT organization FROM memberships WHERE member = $1))
      ORDER BY id LIMIT 50",
);

static UPDATE: Statement = Statement::new(
    "upstream_providers.update",
    "UPDATE upstream_providers
        SET name = COALESCE($4, name), client_id = COALESCE($5, client_id),
            sealed = COALESCE($6, sealed), scopes = COALESCE($7, scopes), admits = COALESCE($8, admits),
            disabled_at = $9, revision = revision + 1
      WHERE organization IS NOT DISTINCT FROM $1 AND id = $2 AND revision = $3",
);

static REMOVE: Statement = Statement::new(
    "upstream_providers.remove",
    "DELETE FROM upstream_providers WHERE organization IS NOT DISTINCT FROM $1 AND id = $2",
);

static UNLINK: Statement = Statement::new(
    "upstream_providers.unlink",
    "DELETE FROM upstream_identities WHERE provider = $1",
);

static UNLINK_ALL: Statement = Statement::new(
    "upstream_providers.unlink_all",
    "DELETE FROM upstream_identities
      WHERE provider IN (SELECT id FROM upstream_providers WHERE organization = $1)",
);

static REMOVE_ALL: Statement = Statement::new(
    "upstream_providers.remove_all",
    "DELETE FROM upstream_providers WHERE organization = $1",
);

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[
    &ADD,
    &FIND,
    &FIND_OWN,
    &LIST,
    &BUTTONS,
    &LINKABLE,
    &UPDATE,
    &REMOVE,
    &UNLINK,
    &UNLINK_ALL,
    &REMOVE_ALL,
];
