//! Users: people, known to the whole instance by one e-mail address in its canonical form.
//! Which tenants they belong to is in `memberships.rs`; how they sign in is not here.

use keyhaven_protocol::id::UserId;
use keyhaven_protocol::time::Timestamp;

use crate::act::Plan;
use crate::changes::{Change, Kind};
use crate::engine::{Row, Statement, Step};
use crate::organizations::Power;
use crate::revocations::ids_of_owner;
use crate::{
    Act, Error, Listed, Outcome, Page, Reach, Store, accounts, mail_codes, passkeys, profiles,
    recovery_codes, totp_seeds, upstream_identities, values,
};

/// A person.
#[derive(Clone, Debug)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// The canonical e-mail address. Never an identity towards others: that is the id.
    pub email: String,
    /// The name people see.
    pub name: String,
    /// When the user was created.
    pub created_at: Timestamp,
    /// Since when the user may not act.
    pub disabled_at: Option<Timestamp>,
}

/// What changes of a user; `None` leaves it.
#[derive(Clone, Copy, Debug, Default)]
pub struct UserEdit<'a> {
    /// A new canonical e-mail address.
    pub email: Option<&'a str>,
    /// A new name.
    pub name: Option<&'a str>,
    /// Whether the user may act from now on.
    pub standing: Option<Power>,
}

impl Store {
    /// Creates a user; `Taken("email")` when another has the address.
    pub async fn create_user(&self, new: &User, mut act: Act) -> Result<Outcome, Error> {
        let plan = Plan::default().must(creating(new), Outcome::Taken("email")).also(act.audit(
            None,
            "user.created",
            target(new.id),
            "{}",
        ));
        self.carry_out(plan, act).await
    }

    /// The user `id`; within one tenant's reach only if a member of it.
    pub async fn find_user(&self, reach: Reach, id: UserId) -> Result<Option<User>, Error> {
        let rows = match reach {
            Reach::Organization(organization) => {
                self.engine.read(&FIND_MEMBER, values![organization.0, id.0]).await?
            }
            Reach::Instance => self.engine.read(&FIND, values![id.0]).await?,
        };
        rows.into_iter().next().map(user).transpose()
    }

    /// The user with this canonical address; within one tenant's reach only if a member of it.
    pub async fn find_user_by_email(
        &self,
        reach: Reach,
        email: &str,
    ) -> Result<Option<User>, Error> {
        let rows = match reach {
            Reach::Organization(organization) => {
                self.engine.read(&FIND_MEMBER_BY_EMAIL, values![organization.0, email]).await?
            }
            Reach::Instance => self.engine.read(&FIND_BY_EMAIL, values![email]).await?,
        };
        rows.into_iter().next().map(user).transpose()
    }

    /// Users within reach, oldest first.
    pub async fn list_users(&self, reach: Reach, page: Page) -> Result<Listed<User>, Error> {
        let rows = match reach {
            Reach::Organization(organization) => {
                let values = values![organization.0, page.above(), page.fetch()];
                self.engine.read(&LIST_MEMBERS, values).await?
            }
            Reach::Instance => self.engine.read(&LIST, values![page.above(), page.fetch()]).await?,
        };
        page.of(rows, user, |user| user.id.0)
    }

    /// Changes a user. `detail` is the JSON of what changed, for the audit.
    pub async fn update_user(
        &self,
        id: UserId,
        edit: UserEdit<'_>,
        detail: &str,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let mut plan =
            Plan::default().must(Step::one(&RENAME, values![id.0, edit.name]), Outcome::Absent);
        if let Some(email) = edit.email {
            plan = plan
                .must(readdressing(id, email), Outcome::Taken("email"))
                .also(profiles::doubting(id));
        }
        let action = match edit.standing {
            None => "user.updated",
            Some(Power::Enabled) => "user.enabled",
            Some(Power::Disabled) => "user.disabled",
        };
        plan = match edit.standing {
            None => plan,
            Some(Power::Enabled) => plan.also(Step::one(&ENABLE, values![id.0])),
            Some(Power::Disabled) => plan.also(Step::one(&DISABLE, values![id.0, act.now])),
        };
        plan = plan
            .also(act.audit(None, action, target(id), detail))
            .also(act.publish(Change::of(Kind::User, id.0)));
        self.carry_out(plan, act).await
    }

    /// Deletes a user with its memberships, and revokes every grant the user gave.
    pub async fn delete_user(&self, id: UserId, mut act: Act) -> Result<Outcome, Error> {
        let plan = Plan::default()
            .must(Step::one(&DELETE, values![id.0]), Outcome::Absent)
            .also(Step::any(&LEAVE_GROUPS, values![id.0]))
            .also(Step::any(&LEAVE_ORGANIZATIONS, values![id.0]))
            .also(totp_seeds::forget(id))
            .also(recovery_codes::forget(id))
            .also(passkeys::forget(id))
            .also(mail_codes::forget(id))
            .also(upstream_identities::forget(id))
            .also(profiles::forget(id))
            .also(Step::any(&REVOKE_GRANTS, values![id.0, act.now]))
            .and(accounts::forgetting(id))
            .also(act.audit(None, "user.deleted", target(id), "{}"))
            .also(act.publish(Change::of(Kind::User, id.0)));
        self.carry_out(plan, act).await
    }
}

/// The step that creates a user; misses when the address is taken.
pub(crate) fn creating(new: &User) -> Step {
    let values = values![new.id.0, new.email.as_str(), new.name.as_str(), new.created_at];
    Step::one(&CREATE, values)
}

/// The step that gives a user another address; misses when it is taken.
pub(crate) fn readdressing(id: UserId, email: &str) -> Step {
    Step::one(&READDRESS, values![id.0, email])
}

/// The step that misses when there is no such user, and keeps it there until the commit.
pub(crate) fn hold(id: UserId) -> Step {
    Step::one(&HOLD, values![id.0])
}

/// As [`hold`]; misses as well when the user may not act.
pub(crate) fn hold_active(id: UserId) -> Step {
    Step::one(&HOLD_ACTIVE, values![id.0])
}

fn target(id: UserId) -> String {
    format!("user:{id}")
}

pub(crate) fn user(mut row: Row) -> Result<User, Error> {
    Ok(User {
        id: UserId(row.id(0)?),
        email: row.text(1)?,
        name: row.text(2)?,
        created_at: row.time(3)?,
        disabled_at: row.maybe_time(4)?,
    })
}

static CREATE: Statement = Statement::new(
    "users.create",
    "INSERT INTO users (id, email, name, created_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (email) DO NOTHING",
);

static HOLD: Statement =
    Statement::new("users.hold", "UPDATE users SET created_at = created_at WHERE id = $1");

static HOLD_ACTIVE: Statement = Statement::new(
    "users.hold_active",
    "UPDATE users SET created_at = created_at WHERE id = $1 AND disabled_at IS NULL",
);

static FIND: Statement = Statement::new(
    "users.find",
    "SELECT id, email, name, created_at, disabled_at FROM users WHERE id = $1",
);

static FIND_BY_EMAIL: Statement = Statement::new(
    "users.find_by_email",
    "SELECT id, email, name, created_at, disabled_at FROM users WHERE email = $1",
);

static FIND_MEMBER: Statement = Statement::new(
    "users.find_member",
    "SELECT u.id, u.email, u.name, u.created_at, u.disabled_at
       FROM memberships m JOIN users u ON u.id = m.member
      WHERE m.organization = $1 AND m.member = $2",
);

static FIND_MEMBER_BY_EMAIL: Statement = Statement::new(
    "users.find_member_by_email",
    "SELECT u.id, u.email, u.name, u.created_at, u.disabled_at
       FROM memberships m JOIN users u ON u.id = m.member
      WHERE m.organization = $1 AND u.email = $2",
);

static LIST: Statement = Statement::new(
    "users.list",
    "SELECT id, email, name, created_at, disabled_at FROM users
      WHERE id > $1 ORDER BY id LIMIT $2",
);

static LIST_MEMBERS: Statement = Statement::new(
    "users.list_members",
    "SELECT u.id, u.email, u.name, u.created_at, u.disabled_at
       FROM memberships m JOIN users u ON u.id = m.member
      WHERE m.organization = $1 AND m.member > $2 ORDER BY m.member LIMIT $3",
);

static RENAME: Statement =
    Statement::new("users.rename", "UPDATE users SET name = COALESCE($2, name) WHERE id = $1");

static READDRESS: Statement = Statement::new(
    "users.readdress",
    "UPDATE users SET email = $2
      WHERE id = $1
        AND NOT EXISTS (SELECT 1 FROM users other WHERE other.email = $2 AND other.id <> $1)",
);

static DISABLE: Statement = Statement::new(
    "users.disable",
    "UPDATE users SET disabled_at = COALESCE(disabled_at, $2) WHERE id = $1",
);

static ENABLE: Statement =
    Statement::new("users.enable", "UPDATE users SET disabled_at = NULL WHERE id = $1");

static DELETE: Statement = Statement::new("users.delete", "DELETE FROM users WHERE id = $1");

static LEAVE_GROUPS: Statement =
    Statement::new("users.leave_groups", "DELETE FROM group_members WHERE member = $1");

static LEAVE_ORGANIZATIONS: Statement =
    Statement::new("users.leave_organizations", "DELETE FROM memberships WHERE member = $1");

static REVOKE_GRANTS: Statement = Statement::new(
    "users.revoke_grants",
    concat!(
        "UPDATE grants SET revoked_at = $2, revoked_why = 'user deleted' WHERE id IN ",
        ids_of_owner!("$1"),
        " AND revoked_at IS NULL"
    ),
);

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[
    &CREATE,
    &HOLD,
    &HOLD_ACTIVE,
    &FIND,
    &FIND_BY_EMAIL,
    &FIND_MEMBER,
    &FIND_MEMBER_BY_EMAIL,
    &LIST,
    &LIST_MEMBERS,
    &RENAME,
    &READDRESS,
    &DISABLE,
    &ENABLE,
    &DELETE,
    &LEAVE_GROUPS,
    &LEAVE_ORGANIZATIONS,
    &REVOKE_GRANTS,
];
