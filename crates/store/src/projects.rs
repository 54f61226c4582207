//! Projects: what a tenant's work is divided into.

use keyhaven_protocol::id::{OrganizationId, ProjectId};
use keyhaven_protocol::time::Timestamp;

use crate::act::Plan;
use crate::changes::{Change, Kind};
use crate::engine::{Row, Statement, Step};
use crate::{Act, Error, Listed, Outcome, Page, Store, organizations, values};

/// A project of one organization.
#[derive(Clone, Debug)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// The tenant.
    pub organization: OrganizationId,
    /// The name people see.
    pub name: String,
    /// The short name, unique within the tenant.
    pub slug: String,
    /// When it was created.
    pub created_at: Timestamp,
}

/// What changes of a project; `None` leaves it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProjectEdit<'a> {
    /// A new name.
    pub name: Option<&'a str>,
    /// A new slug.
    pub slug: Option<&'a str>,
}

impl Store {
    /// Creates a project; `Taken("slug")` when another of the tenant has the slug.
    pub async fn create_project(&self, new: &Project, mut act: Act) -> Result<Outcome, Error> {
        let organization = new.organization;
        let plan = Plan::default()
            .must(organizations::hold(organization), Outcome::Absent)
            .must(creating(new), Outcome::Taken("slug"))
            .also(act.audit(Some(organization), "project.created", target(new.id), "{}"))
            .also(act.publish(Change::of(Kind::Organization, organization.0)));
        self.carry_out(plan, act).await
    }

    /// The project `id` of the tenant.
    pub async fn find_project(
        &self,
        organization: OrganizationId,
        id: ProjectId,
    ) -> Result<Option<Project>, Error> {
        let rows = self.engine.read(&FIND, values![organization.0, id.0]).await?;
        rows.into_iter().next().map(project).transpose()
    }

    /// The tenant's projects, oldest first.
    pub async fn list_projects(
        &self,
        organization: OrganizationId,
        page: Page,
    ) -> Result<Listed<Project>, Error> {
        let values = values![organization.0, page.above(), page.fetch()];
        let rows = self.engine.read(&LIST, values).await?;
        page.of(rows, project, |project| project.id.0)
    }

    /// Changes a project. `detail` is the JSON of what changed, for the audit.
    pub async fn update_project(
        &self,
        organization: OrganizationId,
        id: ProjectId,
        edit: ProjectEdit<'_>,
        detail: &str,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let rename = values![organization.0, id.0, edit.name];
        let mut plan = Plan::default()
            .must(organizations::hold(organization), Outcome::Absent)
            .must(Step::one(&RENAME, rename), Outcome::Absent);
        if let Some(slug) = edit.slug {
            let values = values![organization.0, id.0, slug];
            plan = plan.must(Step::one(&MOVE, values), Outcome::Taken("slug"));
        }
        plan = plan
            .also(act.audit(Some(organization), "project.updated", target(id), detail))
            .also(act.publish(Change::of(Kind::Organization, organization.0)));
        self.carry_out(plan, act).await
    }

    /// Deletes a project.
    pub async fn delete_project(
        &self,
        organization: OrganizationId,
        id: ProjectId,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let plan = Plan::default()
            .must(Step::one(&DELETE, values![organization.0, id.0]), Outcome::Absent)
            .also(act.audit(Some(organization), "project.deleted", target(id), "{}"))
            .also(act.publish(Change::of(Kind::Organization, organization.0)));
        self.carry_out(plan, act).await
    }
}

/// The step that creates a project; misses when the slug is taken.
pub(crate) fn creating(new: &Project) -> Step {
    let (organization, id) = (new.organization.0, new.id.0);
    let values = values![organization, id, new.name.as_str(), new.slug.as_str(), new.created_at];
    Step::one(&CREATE, values)
}

fn target(id: ProjectId) -> String {
    format!("project:{id}")
}

fn project(mut row: Row) -> Result<Project, Error> {
    Ok(Project {
        organization: OrganizationId(row.id(0)?),
        id: ProjectId(row.id(1)?),
        name: row.text(2)?,
        slug: row.text(3)?,
        created_at: row.time(4)?,
    })
}

static CREATE: Statement = Statement::new(
    "projects.create",
    "INSERT INTO projects (organization, id, name, slug, created_at) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (organization, slug) DO NOTHING",
);

static FIND: Statement = Statement::new(
    "projects.find",
    "SELECT organization, id, name, slug, created_at FROM projects
      WHERE organization = $1 AND id = $2",
);

static LIST: Statement = Statement::new(
    "projects.list",
    "SELECT organization, id, name, slug, created_at FROM projects
      WHERE organization = $1 AND id > $2 ORDER BY id LIMIT $3",
);

static RENAME: Statement = Statement::new(
    "projects.rename",
    "UPDATE projects SET name = COALESCE($3, name) WHERE organization = $1 AND id = $2",
);

static MOVE: Statement = Statement::new(
    "projects.move",
    "UPDATE projects SET slug = $3
      WHERE organization = $1 AND id = $2 AND NOT EXISTS
            (SELECT 1 FROM projects other
              WHERE other.organization = $1 AND other.slug = $3 AND other.id <> $2)",
);

static DELETE: Statement =
    Statement::new("projects.delete", "DELETE FROM projects WHERE organization = $1 AND id = $2");

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[&CREATE, &FIND, &LIST, &RENAME, &MOVE, &DELETE];
