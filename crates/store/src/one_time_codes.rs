//! One-time codes: links, invitations, tickets. Each is 256 random bits, bound to one purpose, kept
//! as a digest, and spent by the guarded write of what it was for.

use keyhaven_protocol::credential::{self, Presented};
use keyhaven_protocol::id::{Id, OrganizationId, UserId};
use keyhaven_protocol::secret::{Digest, Secret};
use keyhaven_protocol::time::{Seconds, Timestamp};

use crate::engine::{Row, Statement, Step};
use crate::{Error, Listed, Outcome, Page, Plan, Reach, Store, values};

/// What a code is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A trusted backend has authenticated the user (a sign-in ticket).
    Ticket,
    /// A sign-in at the pages that a dashboard completes at its callback.
    Callback,
    /// To make an account, or to join an organization.
    Invitation,
    /// To prove an address and make an account for it.
    SignUp,
    /// To choose a new password.
    Recovery,
    /// To prove a new address.
    EmailChange,
    /// To make the first administrator.
    FirstRun,
}

impl Purpose {
    const ALL: [Self; 7] = [
        Self::Ticket,
        Self::Callback,
        Self::Invitation,
        Self::SignUp,
        Self::Recovery,
        Self::EmailChange,
        Self::FirstRun,
    ];

    /// The word in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ticket => "ticket",
            Self::Callback => "callback",
            Self::Invitation => "invitation",
            Self::SignUp => "sign_up",
            Self::Recovery => "recovery",
            Self::EmailChange => "email_change",
            Self::FirstRun => "first_run",
        }
    }

    /// How long such a code lives: mailed ones at most half an hour (V6.3.7), but an invitation
    /// waits for somebody who does not expect it.
    #[must_use]
    pub const fn lives(self) -> Seconds {
        match self {
            Self::Ticket | Self::Callback => Seconds(60),
            Self::SignUp | Self::Recovery | Self::EmailChange => Seconds(30 * 60),
            Self::Invitation => Seconds(7 * 86_400),
            Self::FirstRun => Seconds(86_400),
        }
    }
}

/// A code as the database keeps it.
#[derive(Clone, Debug)]
pub struct OneTimeCode {
    /// Its id, part of the text.
    pub id: Id,
    /// The digest of its text.
    pub hash: Digest,
    /// What it is good for.
    pub purpose: Purpose,
    /// The organization it leads into.
    pub organization: Option<OrganizationId>,
    /// The user it is for, if there is one already.
    pub user: Option<UserId>,
    /// The address it was sent to; empty when none.
    pub subject: String,
    /// What it carries, for its purpose to read.
    pub detail: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl OneTimeCode {
    /// A new code for `purpose`, and its text, which is shown once.
    #[must_use]
    pub fn mint(purpose: Purpose, id: Id, bytes: &[u8; 32], now: Timestamp) -> (Self, Secret) {
        let text = credential::mint(credential::Kind::Once, id, bytes);
        let code = Self {
            id,
            hash: text.digest(),
            purpose,
            organization: None,
            user: None,
            subject: String::new(),
            detail: String::new(),
            created_at: now,
            expires_at: now.plus(purpose.lives()),
        };
        (code, text)
    }
}

impl Store {
    /// Keeps a code. `action` names the deed for the audit, such as `user.invited`.
    pub async fn keep_one_time_code(
        &self,
        code: &OneTimeCode,
        action: &'static str,
        mut act: crate::Act,
    ) -> Result<Outcome, Error> {
        let target = match code.user {
            Some(user) => format!("user:{user}"),
            None => format!("code:{}", code.id),
        };
        let audit = act.audit(code.organization, action, target, "{}");
        let plan = Plan::default().and(keeping(code)).also(audit);
        self.carry_out(plan, act).await
    }

    /// The unspent code of this purpose that a text names, while it lives.
    pub async fn find_one_time_code(
        &self,
        purpose: Purpose,
        presented: &Presented,
        now: Timestamp,
    ) -> Result<Option<OneTimeCode>, Error> {
        let values = values![purpose.as_str(), presented.id, now];
        let rows = self.engine.read(&FIND, values).await?;
        let found = rows.into_iter().next().map(code).transpose()?;
        Ok(found.filter(|found| found.hash == presented.digest))
    }

    /// The unspent codes of one purpose within reach, oldest first.
    pub async fn list_one_time_codes(
        &self,
        reach: Reach,
        purpose: Purpose,
        page: Page,
        now: Timestamp,
    ) -> Result<Listed<OneTimeCode>, Error> {
        let values = values![reach, purpose.as_str(), now, page.above(), page.fetch()];
        page.of(self.engine.read(&LIST, values).await?, code, |code| code.id)
    }

    /// Makes an unspent code worthless. `Absent` when there is none within reach. `action` names the
    /// deed for the audit.
    pub async fn withdraw_one_time_code(
        &self,
        reach: Reach,
        purpose: Purpose,
        id: Id,
        action: &'static str,
        mut act: crate::Act,
    ) -> Result<Outcome, Error> {
        let values = values![purpose.as_str(), id, reach, act.now];
        let plan = Plan::default()
            .must(Step::one(&WITHDRAW, values), Outcome::Absent)
            .also(act.audit(reach.organization(), action, format!("code:{id}"), "{}"));
        self.carry_out(plan, act).await
    }
}

/// The step that keeps a code, to go into the commit of what made it.
#[must_use]
pub fn keeping(code: &OneTimeCode) -> Plan {
    Plan::default().also(Step::one(
        &KEEP,
        values![
            code.id,
            code.hash,
            code.purpose.as_str(),
            code.organization.map(|organization| organization.0),
            code.user.map(|user| user.0),
            code.subject.as_str(),
            code.detail.as_str(),
            code.created_at,
            code.expires_at,
        ],
    ))
}

/// The step that spends a code: of many who present it, one wins, the others hear `Moved`.
#[must_use]
pub fn spending(code: &OneTimeCode, now: Timestamp) -> Plan {
    let values = values![code.purpose.as_str(), code.id, code.hash, now];
    Plan::default().must(Step::one(&SPEND, values), Outcome::Moved)
}

/// The step that makes a user's other unspent codes of one purpose worthless.
pub(crate) fn voiding(user: UserId, purpose: Purpose, now: Timestamp) -> Step {
    Step::any(&VOID, values![user.0, purpose.as_str(), now])
}

fn code(mut row: Row) -> Result<OneTimeCode, Error> {
    let word = row.text(2)?;
    let purpose = Purpose::ALL.into_iter().find(|purpose| purpose.as_str() == word);
    Ok(OneTimeCode {
        id: row.id(0)?,
        hash: row.digest(1)?,
        purpose: purpose.ok_or_else(|| Error::broken("one_time_codes.purpose is unknown"))?,
        organization: row.maybe_id(3)?.map(OrganizationId),
        user: row.maybe_id(4)?.map(UserId),
        subject: row.text(5)?,
        detail: row.text(6)?,
        created_at: row.time(7)?,
        expires_at: row.time(8)?,
    })
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, hash, purpose, organization, member, subject, detail, created_at, expires_at
               FROM one_time_codes ",
            $rest
        )
    };
}

static KEEP: Statement = Statement::new(
    "one_time_codes.keep",
    "INSERT INTO one_time_codes (id, hash, purpose, organization, member, subject, detail, created_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
);

static FIND: Statement = Statement::new(
    "one_time_codes.find",
    select!("WHERE purpose = $1 AND id = $2 AND spent_at IS NULL AND expires_at > $3"),
);

static LIST: Statement = Statement::new(
    "one_time_codes.list",
    select!(
        "WHERE organization IS NOT DISTINCT FROM COALESCE($1, organization) AND purpose = $2
           AND spent_at IS NULL AND expires_at > $3 AND id > $4 ORDER BY id LIMIT $5"
    ),
);

static SPEND: Statement = Statement::new(
    "one_time_codes.spend",
    "UPDATE one_time_codes SET spent_at = $4
      WHERE purpose = $1 AND id = $2 AND hash = $3 AND spent_at IS NULL AND expires_at > $4",
);

static WITHDRAW: Statement = Statement::new(
    "one_time_codes.withdraw",
    "UPDATE one_time_codes SET spent_at = $4
      WHERE purpose = $1 AND id = $2 AND organization IS NOT DISTINCT FROM COALESCE($3, organization)
        AND spent_at IS NULL AND expires_at > $4",
);

static VOID: Statement = Statement::new(
    "one_time_codes.void",
    "UPDATE one_time_codes SET spent_at = $3
      WHERE member = $1 AND purpose = $2 AND spent_at IS NULL",
);

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[&KEEP, &FIND, &LIST, &SPEND, &WITHDRAW, &VOID];
