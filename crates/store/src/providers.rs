//! Providers that an organization defined for itself. The document is kept as it came and read again
//! by whoever uses it: the rules of the format are not here.

use keyhaven_protocol::id::{Id, OrganizationId};
use keyhaven_protocol::time::Timestamp;

use crate::act::Plan;
use crate::changes::{Change, Kind};
use crate::engine::{Row, Statement, Step};
use crate::{Act, Error, Listed, Outcome, Page, Store, organizations, values};

/// A provider of one organization.
#[derive(Clone, Debug)]
pub struct OwnProvider {
    /// Its id.
    pub id: Id,
    /// The tenant.
    pub organization: OrganizationId,
    /// Its key, unique in the tenant.
    pub name: String,
    /// The provider file.
    pub document: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
}

impl Store {
    /// Defines a provider, or defines it anew.
    pub async fn define_provider(
        &self,
        organization: OrganizationId,
        name: &str,
        document: &str,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let values = values![act.id(), organization.0, name, document, act.now];
        let plan = Plan::default()
            .must(organizations::hold(organization), Outcome::Absent)
            .also(Step::one(&DEFINE, values))
            .also(act.publish(Change::of(Kind::Connector, organization.0)))
            .also(act.audit(Some(organization), "provider.defined", target(name), "{}"));
        self.carry_out(plan, act).await
    }

    /// The tenant's provider of this name.
    pub async fn find_provider(
        &self,
        organization: OrganizationId,
        name: &str,
    ) -> Result<Option<OwnProvider>, Error> {
        let rows = self.engine.read(&FIND, values![organization.0, name]).await?;
        rows.into_iter().next().map(provider).transpose()
    }

    /// The tenant's providers, oldest first.
    pub async fn list_providers(
        &self,
        organization: OrganizationId,
        page: Page,
    ) -> Result<Listed<OwnProvider>, Error> {
        let values = values![organization.0, page.above(), page.fetch()];
        let rows = self.engine.read(&LIST, values).await?;
        page.of(rows, provider, |provider| provider.id)
    }

    /// Forgets a provider that no connector uses; `Full("provider")` when one does.
    pub async fn delete_provider(
        &self,
        organization: OrganizationId,
        name: &str,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        if self.find_provider(organization, name).await?.is_none() {
            return Ok(Outcome::Absent);
        }
        let plan = Plan::default()
            .must(Step::one(&DELETE, values![organization.0, name]), Outcome::Full("provider"))
            .also(act.audit(Some(organization), "provider.deleted", target(name), "{}"));
        self.carry_out(plan, act).await
    }
}

fn target(name: &str) -> String {
    format!("provider:{name}")
}

fn provider(mut row: Row) -> Result<OwnProvider, Error> {
    Ok(OwnProvider {
        id: row.id(0)?,
        organization: OrganizationId(row.id(1)?),
        name: row.text(2)?,
        document: row.text(3)?,
        created_at: row.time(4)?,
        updated_at: row.time(5)?,
    })
}

static DEFINE: Statement = Statement::new(
    "providers.define",
    "INSERT INTO providers (id, organization, name, document, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (organization, name) DO UPDATE \
     SET document = excluded.document, updated_at = excluded.updated_at",
);

static FIND: Statement = Statement::new(
    "providers.find",
    "SELECT id, organization, name, document, created_at, updated_at FROM providers \
     WHERE organization = $1 AND name = $2",
);

static LIST: Statement = Statement::new(
    "providers.list",
    "SELECT id, organization, name, document, created_at, updated_at FROM providers \
     WHERE organization = $1 AND id > $2 ORDER BY id LIMIT $3",
);

static DELETE: Statement = Statement::new(
    "providers.delete",
    "DELETE FROM providers WHERE organization = $1 AND name = $2 AND NOT EXISTS \
     (SELECT 1 FROM connectors WHERE organization = $1 AND provider = $2)",
);

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[&DEFINE, &FIND, &LIST, &DELETE];
