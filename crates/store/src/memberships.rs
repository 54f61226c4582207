//! Memberships: which users belong to a tenant, and as what.

use keyhaven_protocol::id::{OrganizationId, UserId};
use keyhaven_protocol::time::Timestamp;

use crate::act::Plan;
use crate::changes::{Change, Kind};
use crate::engine::{Row, Statement, Step};
use crate::revocations::ids_of_owner;
use crate::users::User;
use crate::{Act, Error, Listed, Outcome, Page, Store, organizations, values};

/// What a member may do in the tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything, deleting the tenant included.
    Owner,
    /// Manages members, clients and groups.
    Admin,
    /// Belongs to it.
    Member,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Owner, Self::Admin, Self::Member];

    /// The word on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

/// A user as a member of one tenant.
#[derive(Clone, Debug)]
pub struct Membership {
    /// The user.
    pub user: User,
    /// As what.
    pub role: Role,
    /// Since when.
    pub created_at: Timestamp,
}

impl Store {
    /// Makes a user a member; `Taken("user")` when it is one already, `Unknown("user", 0)` when
    /// there is no such user.
    pub async fn add_member(
        &self,
        organization: OrganizationId,
        member: UserId,
        role: Role,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let plan = adding(organization, member, role, &mut act)
            .also(act.publish(Change::of(Kind::User, member.0)));
        self.carry_out(plan, act).await
    }

    /// The member `member` of the tenant.
    pub async fn find_member(
        &self,
        organization: OrganizationId,
        member: UserId,
    ) -> Result<Option<Membership>, Error> {
        let rows = self.engine.read(&FIND, values![organization.0, member.0]).await?;
        rows.into_iter().next().map(membership).transpose()
    }

    /// The tenant's members, by user id.
    pub async fn list_members(
        &self,
        organization: OrganizationId,
        page: Page,
    ) -> Result<Listed<Membership>, Error> {
        let values = values![organization.0, page.above(), page.fetch()];
        let rows = self.engine.read(&LIST, values).await?;
        page.of(rows, membership, |membership| membership.user.id.0)
    }

    /// Gives a member another role.
    pub async fn change_role(
        &self,
        organization: OrganizationId,
        member: UserId,
        role: Role,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let detail = format!(r#"{{"role":"{}"}}"#, role.as_str());
        let values = values![organization.0, member.0, role.as_str()];
        let plan = Plan::default()
            .must(Step::one(&CHANGE_ROLE, values), Outcome::Absent)
            .also(act.audit(Some(organization), "member.role_changed", target(member), detail))
            .also(act.publish(Change::of(Kind::User, member.0)));
        self.carry_out(plan, act).await
    }

    /// Ends a membership: the user leaves the tenant's groups, and what it granted there is
    /// revoked.
    pub async fn remove_member(
        &self,
        organization: OrganizationId,
        member: UserId,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let both = || values![organization.0, member.0];
        let revoke = values![organization.0, member.0, act.now];
        let plan = Plan::default()
            .must(Step::one(&REMOVE, both()), Outcome::Absent)
            .also(Step::any(&LEAVE_GROUPS, both()))
            .also(Step::any(&REVOKE_GRANTS, revoke))
            .also(act.audit(Some(organization), "member.removed", target(member), "{}"))
            .also(act.publish(Change::of(Kind::User, member.0)));
        self.carry_out(plan, act).await
    }
}

/// The step that makes a user a member, for the commit that creates the user.
pub(crate) fn join(
    organization: OrganizationId,
    member: UserId,
    role: Role,
    now: Timestamp,
) -> Step {
    Step::one(&ADD, values![organization.0, member.0, role.as_str(), now])
}

/// The steps that make a user a member, for commits that do more.
pub(crate) fn adding(
    organization: OrganizationId,
    member: UserId,
    role: Role,
    act: &mut Act,
) -> Plan {
    let detail = format!(r#"{{"role":"{}"}}"#, role.as_str());
    let values = values![organization.0, member.0, role.as_str(), act.now];
    Plan::default()
        .must(organizations::hold(organization), Outcome::Absent)
        .must(Step::one(&HOLD_USER, values![member.0]), Outcome::Unknown("user", 0))
        .must(Step::one(&ADD, values), Outcome::Taken("user"))
        .also(act.audit(Some(organization), "member.added", target(member), detail))
}

fn target(member: UserId) -> String {
    format!("user:{member}")
}

fn membership(mut row: Row) -> Result<Membership, Error> {
    let word = row.text(5)?;
    let role = Role::parse(&word)
        .ok_or_else(|| Error::broken(format!("memberships: unknown role {word:?}")))?;
    Ok(Membership { role, created_at: row.time(6)?, user: crate::users::user(row)? })
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT u.id, u.email, u.name, u.created_at, u.disabled_at, m.role, m.created_at
               FROM memberships m JOIN users u ON u.id = m.member ",
            $rest
        )
    };
}

static HOLD_USER: Statement = Statement::new(
    "memberships.hold_user",
    "UPDATE users SET created_at = created_at WHERE id = $1",
);

static ADD: Statement = Statement::new(
    "memberships.add",
    "INSERT INTO memberships (organization, member, role, created_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (organization, member) DO NOTHING",
);

static FIND: Statement =
    Statement::new("memberships.find", select!("WHERE m.organization = $1 AND m.member = $2"));

static LIST: Statement = Statement::new(
    "memberships.list",
    select!("WHERE m.organization = $1 AND m.member > $2 ORDER BY m.member LIMIT $3"),
);

static CHANGE_ROLE: Statement = Statement::new(
    "memberships.change_role",
    "UPDATE memberships SET role = $3 WHERE organization = $1 AND member = $2",
);

static REMOVE: Statement = Statement::new(
    "memberships.remove",
    "DELETE FROM memberships WHERE organization = $1 AND member = $2",
);

static LEAVE_GROUPS: Statement = Statement::new(
    "memberships.leave_groups",
    "DELETE FROM group_members
      WHERE group_id IN (SELECT id FROM groups WHERE organization = $1) AND member = $2",
);

static REVOKE_GRANTS: Statement = Statement::new(
    "memberships.revoke_grants",
    concat!(
        "UPDATE grants SET revoked_at = $3, revoked_why = 'membership ended' WHERE id IN ",
        ids_of_owner!("$2"),
        " AND organization = $1 AND revoked_at IS NULL"
    ),
);

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] =
    &[&HOLD_USER, &ADD, &FIND, &LIST, &CHANGE_ROLE, &REMOVE, &LEAVE_GROUPS, &REVOKE_GRANTS];
