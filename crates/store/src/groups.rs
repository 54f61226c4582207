//! Groups of a tenant: clients are tied to them, members belong to them.

use keyhaven_protocol::id::{GroupId, OrganizationId, UserId};
use keyhaven_protocol::time::Timestamp;

use crate::act::Plan;
use crate::changes::{Change, Kind};
use crate::engine::{Row, Statement, Step};
use crate::{Act, Error, Listed, Outcome, Page, Store, organizations, values};

/// A group of one organization.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// The tenant.
    pub organization: OrganizationId,
    /// The name people see.
    pub name: String,
    /// A few words about it.
    pub bio: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
}

/// What changes of a group; `None` leaves it.
#[derive(Clone, Copy, Debug, Default)]
pub struct GroupEdit<'a> {
    /// A new name.
    pub name: Option<&'a str>,
    /// A new bio, or none from now on.
    pub bio: Option<Option<&'a str>>,
}

impl Store {
    /// Creates a group.
    pub async fn create_group(&self, new: &Group, mut act: Act) -> Result<Outcome, Error> {
        let organization = new.organization;
        let values = values![
            organization.0,
            new.id.0,
            new.name.as_str(),
            new.bio.as_deref(),
            new.created_at
        ];
        let plan = Plan::default()
            .must(organizations::hold(organization), Outcome::Absent)
            .also(Step::one(&CREATE, values))
            .also(act.audit(Some(organization), "group.created", target(new.id), "{}"));
        self.carry_out(plan, act).await
    }

    /// The group `id` of the tenant.
    pub async fn find_group(
        &self,
        organization: OrganizationId,
        id: GroupId,
    ) -> Result<Option<Group>, Error> {
        let rows = self.engine.read(&FIND, values![organization.0, id.0]).await?;
        rows.into_iter().next().map(group).transpose()
    }

    /// The tenant's groups, oldest first.
    pub async fn list_groups(
        &self,
        organization: OrganizationId,
        page: Page,
    ) -> Result<Listed<Group>, Error> {
        let values = values![organization.0, page.above(), page.fetch()];
        let rows = self.engine.read(&LIST, values).await?;
        page.of(rows, group, |group| group.id.0)
    }

    /// Changes a group. `detail` is the JSON of what changed, for the audit.
    pub async fn update_group(
        &self,
        organization: OrganizationId,
        id: GroupId,
        edit: GroupEdit<'_>,
        detail: &str,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let rename = values![organization.0, id.0, edit.name];
        let mut plan = Plan::default().must(Step::one(&RENAME, rename), Outcome::Absent);
        if let Some(bio) = edit.bio {
            plan = plan.also(Step::one(&DESCRIBE, values![organization.0, id.0, bio]));
        }
        plan = plan.also(act.audit(Some(organization), "group.updated", target(id), detail));
        self.carry_out(plan, act).await
    }

    /// Deletes a group; its clients and members remain, without it.
    pub async fn delete_group(
        &self,
        organization: OrganizationId,
        id: GroupId,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let plan = Plan::default()
            .must(Step::one(&DELETE, values![organization.0, id.0]), Outcome::Absent)
            .also(Step::any(&UNTIE_CLIENTS, values![id.0]))
            .also(Step::any(&DISMISS_ALL, values![id.0]))
            .also(act.audit(Some(organization), "group.deleted", target(id), "{}"))
            .also(act.publish(Change::of(Kind::Organization, organization.0)));
        self.carry_out(plan, act).await
    }

    /// Puts a member of the tenant into a group; once is enough. `Unknown("user", 0)` when the
    /// user is no member of the tenant.
    pub async fn add_group_member(
        &self,
        organization: OrganizationId,
        id: GroupId,
        member: UserId,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let detail = format!(r#"{{"user":"{member}"}}"#);
        let values = values![organization.0, id.0, member.0, act.now];
        let plan = Plan::default()
            .must(Step::one(&KEEP, values![organization.0, id.0]), Outcome::Absent)
            .must(Step::one(&ADD_MEMBER, values), Outcome::Unknown("user", 0))
            .also(act.audit(Some(organization), "group.member_added", target(id), detail))
            .also(act.publish(Change::of(Kind::User, member.0)));
        self.carry_out(plan, act).await
    }

    /// Takes a member out of a group.
    pub async fn remove_group_member(
        &self,
        organization: OrganizationId,
        id: GroupId,
        member: UserId,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let detail = format!(r#"{{"user":"{member}"}}"#);
        let values = values![organization.0, id.0, member.0];
        let plan = Plan::default()
            .must(Step::one(&REMOVE_MEMBER, values), Outcome::Absent)
            .also(act.audit(Some(organization), "group.member_removed", target(id), detail))
            .also(act.publish(Change::of(Kind::User, member.0)));
        self.carry_out(plan, act).await
    }

    /// The users in a group of the tenant, by id.
    pub async fn list_group_members(
        &self,
        organization: OrganizationId,
        id: GroupId,
        page: Page,
    ) -> Result<Listed<UserId>, Error> {
        let values = values![organization.0, id.0, page.above(), page.fetch()];
        let rows = self.engine.read(&LIST_MEMBERS, values).await?;
        page.of(rows, |row| row.id(0).map(UserId), |user| user.0)
    }
}

fn target(id: GroupId) -> String {
    format!("group:{id}")
}

fn group(mut row: Row) -> Result<Group, Error> {
    Ok(Group {
        organization: OrganizationId(row.id(0)?),
        id: GroupId(row.id(1)?),
        name: row.text(2)?,
        bio: row.maybe_text(3)?,
        created_at: row.time(4)?,
    })
}

static CREATE: Statement = Statement::new(
    "groups.create",
    "INSERT INTO groups (organization, id, name, bio, created_at) VALUES ($1, $2, $3, $4, $5)",
);

static FIND: Statement = Statement::new(
    "groups.find",
    "SELECT organization, id, name, bio, created_at FROM groups
      WHERE organization = $1 AND id = $2",
);

static LIST: Statement = Statement::new(
    "groups.list",
    "SELECT organization, id, name, bio, created_at FROM groups
      WHERE organization = $1 AND id > $2 ORDER BY id LIMIT $3",
);

static RENAME: Statement = Statement::new(
    "groups.rename",
    "UPDATE groups SET name = COALESCE($3, name) WHERE organization = $1 AND id = $2",
);

static DESCRIBE: Statement = Statement::new(
    "groups.describe",
    "UPDATE groups SET bio = $3 WHERE organization = $1 AND id = $2",
);

static DELETE: Statement =
    Statement::new("groups.delete", "DELETE FROM groups WHERE organization = $1 AND id = $2");

static UNTIE_CLIENTS: Statement =
    Statement::new("groups.untie_clients", "DELETE FROM client_groups WHERE group_id = $1");

static DISMISS_ALL: Statement =
    Statement::new("groups.dismiss_all", "DELETE FROM group_members WHERE group_id = $1");

static KEEP: Statement = Statement::new(
    "groups.keep",
    "UPDATE groups SET created_at = created_at WHERE organization = $1 AND id = $2",
);

static ADD_MEMBER: Statement = Statement::new(
    "groups.add_member",
    "INSERT INTO group_members (group_id, member, created_at)
     SELECT $2, member, $4 FROM memberships WHERE organization = $1 AND member = $3
     ON CONFLICT (group_id, member) DO UPDATE SET created_at = group_members.created_at",
);

static REMOVE_MEMBER: Statement = Statement::new(
    "groups.remove_member",
    "DELETE FROM group_members
      WHERE group_id IN (SELECT id FROM groups WHERE organization = $1 AND id = $2)
        AND member = $3",
);

static LIST_MEMBERS: Statement = Statement::new(
    "groups.list_members",
    "SELECT m.member FROM group_members m JOIN groups g ON g.id = m.group_id
      WHERE g.organization = $1 AND m.group_id = $2 AND m.member > $3
      ORDER BY m.member LIMIT $4",
);

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[
    &CREATE,
    &FIND,
    &LIST,
    &RENAME,
    &DESCRIBE,
    &DELETE,
    &UNTIE_CLIENTS,
    &DISMISS_ALL,
    &KEEP,
    &ADD_MEMBER,
    &REMOVE_MEMBER,
    &LIST_MEMBERS,
];
