//! Who people are elsewhere: (issuer, subject), unique. Nothing here looks at an address: linking by
//! address would give an account to whoever holds the mailbox elsewhere.

use keyhaven_protocol::id::{Id, OrganizationId, UserId};
use keyhaven_protocol::time::Timestamp;

use crate::act::Plan;
use crate::changes::{Change, Kind};
use crate::engine::{Row, Statement, Step};
use crate::memberships::{self, Role};
use crate::users::{self, User};
use crate::{Act, Error, Outcome, Store, organizations, values};

/// Links one person may have.
pub const MOST: i64 = 20;

/// One of our users, as another provider knows them.
#[derive(Clone, Debug)]
pub struct UpstreamIdentity {
    /// Its id.
    pub id: Id,
    /// Which of our users.
    pub user: UserId,
    /// The provider it was linked with.
    pub provider: Id,
    /// Whose name it is.
    pub issuer: String,
    /// The name.
    pub subject: String,
    /// The address the provider told, to be shown.
    pub email: Option<String>,
    /// When it was linked.
    pub created_at: Timestamp,
    /// When it was used last.
    pub used_at: Option<Timestamp>,
}

impl Store {
    /// Who of ours it is.
    pub async fn find_upstream_identity(
        &self,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<UpstreamIdentity>, Error> {
        let rows = self.engine.read(&FIND, values![issuer, subject]).await?;
        rows.into_iter().next().map(identity).transpose()
    }

    /// A person's links, oldest first.
    pub async fn list_upstream_identities(
        &self,
        user: UserId,
    ) -> Result<Vec<UpstreamIdentity>, Error> {
        let rows = self.engine.read(&LIST, values![user.0]).await?;
        rows.into_iter().map(identity).collect()
    }

    /// Links a person who is signed in; `with` holds the spent flow. `Taken("identity")` when the
    /// identity is somebody's already, `Full("identities")` at the most.
    pub async fn link_upstream(
        &self,
        new: &UpstreamIdentity,
        with: Plan,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let plan = with
            .and(linking(new))
            .also(act.audit(None, "upstream.linked", target(new.user), detail(new.provider)))
            .also(act.publish(Change::of(Kind::User, new.user.0)));
        self.carry_out(plan, act).await
    }

    /// Makes an account for somebody whom a provider vouches for, linked and in its organization, all
    /// or nothing. `with` is what goes with it, after the account is there. `Taken("email")` when
    /// somebody has the address meanwhile.
    pub async fn admit_newcomer(
        &self,
        user: &User,
        member_of: Option<OrganizationId>,
        identity: &UpstreamIdentity,
        with: Plan,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let mut plan = Plan::default()
            .must(users::creating(user), Outcome::Taken("email"))
            .and(linking(identity))
            .and(with)
            .also(act.audit(None, "user.admitted", target(user.id), detail(identity.provider)));
        if let Some(organization) = member_of {
            plan = plan
                .must(organizations::hold(organization), Outcome::Absent)
                .also(memberships::join(organization, user.id, Role::Member, act.now))
                .also(act.audit(
                    Some(organization),
                    "member.added",
                    target(user.id),
                    detail(identity.provider),
                ));
        }
        let plan = plan.also(act.publish(Change::of(Kind::User, user.id.0)));
        self.carry_out(plan, act).await
    }

    /// Unlinks.
    pub async fn unlink_upstream(
        &self,
        user: UserId,
        identity: Id,
        with: Plan,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let plan = Plan::default()
            .must(Step::one(&UNLINK, values![user.0, identity]), Outcome::Absent)
            .also(act.audit(
                None,
                "upstream.unlinked",
                target(user),
                format!(r#"{{"identity":"{identity}"}}"#),
            ))
            .also(act.publish(Change::of(Kind::User, user.0)))
            .and(with);
        self.carry_out(plan, act).await
    }
}

/// The steps that link, to go into the commit that makes the person or carries the link out.
#[must_use]
pub fn linking(new: &UpstreamIdentity) -> Plan {
    let values = values![
        new.id,
        new.user.0,
        new.provider,
        new.issuer.as_str(),
        new.subject.as_str(),
        new.email.as_deref(),
        new.created_at,
        new.used_at,
    ];
    Plan::default()
        .must(users::hold(new.user), Outcome::Absent)
        .must(Step::one(&HAS_ROOM, values![new.user.0, MOST]), Outcome::Full("identities"))
        .must(Step::one(&LINK, values), Outcome::Taken("identity"))
}

/// Writes the use of a link, in the commit of the sign-in; `Moved` when it was unlinked meanwhile.
#[must_use]
pub fn using(identity: &UpstreamIdentity, now: Timestamp) -> Plan {
    let values = values![identity.user.0, identity.id, now];
    Plan::default().must(Step::one(&USE, values), Outcome::Moved)
}

pub(crate) fn forget(user: UserId) -> Step {
    Step::any(&FORGET, values![user.0])
}

fn target(user: UserId) -> String {
    format!("user:{user}")
}

fn detail(provider: Id) -> String {
    format!(r#"{{"upstream":"{provider}"}}"#)
}

fn identity(mut row: Row) -> Result<UpstreamIdentity, Error> {
    Ok(UpstreamIdentity {
        id: row.id(0)?,
        user: UserId(row.id(1)?),
        provider: row.id(2)?,
        issuer: row.text(3)?,
        subject: row.text(4)?,
        email: row.maybe_text(5)?,
        created_at: row.time(6)?,
        used_at: row.maybe_time(7)?,
    })
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, owner, provider, issuer, subject, email, created_at, used_at
               FROM upstream_identities ",
            $rest
        )
    };
}

static FIND: Statement =
    Statement::new("upstream_identities.find", select!("WHERE issuer = $1 AND subject = $2"));

static LIST: Statement =
    Statement::new("upstream_identities.list", select!("WHERE owner = $1 ORDER BY id"));

static HAS_ROOM: Statement = Statement::new(
    "upstream_identities.has_room",
    "UPDATE users SET created_at = created_at
      WHERE id = $1 AND (SELECT COUNT(*) FROM upstream_identities WHERE owner = $1) < $2",
);

static LINK: Statement = Statement::new(
    "upstream_identities.link",
    "INSERT INTO upstream_identities (id, owner, provider, issuer, subject, email, created_at, used_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (issuer, subject) DO NOTHING",
);

static USE: Statement = Statement::new(
    "upstream_identities.use",
    "UPDATE upstream_identities SET used_at = $3 WHERE owner = $1 AND id = $2",
);

static UNLINK: Statement = Statement::new(
    "upstream_identities.unlink",
    "DELETE FROM upstream_identities WHERE owner = $1 AND id = $2",
);

static FORGET: Statement = Statement::new(
    "upstream_identities.forget",
    "DELETE FROM upstream_identities WHERE owner = $1",
);

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[&FIND, &LIST, &HAS_ROOM, &LINK, &USE, &UNLINK, &FORGET];
