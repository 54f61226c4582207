//! Passkeys: public keys of authenticators, each with a counter that only grows. Reading what an
//! authenticator says is the rule's matter (`protocol::webauthn`).

use keyhaven_protocol::id::{Id, UserId};
use keyhaven_protocol::sign_in::Method;
use keyhaven_protocol::time::Timestamp;
use keyhaven_protocol::webauthn::{Known, NewPasskey, SignedIn};

use crate::act::Plan;
use crate::changes::{Change, Kind};
use crate::engine::{Row, Statement, Step};
use crate::people;
use crate::users;
use crate::{Act, Error, Outcome, Store, values};

/// Passkeys one person may have.
pub const MOST: i64 = 20;

/// A registered passkey.
#[derive(Clone, Debug)]
pub struct Passkey {
    /// Our id of it.
    pub id: Id,
    /// Whose it is.
    pub user: UserId,
    /// The authenticator's id of it.
    pub credential: Vec<u8>,
    /// Its COSE public key.
    pub public_key: Vec<u8>,
    /// The counter it showed last.
    pub sign_count: u32,
    /// Whether it may be copied to other devices of its owner.
    pub backup_eligible: bool,
    /// Since when it is.
    pub backed_up_at: Option<Timestamp>,
    /// How browsers reach it: words separated by spaces.
    pub transports: String,
    /// What its owner calls it.
    pub name: String,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was used last.
    pub used_at: Option<Timestamp>,
}

impl Passkey {
    /// As the rule of signing in wants to know it.
    #[must_use]
    pub fn known(&self) -> Known<'_> {
        Known {
            key: &self.public_key,
            sign_count: self.sign_count,
            backup_eligible: self.backup_eligible,
            user_handle: &self.user.0.0,
        }
    }
}

/// A passkey to keep.
#[derive(Clone, Copy, Debug)]
pub struct Registration<'a> {
    /// Our id of it.
    pub id: Id,
    /// What the rule made of the browser's answer.
    pub passkey: &'a NewPasskey,
    /// How browsers reach it.
    pub transports: &'a str,
    /// What its owner calls it.
    pub name: &'a str,
}

impl Store {
    /// Keeps a new passkey; `with` holds the spent challenge. `Taken("passkey")` when the credential
    /// is known, whoever's it is, and `Full("passkeys")` at the most.
    pub async fn register_passkey(
        &self,
        user: UserId,
        new: Registration<'_>,
        with: Plan,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let key = new.passkey;
        let bound_to = if key.backup_eligible { OWNER } else { DEVICE };
        let values = values![
            new.id,
            user.0,
            key.id.as_slice(),
            key.key.as_slice(),
            i64::from(key.sign_count),
            bound_to,
            key.backed_up.then_some(act.now),
            key.aaguid.as_slice(),
            new.transports,
            new.name,
            act.now,
        ];
        let plan = with
            .must(users::hold(user), Outcome::Absent)
            .must(Step::one(&HAS_ROOM, values![user.0, MOST]), Outcome::Full("passkeys"))
            .must(Step::one(&REGISTER, values), Outcome::Taken("passkey"))
            .and(people::enrolling(user, Method::Passkey, act.now))
            .also(act.audit(None, "factor.added", target(user), METHOD))
            .also(act.publish(Change::of(Kind::User, user.0)));
        self.carry_out(plan, act).await
    }

    /// The passkey an authenticator names, whoever's it is.
    pub async fn find_passkey(&self, credential: &[u8]) -> Result<Option<Passkey>, Error> {
        let rows = self.engine.read(&FIND, values![credential]).await?;
        rows.into_iter().next().map(passkey).transpose()
    }

    /// A person's passkeys, oldest first.
    pub async fn list_passkeys(&self, user: UserId) -> Result<Vec<Passkey>, Error> {
        let rows = self.engine.read(&LIST, values![user.0]).await?;
        rows.into_iter().map(passkey).collect()
    }

    /// Calls a passkey something else.
    pub async fn rename_passkey(
        &self,
        user: UserId,
        passkey: Id,
        name: &str,
        act: Act,
    ) -> Result<Outcome, Error> {
        let values = values![user.0, passkey, name];
        let plan = Plan::default().must(Step::one(&RENAME, values), Outcome::Absent);
        self.carry_out(plan, act).await
    }

    /// Takes a passkey away.
    pub async fn remove_passkey(
        &self,
        user: UserId,
        passkey: Id,
        with: Plan,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let plan = Plan::default()
            .must(users::hold(user), Outcome::Absent)
            .must(Step::one(&REMOVE, values![user.0, passkey]), Outcome::Absent)
            .also(Step::any(&LEAVE, values![user.0]))
            .also(act.audit(None, "factor.removed", target(user), METHOD))
            .also(act.publish(Change::of(Kind::User, user.0)))
            .and(with);
        self.carry_out(plan, act).await
    }
}

/// Writes the use of a passkey, in the commit of what it was for. `Moved` when its counter has
/// grown past this one meanwhile, or it is gone.
#[must_use]
pub fn using(passkey: &Passkey, signed_in: SignedIn, now: Timestamp) -> Plan {
    let backed_up_at = match (signed_in.backed_up, passkey.backed_up_at) {
        (false, _) => None,
        (true, since) => Some(since.unwrap_or(now)),
    };
    let sign_count = i64::from(signed_in.sign_count);
    let values = values![passkey.user.0, passkey.id, sign_count, backed_up_at, now];
    Plan::default().must(Step::one(&USE, values), Outcome::Moved)
}

/// For the audit.
const METHOD: &str = r#"{"method":"passkey"}"#;

fn target(user: UserId) -> String {
    format!("user:{user}")
}

pub(crate) fn forget(user: UserId) -> Step {
    Step::any(&FORGET, values![user.0])
}

const OWNER: &str = "owner";
const DEVICE: &str = "device";

fn passkey(mut row: Row) -> Result<Passkey, Error> {
    let count = u32::try_from(row.int(4)?);
    Ok(Passkey {
        id: row.id(0)?,
        user: UserId(row.id(1)?),
        credential: row.bytes(2)?,
        public_key: row.bytes(3)?,
        sign_count: count.map_err(|_| Error::broken("passkeys.sign_count is out of range"))?,
        backup_eligible: row.text(5)? == OWNER,
        backed_up_at: row.maybe_time(6)?,
        transports: row.text(7)?,
        name: row.text(8)?,
        created_at: row.time(9)?,
        used_at: row.maybe_time(10)?,
    })
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, owner, credential, public_key, sign_count, bound_to, backed_up_at, transports, name,
                    created_at, used_at FROM passkeys ",
            $rest
        )
    };
}

// A statement of its own behind the one that holds the owner, so that on PostgreSQL it counts what
// others have committed meanwhile.
static HAS_ROOM: Statement = Statement::new(
    "passkeys.has_room",
    "UPDATE users SET created_at = created_at
      WHERE id = $1 AND (SELECT COUNT(*) FROM passkeys WHERE owner = $1) < $2",
);

static REGISTER: Statement = Statement::new(
    "passkeys.register",
    "INSERT INTO passkeys (id, owner, credential, public_key, sign_count, bound_to, backed_up_at, make,
                           transports, name, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (credential) DO NOTHING",
);

static FIND: Statement = Statement::new("passkeys.find", select!("WHERE credential = $1"));

static LIST: Statement = Statement::new("passkeys.list", select!("WHERE owner = $1 ORDER BY id"));

static RENAME: Statement =
    Statement::new("passkeys.rename", "UPDATE passkeys SET name = $3 WHERE owner = $1 AND id = $2");

static USE: Statement = Statement::new(
    "passkeys.use",
    "UPDATE passkeys SET sign_count = $3, backed_up_at = $4, used_at = $5
      WHERE owner = $1 AND id = $2 AND (sign_count < $3 OR (sign_count = 0 AND $3 = 0))",
);

static REMOVE: Statement =
    Statement::new("passkeys.remove", "DELETE FROM passkeys WHERE owner = $1 AND id = $2");

// Other passkeys of the person still are a second factor.
static LEAVE: Statement = Statement::new(
    "passkeys.leave",
    "DELETE FROM second_factors
      WHERE member = $1 AND method = 'passkey'
        AND NOT EXISTS (SELECT 1 FROM passkeys WHERE owner = $1)",
);

static FORGET: Statement =
    Statement::new("passkeys.forget", "DELETE FROM passkeys WHERE owner = $1");

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] =
    &[&HAS_ROOM, &REGISTER, &FIND, &LIST, &RENAME, &USE, &REMOVE, &LEAVE, &FORGET];
