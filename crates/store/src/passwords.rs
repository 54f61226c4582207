//! Passwords as PHC strings, with a revision: what was decided on an older password does not stand.
//! Changing one ends the person's other sessions and makes recovery links worthless, in one commit.

use keyhaven_protocol::id::{SessionId, UserId};

use crate::changes::{Change, Kind};
use crate::engine::{Statement, Step};
use crate::one_time_codes::{self, Purpose};
use crate::sessions::{Why, ending_all_and_apps};
use crate::users::{self, User};
use crate::{Act, Error, Outcome, Plan, Store, values};

/// What signing in with a password reads, at once.
#[derive(Clone, Debug)]
pub struct PasswordAccount {
    /// The user with this address.
    pub user: User,
    /// The password, if there is one.
    pub password: Option<StoredPassword>,
}

/// A password as it is stored.
#[derive(Clone, Debug)]
pub struct StoredPassword {
    /// The PHC string.
    pub phc: String,
    /// How often it was changed.
    pub revision: i64,
}

impl Store {
    /// The account with this canonical address, and its password.
    pub async fn find_password_account(
        &self,
        email: &str,
    ) -> Result<Option<PasswordAccount>, Error> {
        let rows = self.engine.read(&FIND_BY_EMAIL, values![email]).await?;
        rows.into_iter().next().map(account).transpose()
    }

    /// The account of a user, and its password.
    pub async fn find_password_of(&self, user: UserId) -> Result<Option<PasswordAccount>, Error> {
        let rows = self.engine.read(&FIND, values![user.0]).await?;
        rows.into_iter().next().map(account).transpose()
    }

    /// Gives a person a new password. `was` is the revision that was looked at, `None` when there was
    /// no password: of two who change it at once, the second hears `Moved`. Every session but `keep`
    /// ends, and unspent recovery links are void.
    pub async fn change_password(
        &self,
        change: PasswordChange<'_>,
        with: Plan,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let PasswordChange { user, phc, was, keep } = change;
        let plan = with
            .must(users::hold_active(user), Outcome::Absent)
            .and(setting(user, phc, was, &act))
            .also(one_time_codes::voiding(user, Purpose::Recovery, act.now))
            .and(ending_all_and_apps(user, keep, Why::CredentialsChanged, &mut act))
            .also(act.audit(None, "password.changed", format!("user:{user}"), "{}"));
        self.carry_out(plan, act).await
    }

    /// Writes the same password again at today's cost, unless it was changed meanwhile.
    pub async fn rehash_password(
        &self,
        user: UserId,
        phc: &str,
        revision: i64,
    ) -> Result<(), Error> {
        let step = Step::any(&REHASH, values![user.0, phc, revision]);
        self.engine.commit(vec![step]).await?;
        Ok(())
    }

    /// Takes a person's password away: they must choose a new one by a recovery link. Every session
    /// ends.
    pub async fn require_reset(&self, user: UserId, mut act: Act) -> Result<Outcome, Error> {
        let plan = Plan::default()
            .must(users::hold(user), Outcome::Absent)
            .also(Step::any(&FORGET, values![user.0]))
            .and(ending_all_and_apps(user, None, Why::EndedByAdministrator, &mut act))
            .also(act.audit(None, "password.reset_required", format!("user:{user}"), "{}"))
            .also(act.publish(Change::of(Kind::User, user.0)));
        self.carry_out(plan, act).await
    }
}

/// A new password on its way in.
#[derive(Clone, Copy, Debug)]
pub struct PasswordChange<'a> {
    /// Whose.
    pub user: UserId,
    /// The PHC string.
    pub phc: &'a str,
    /// The revision it replaces.
    pub was: Option<i64>,
    /// The session that goes on.
    pub keep: Option<SessionId>,
}

/// The step that sets a password, for commits that do more. Misses as `Moved`.
pub(crate) fn setting(user: UserId, phc: &str, was: Option<i64>, act: &Act) -> Plan {
    let step = match was {
        None => Step::one(&SET, values![user.0, phc, act.now]),
        Some(revision) => Step::one(&REPLACE, values![user.0, phc, act.now, revision]),
    };
    Plan::default().must(step, Outcome::Moved)
}

/// The step that holds on to the password a sign-in was decided on. Misses as `Moved`.
#[must_use]
pub fn holding(user: UserId, revision: i64) -> Plan {
    Plan::default().must(Step::one(&HOLD, values![user.0, revision]), Outcome::Moved)
}

fn account(mut row: crate::engine::Row) -> Result<PasswordAccount, Error> {
    let password = match row.maybe_text(5)? {
        None => None,
        Some(phc) => Some(StoredPassword { phc, revision: row.int(6)? }),
    };
    Ok(PasswordAccount { password, user: users::user(row)? })
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT u.id, u.email, u.name, u.created_at, u.disabled_at, p.phc, p.revision
               FROM users u LEFT JOIN passwords p ON p.member = u.id ",
            $rest
        )
    };
}

static FIND_BY_EMAIL: Statement =
    Statement::new("passwords.find_by_email", select!("WHERE u.email = $1"));

static FIND: Statement = Statement::new("passwords.find", select!("WHERE u.id = $1"));

static SET: Statement = Statement::new(
    "passwords.set",
    "INSERT INTO passwords (member, phc, revision, changed_at) VALUES ($1, $2, 1, $3)
     ON CONFLICT (member) DO NOTHING",
);

static REPLACE: Statement = Statement::new(
    "passwords.replace",
    "UPDATE passwords SET phc = $2, revision = revision + 1, changed_at = $3
      WHERE member = $1 AND revision = $4",
);

static REHASH: Statement = Statement::new(
    "passwords.rehash",
    "UPDATE passwords SET phc = $2 WHERE member = $1 AND revision = $3",
);

static HOLD: Statement = Statement::new(
    "passwords.hold",
    "UPDATE passwords SET revision = revision WHERE member = $1 AND revision = $2",
);

static FORGET: Statement =
    Statement::new("passwords.forget", "DELETE FROM passwords WHERE member = $1");

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] =
    &[&FIND_BY_EMAIL, &FIND, &SET, &REPLACE, &REHASH, &HOLD, &FORGET];
