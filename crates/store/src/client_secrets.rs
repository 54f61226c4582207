//! Client secrets: at most two live at once, so that a client can be moved from one to the next
//! without a moment in which it has none (security bar: client authentication).
//!
//! Only hashes get here. The guard on two is in the insert, behind a write to the client's own row
//! that makes concurrent rotations take turns on every engine.

use keyhaven_protocol::client::Client;
use keyhaven_protocol::credential::{self, Kind as CredentialKind};
use keyhaven_protocol::id::{ClientId, Id};
use keyhaven_protocol::secret::{Digest, Secret};
use keyhaven_protocol::time::{Seconds, Timestamp};

use crate::act::Plan;
use crate::changes::{Change, Kind};
use crate::clients::{target, tenant};
use crate::engine::{Row, Statement, Step};
use crate::{Act, Error, Outcome, Store, values};

/// A secret that is about to be stored, and its text, to be shown once.
#[derive(Debug)]
pub struct NewSecret {
    /// The id inside the secret's text.
    pub id: Id,
    /// What the client's owner is given.
    pub text: Secret,
}

impl NewSecret {
    /// Mints the secret `id` from 32 random bytes.
    #[must_use]
    pub fn mint(id: Id, random: &[u8; 32]) -> Self {
        Self { id, text: credential::mint(CredentialKind::Secret, id, random) }
    }

    /// The last four characters, to tell secrets apart in lists.
    #[must_use]
    pub fn last_four(&self) -> &str {
        let text = self.text.reveal();
        &text[text.len().saturating_sub(4)..]
    }

    fn digest(&self) -> Digest {
        self.text.digest()
    }

    /// The step that gives a client that is being registered its first secret.
    pub(crate) fn first_step(&self, client: ClientId, now: Timestamp) -> Step {
        let values = values![client.0, self.id, self.digest(), self.last_four(), now];
        Step::one(&ADD, values)
    }
}

/// A live secret as lists show it.
#[derive(Clone, Debug)]
pub struct SecretRecord {
    /// Its id.
    pub id: Id,
    /// The last four characters of its text.
    pub last_four: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working; `None` for the current one.
    pub expires_at: Option<Timestamp>,
}

impl Store {
    /// Gives the client a new secret; those without an end keep working for `overlap`. With no
    /// overlap they end now. `Full("secrets")` when two would still be live beside the new one,
    /// `Absent` when the client is gone or authenticates without a secret.
    pub async fn rotate_client_secret(
        &self,
        client: &Client,
        new: &NewSecret,
        overlap: Seconds,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let (id, now) = (client.id.0, act.now);
        let detail = format!(
            r#"{{"secret":"{}","last_four":"{}","overlap_seconds":{}}}"#,
            new.id,
            new.last_four(),
            overlap.0
        );
        let insert = values![id, new.id, new.digest(), new.last_four(), now];
        let plan = Plan::default()
            .must(Step::one(&TAKE_TURN, values![tenant(client), id]), Outcome::Absent)
            .also(Step::any(&PHASE_OUT, values![id, now.plus(overlap)]))
            .also(Step::any(&DROP_ENDED, values![id, now]))
            .must(Step::one(&ADD, insert), Outcome::Full("secrets"))
            .also(act.audit(client.organization, "client.secret_rotated", target(client), detail))
            .also(act.publish(Change::of(Kind::Client, id)));
        self.carry_out(plan, act).await
    }

    /// The live secrets of a client, oldest first: ids, ends and last four characters.
    pub async fn list_client_secrets(
        &self,
        client: ClientId,
        now: Timestamp,
    ) -> Result<Vec<SecretRecord>, Error> {
        let rows = self.engine.read(&LIST, values![client.0, now]).await?;
        rows.into_iter().map(secret_record).collect()
    }

    /// Ends one secret at once.
    pub async fn delete_client_secret(
        &self,
        client: &Client,
        secret: Id,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let detail = format!(r#"{{"secret":"{secret}"}}"#);
        let plan = Plan::default()
            .must(Step::one(&DELETE, values![client.id.0, secret]), Outcome::Absent)
            .also(act.audit(client.organization, "client.secret_deleted", target(client), detail))
            .also(act.publish(Change::of(Kind::Client, client.id.0)));
        self.carry_out(plan, act).await
    }
}

fn secret_record(mut row: Row) -> Result<SecretRecord, Error> {
    Ok(SecretRecord {
        id: row.id(0)?,
        last_four: row.text(1)?,
        created_at: row.time(2)?,
        expires_at: row.maybe_time(3)?,
    })
}

static TAKE_TURN: Statement = Statement::new(
    "client_secrets.take_turn",
    "UPDATE clients SET revision = revision + 1
      WHERE organization IS NOT DISTINCT FROM $1 AND id = $2
        AND auth_method IN ('client_secret_basic', 'client_secret_post')",
);

static PHASE_OUT: Statement = Statement::new(
    "client_secrets.phase_out",
    "UPDATE client_secrets SET expires_at = $2 WHERE client = $1 AND expires_at IS NULL",
);

static DROP_ENDED: Statement = Statement::new(
    "client_secrets.drop_ended",
    "DELETE FROM client_secrets WHERE client = $1 AND expires_at <= $2",
);

static ADD: Statement = Statement::new(
    "client_secrets.add",
    "INSERT INTO client_secrets (client, id, hash, last_four, created_at)
     SELECT $1, $2, $3, $4, $5
      WHERE (SELECT COUNT(*) FROM client_secrets WHERE client = $1) < 2",
);

static LIST: Statement = Statement::new(
    "client_secrets.list",
    "SELECT id, last_four, created_at, expires_at FROM client_secrets
      WHERE client = $1 AND (expires_at IS NULL OR expires_at > $2) ORDER BY id",
);

static DELETE: Statement = Statement::new(
    "client_secrets.delete",
    "DELETE FROM client_secrets WHERE client = $1 AND id = $2",
);

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[&TAKE_TURN, &PHASE_OUT, &DROP_ENDED, &ADD, &LIST, &DELETE];
