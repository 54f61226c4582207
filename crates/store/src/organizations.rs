//! Organizations: the tenants. Everything of a tenant hangs on its id and leaves with it.

use keyhaven_protocol::id::OrganizationId;
use keyhaven_protocol::time::Timestamp;

use crate::act::Plan;
use crate::changes::{Change, Kind};
use crate::engine::{Row, Statement, Step};
use crate::{
    Act, Error, Listed, Outcome, Page, Reach, Store, sign_in_policies, upstream_providers, values,
};

/// A tenant.
#[derive(Clone, Debug)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// The name people see.
    pub name: String,
    /// The unique short name in URLs and on the command line.
    pub slug: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// Since when none of its clients may act.
    pub disabled_at: Option<Timestamp>,
}

/// What changes of an organization; `None` leaves it.
#[derive(Clone, Copy, Debug, Default)]
pub struct OrganizationEdit<'a> {
    /// A new name.
    pub name: Option<&'a str>,
    /// A new slug.
    pub slug: Option<&'a str>,
    /// Whether it may act from now on.
    pub standing: Option<Power>,
}

/// Whether something may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// It may.
    Enabled,
    /// It may not.
    Disabled,
}

impl Store {
    /// Creates a tenant; `Taken("slug")` when another has the slug.
    pub async fn create_organization(
        &self,
        new: &Organization,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let plan = creating(new, &mut act);
        self.carry_out(plan, act).await
    }

    /// Whether there is any organization yet.
    pub async fn has_organizations(&self) -> Result<bool, Error> {
        Ok(!self.engine.read(&ANY, values![]).await?.is_empty())
    }

    /// The organization `id`, if within reach.
    pub async fn find_organization(
        &self,
        reach: Reach,
        id: OrganizationId,
    ) -> Result<Option<Organization>, Error> {
        if !reach.includes(Some(id)) {
            return Ok(None);
        }
        let rows = self.engine.read(&FIND, values![id.0]).await?;
        rows.into_iter().next().map(organization).transpose()
    }

    /// The organization with this slug, if within reach.
    pub async fn find_organization_by_slug(
        &self,
        reach: Reach,
        slug: &str,
    ) -> Result<Option<Organization>, Error> {
        let rows = self.engine.read(&FIND_BY_SLUG, values![slug]).await?;
        let found = rows.into_iter().next().map(organization).transpose()?;
        Ok(found.filter(|organization| reach.includes(Some(organization.id))))
    }

    /// Organizations within reach, oldest first.
    pub async fn list_organizations(
        &self,
        reach: Reach,
        page: Page,
    ) -> Result<Listed<Organization>, Error> {
        let rows = self.engine.read(&LIST, values![reach, page.above(), page.fetch()]).await?;
        page.of(rows, organization, |organization| organization.id.0)
    }

    /// Changes a tenant. `detail` is the JSON of what changed, for the audit.
    pub async fn update_organization(
        &self,
        id: OrganizationId,
        edit: OrganizationEdit<'_>,
        detail: &str,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let mut plan = Plan::default().must(hold(id), Outcome::Absent);
        if let Some(name) = edit.name {
            plan = plan.also(Step::one(&RENAME, values![id.0, name]));
        }
        if let Some(slug) = edit.slug {
            plan = plan.must(Step::one(&MOVE, values![id.0, slug]), Outcome::Taken("slug"));
        }
        let action = match edit.standing {
            None => "organization.updated",
            Some(Power::Enabled) => "organization.enabled",
            Some(Power::Disabled) => "organization.disabled",
        };
        plan = match edit.standing {
            None => plan,
            Some(Power::Enabled) => plan.also(Step::one(&ENABLE, values![id.0])),
            Some(Power::Disabled) => plan.also(Step::one(&DISABLE, values![id.0, act.now])),
        };
        plan = plan
            .also(act.audit(Some(id), action, target(id), detail))
            .also(act.publish(Change::of(Kind::Organization, id.0)));
        self.carry_out(plan, act).await
    }

    /// Deletes a tenant and everything in it, in one commit. `Full("organization")` when it holds
    /// more than [`MOST_DELETED`] rows: disable it, which kills all it holds at once, and delete
    /// its clients and members first. Tokens die with their clients.
    pub async fn delete_organization(
        &self,
        id: OrganizationId,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let mut plan = Plan::default()
            .must(hold(id), Outcome::Absent)
            .must(Step::one(&DELETE, values![id.0, MOST_DELETED]), Outcome::Full("organization"));
        for statement in TREE {
            plan = plan.also(Step::any(statement, values![id.0]));
        }
        plan = plan
            .and(upstream_providers::forget(id))
            .and(sign_in_policies::forget(id))
            .also(act.audit(Some(id), "organization.deleted", target(id), "{}"))
            .also(act.publish(Change::of(Kind::Organization, id.0)));
        self.carry_out(plan, act).await
    }
}

/// How many rows one deletion may take with it: a commit holds the writer while it runs.
pub const MOST_DELETED: i64 = 5_000;

/// The steps that create a tenant, for commits that do more.
pub(crate) fn creating(new: &Organization, act: &mut Act) -> Plan {
    let values = values![new.id.0, new.name.as_str(), new.slug.as_str(), new.created_at];
    Plan::default().must(Step::one(&CREATE, values), Outcome::Taken("slug")).also(act.audit(
        Some(new.id),
        "organization.created",
        target(new.id),
        "{}",
    ))
}

/// Requires that the organization exists, and keeps it until the commit ends: whatever is put into
/// a tenant takes turns with its deletion.
pub(crate) fn hold(id: OrganizationId) -> Step {
    Step::one(&HOLD, values![id.0])
}

fn target(id: OrganizationId) -> String {
    format!("organization:{id}")
}

fn organization(mut row: Row) -> Result<Organization, Error> {
    Ok(Organization {
        id: OrganizationId(row.id(0)?),
        name: row.text(1)?,
        slug: row.text(2)?,
        created_at: row.time(3)?,
        disabled_at: row.maybe_time(4)?,
    })
}

static HOLD: Statement = Statement::new(
    "organizations.hold",
    "UPDATE organizations SET created_at = created_at WHERE id = $1",
);

static CREATE: Statement = Statement::new(
    "organizations.create",
    "INSERT INTO organizations (id, name, slug, created_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (slug) DO NOTHING",
);

static FIND: Statement = Statement::new(
    "organizations.find",
    "SELECT id, name, slug, created_at, disabled_at FROM organizations WHERE id = $1",
);

static FIND_BY_SLUG: Statement = Statement::new(
    "organizations.find_by_slug",
    "SELECT id, name, slug, created_at, disabled_at FROM organizations WHERE slug = $1",
);

static LIST: Statement = Statement::new(
    "organizations.list",
    "SELECT id, name, slug, created_at, disabled_at FROM organizations
      WHERE id = COALESCE($1, id) AND id > $2 ORDER BY id LIMIT $3",
);

static RENAME: Statement =
    Statement::new("organizations.rename", "UPDATE organizations SET name = $2 WHERE id = $1");

static MOVE: Statement = Statement::new(
    "organizations.move",
    "UPDATE organizations SET slug = $2
      WHERE id = $1 AND NOT EXISTS
            (SELECT 1 FROM organizations other WHERE other.slug = $2 AND other.id <> $1)",
);

static DISABLE: Statement = Statement::new(
    "organizations.disable",
    "UPDATE organizations SET disabled_at = COALESCE(disabled_at, $2) WHERE id = $1",
);

static ENABLE: Statement = Statement::new(
    "organizations.enable",
    "UPDATE organizations SET disabled_at = NULL WHERE id = $1",
);

static DELETE: Statement = Statement::new(
    "organizations.delete",
    "DELETE FROM organizations WHERE id = $1
        AND (SELECT COUNT(*) FROM clients WHERE organization = $1)
          + (SELECT COUNT(*) FROM memberships WHERE organization = $1)
          + (SELECT COUNT(*) FROM groups WHERE organization = $1)
          + (SELECT COUNT(*) FROM projects WHERE organization = $1)
          + (SELECT COUNT(*) FROM keys WHERE organization = $1)
          + (SELECT COUNT(*) FROM budgets WHERE organization = $1) <= $2",
);

static DELETE_SECRETS: Statement = Statement::new(
    "organizations.delete_secrets",
    "DELETE FROM client_secrets
      WHERE client IN (SELECT id FROM clients WHERE organization = $1)",
);

static DELETE_TIES: Statement = Statement::new(
    "organizations.delete_ties",
    "DELETE FROM client_groups
      WHERE client IN (SELECT id FROM clients WHERE organization = $1)",
);

static DELETE_CLIENTS: Statement =
    Statement::new("organizations.delete_clients", "DELETE FROM clients WHERE organization = $1");

static DELETE_GROUP_MEMBERS: Statement = Statement::new(
    "organizations.delete_group_members",
    "DELETE FROM group_members
      WHERE group_id IN (SELECT id FROM groups WHERE organization = $1)",
);

static DELETE_GROUPS: Statement =
    Statement::new("organizations.delete_groups", "DELETE FROM groups WHERE organization = $1");

static DELETE_PROJECTS: Statement =
    Statement::new("organizations.delete_projects", "DELETE FROM projects WHERE organization = $1");

static DELETE_MEMBERSHIPS: Statement = Statement::new(
    "organizations.delete_memberships",
    "DELETE FROM memberships WHERE organization = $1",
);

static DELETE_KEYS: Statement =
    Statement::new("organizations.delete_keys", "DELETE FROM keys WHERE organization = $1");

static DELETE_BUDGETS: Statement =
    Statement::new("organizations.delete_budgets", "DELETE FROM budgets WHERE organization = $1");

/// What hangs on a tenant, in the order in which it must go.
static TREE: [&Statement; 9] = [
    &DELETE_SECRETS,
    &DELETE_TIES,
    &DELETE_CLIENTS,
    &DELETE_GROUP_MEMBERS,
    &DELETE_GROUPS,
    &DELETE_PROJECTS,
    &DELETE_MEMBERSHIPS,
    &DELETE_KEYS,
    &DELETE_BUDGETS,
];

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[
    &ANY,
    &HOLD,
    &CREATE,
    &FIND,
    &FIND_BY_SLUG,
    &LIST,
    &RENAME,
    &MOVE,
    &DISABLE,
    &ENABLE,
    &DELETE,
    &DELETE_SECRETS,
    &DELETE_TIES,
    &DELETE_CLIENTS,
    &DELETE_GROUP_MEMBERS,
    &DELETE_GROUPS,
    &DELETE_PROJECTS,
    &DELETE_MEMBERSHIPS,
    &DELETE_KEYS,
    &DELETE_BUDGETS,
];

static ANY: Statement = Statement::new("organizations.any", "SELECT 1 FROM organizations LIMIT 1");
