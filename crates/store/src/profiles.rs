//! Claims about people beyond what their account says (OpenID Connect Core §5.1), kept by
//! administrators as one document per person.

use keyhaven_protocol::id::UserId;
use keyhaven_protocol::person::Person;
use keyhaven_protocol::time::Timestamp;

use crate::act::Plan;
use crate::engine::{Statement, Step};
use crate::{Act, Error, Outcome, Store, values};

/// A person as claims tell of them, with what the account knows.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The document.
    pub claims: Person,
    /// The account's canonical address.
    pub email: String,
    /// Whether the person proved to receive mail there.
    pub email_verified: bool,
    /// The account's name.
    pub name: String,
    /// When anything of it last changed, as far as known.
    pub changed_at: Timestamp,
}

impl Store {
    /// What is known of `user`; `None` when there is no such user.
    pub async fn find_profile(&self, user: UserId) -> Result<Option<Profile>, Error> {
        let rows = self.engine.read(&FIND, values![user.0]).await?;
        let Some(mut row) = rows.into_iter().next() else { return Ok(None) };
        let claims = match row.maybe_text(3)? {
            None => Person::default(),
            Some(text) => Person::of_stored(&text)
                .ok_or_else(|| Error::broken("profiles.claims is not an object"))?,
        };
        let created_at = row.time(2)?;
        Ok(Some(Profile {
            claims,
            email: row.text(0)?,
            email_verified: row.maybe_time(5)?.is_some(),
            name: row.text(1)?,
            changed_at: row.maybe_time(4)?.unwrap_or(created_at),
        }))
    }

    /// Replaces the document of `user`; `Absent` when there is no such user.
    pub async fn write_profile(
        &self,
        user: UserId,
        claims: &Person,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let values = values![user.0, claims.to_text(), act.now];
        let plan = Plan::default()
            .must(Step::one(&WRITE, values), Outcome::Absent)
            .also(act.audit(None, "user.profile_changed", format!("user:{user}"), "{}"));
        self.carry_out(plan, act).await
    }
}

/// The step that notes that a person has shown to receive mail at this address, for the commit of what
/// showed it. It notes nothing when the account has another address by then.
#[must_use]
pub fn verifying(user: UserId, email: &str, now: Timestamp) -> Plan {
    Plan::default().also(Step::any(&VERIFY_EMAIL, values![user.0, now, email]))
}

/// The step that forgets it, for the commit that gives the account an address nobody has shown.
pub(crate) fn doubting(user: UserId) -> Step {
    Step::any(&DOUBT_EMAIL, values![user.0])
}

/// The step that takes the document with its account.
pub(crate) fn forget(user: UserId) -> Step {
    Step::any(&FORGET, values![user.0])
}

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[&FIND, &WRITE, &VERIFY_EMAIL, &DOUBT_EMAIL, &FORGET];

static FIND: Statement = Statement::new(
    "profiles.find",
    "SELECT u.email, u.name, u.created_at, p.claims, p.changed_at, p.email_verified_at \
     FROM users u LEFT JOIN profiles p ON p.member = u.id WHERE u.id = $1",
);

static WRITE: Statement = Statement::new(
    "profiles.write",
    "INSERT INTO profiles (member, claims, changed_at) SELECT id, $2, $3 FROM users WHERE id = $1 \
     ON CONFLICT (member) DO UPDATE SET claims = excluded.claims, changed_at = excluded.changed_at",
);

static VERIFY_EMAIL: Statement = Statement::new(
    "profiles.verify_email",
    "INSERT INTO profiles (member, claims, changed_at, email_verified_at) \
     SELECT id, '{}', $2, $2 FROM users WHERE id = $1 AND email = $3 \
     ON CONFLICT (member) DO UPDATE SET email_verified_at = excluded.email_verified_at",
);

static FORGET: Statement =
    Statement::new("profiles.forget", "DELETE FROM profiles WHERE member = $1");

static DOUBT_EMAIL: Statement = Statement::new(
    "profiles.doubt_email",
    "UPDATE profiles SET email_verified_at = NULL WHERE member = $1",
);
