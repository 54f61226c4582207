//! Making an account, and giving one another address: what belongs together is one commit, and what
//! was spent for it is spent with it.

use keyhaven_protocol::id::{OrganizationId, SessionId, UserId};

use crate::changes::{Change, Kind};
use crate::engine::{Statement, Step};
use crate::memberships::Role;
use crate::one_time_codes::{self, Purpose};
use crate::organizations::{self, Organization};
use crate::projects::{self, Project};
use crate::sessions::{Why, ending_all_and_apps};
use crate::users::{self, User};
use crate::{
    Act, Error, Outcome, Plan, Store, instance, memberships, passwords, people, profiles, values,
};

/// An account about to be made.
#[derive(Clone, Debug)]
pub struct NewAccount<'a> {
    /// The person.
    pub user: &'a User,
    /// Their password as a PHC string, if they chose one.
    pub phc: Option<&'a str>,
    /// Where they belong from the beginning, and as what.
    pub membership: Option<(OrganizationId, Role)>,
    /// Whether they have shown to receive mail at their address.
    pub address: Address,
}

/// What is known of an address when its account is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// What was made was sent there and nowhere else.
    Shown,
    /// Somebody says so.
    Told,
}

impl Store {
    /// Makes an account. `with` holds the code that was spent for it. `Taken("email")` when the
    /// address has an account, `Absent` when the organization is gone.
    pub async fn create_account(
        &self,
        new: &NewAccount<'_>,
        with: Plan,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let plan = with.and(creating(new, &mut act));
        self.carry_out(plan, act).await
    }

    /// Makes the first administrator, once in the life of an instance: `Full("administrators")` when
    /// somebody did before.
    pub async fn create_first_administrator(
        &self,
        new: &NewAccount<'_>,
        with: Plan,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let user = new.user.id;
        let first = instance::stating("first_administrator", &user.to_string());
        let plan = with
            .must(first, Outcome::Full("administrators"))
            .and(creating(new, &mut act))
            .also(people::appoint(user, act.now))
            .also(act.audit(None, "administrator.appointed", target(user), "{}"));
        self.carry_out(plan, act).await
    }

    /// Makes an existing user a member by an invitation that is spent with it. `Taken("user")` when
    /// they are one already.
    pub async fn join_organization(
        &self,
        user: UserId,
        organization: OrganizationId,
        role: Role,
        with: Plan,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let plan = with
            .must(users::hold_active(user), Outcome::Absent)
            .and(memberships::adding(organization, user, role, &mut act))
            .also(act.publish(Change::of(Kind::User, user.0)));
        self.carry_out(plan, act).await
    }

    /// A person who belongs nowhere makes an organization of their own, with its first project.
    /// `Taken("slug")` when the slug is taken, `Taken("user")` when they belong somewhere by now.
    pub async fn found_organization(
        &self,
        organization: &Organization,
        project: &Project,
        user: UserId,
        role: Role,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        // The user is held first: of two at once the second looks when the first is done.
        let plan = Plan::default()
            .must(users::hold_active(user), Outcome::Absent)
            .must(Step::one(&BELONGS_NOWHERE, values![user.0]), Outcome::Taken("user"))
            .and(organizations::creating(organization, &mut act))
            .also(projects::creating(project))
            .and(memberships::adding(organization.id, user, role, &mut act))
            .also(act.publish(Change::of(Kind::User, user.0)));
        self.carry_out(plan, act).await
    }

    /// Gives a person another address, which they have shown to receive mail at. Every session but `keep` ends, and
    /// links that were sent to the old address are void. `Taken("email")` when another has it.
    pub async fn change_address(
        &self,
        user: UserId,
        email: &str,
        keep: Option<SessionId>,
        with: Plan,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let now = act.now;
        let plan = with
            .must(users::hold_active(user), Outcome::Absent)
            .must(users::readdressing(user, email), Outcome::Taken("email"))
            .and(profiles::verifying(user, email, now))
            .also(one_time_codes::voiding(user, Purpose::Recovery, now))
            .also(one_time_codes::voiding(user, Purpose::EmailChange, now))
            .and(ending_all_and_apps(user, keep, Why::CredentialsChanged, &mut act))
            .also(act.audit(None, "user.address_changed", target(user), "{}"));
        self.carry_out(plan, act).await
    }
}

fn creating(new: &NewAccount<'_>, act: &mut Act) -> Plan {
    let user = new.user;
    let mut plan = Plan::default()
        .must(users::creating(user), Outcome::Taken("email"))
        .also(act.audit(None, "user.created", target(user.id), "{}"));
    if new.address == Address::Shown {
        plan = plan.and(profiles::verifying(user.id, &user.email, act.now));
    }
    if let Some(phc) = new.phc {
        plan = plan.and(passwords::setting(user.id, phc, None, act));
    }
    if let Some((organization, role)) = new.membership {
        plan = plan.and(memberships::adding(organization, user.id, role, act));
    }
    plan
}

fn target(id: UserId) -> String {
    format!("user:{id}")
}

/// The steps that take what belongs to a person's account with them.
pub(crate) fn forgetting(user: UserId) -> Plan {
    [
        &FORGET_PASSWORD,
        &FORGET_FACTORS,
        &FORGET_CODES,
        &FORGET_SIGN_INS,
        &FORGET_OFFICE,
        &FORGET_SESSIONS,
    ]
    .into_iter()
    .fold(Plan::default(), |plan, statement| plan.also(Step::any(statement, values![user.0])))
}

static BELONGS_NOWHERE: Statement = Statement::new(
    "accounts.belongs_nowhere",
    "UPDATE users SET created_at = created_at
      WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM memberships WHERE member = $1)",
);

static FORGET_PASSWORD: Statement =
    Statement::new("accounts.forget_password", "DELETE FROM passwords WHERE member = $1");

static FORGET_FACTORS: Statement =
    Statement::new("accounts.forget_factors", "DELETE FROM second_factors WHERE member = $1");

static FORGET_CODES: Statement =
    Statement::new("accounts.forget_codes", "DELETE FROM one_time_codes WHERE member = $1");

static FORGET_SIGN_INS: Statement =
    Statement::new("accounts.forget_sign_ins", "DELETE FROM pending_sign_ins WHERE member = $1");

static FORGET_OFFICE: Statement =
    Statement::new("accounts.forget_office", "DELETE FROM administrators WHERE member = $1");

static FORGET_SESSIONS: Statement =
    Statement::new("accounts.forget_sessions", "DELETE FROM sessions WHERE member = $1");

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[
    &BELONGS_NOWHERE,
    &FORGET_PASSWORD,
    &FORGET_FACTORS,
    &FORGET_CODES,
    &FORGET_SIGN_INS,
    &FORGET_OFFICE,
    &FORGET_SESSIONS,
];
