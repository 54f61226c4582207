//! Signing keys: sealed at rest, one active per algorithm, published before they sign and until
//! the last token they signed has ended. The next generation is a unique insert, so of two nodes
//! that rotate at once one wins and the other reads the winner's key (F13, F24).

use keyhaven_protocol::time::Timestamp;
use zeroize::Zeroizing;

use crate::act::Plan;
use crate::changes::{Change, Kind};
use crate::engine::{Row, Statement, Step};
use crate::seal::Place;
use crate::{Act, Error, Outcome, Store, values};

/// A signing key as kept.
pub struct SigningKeyRow {
    /// RFC 7638 thumbprint; the `kid` header.
    pub kid: String,
    /// JWS algorithm name.
    pub alg: String,
    /// Counts up per algorithm.
    pub generation: i64,
    /// PKCS#8.
    pub private: Zeroizing<Vec<u8>>,
    /// The public JWK.
    pub public_jwk: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when it signs.
    pub signs_from: Timestamp,
}

/// A published signing key, and its private part where that opens.
pub struct PublishedKey {
    /// RFC 7638 thumbprint; the `kid` header.
    pub kid: String,
    /// JWS algorithm name.
    pub alg: String,
    /// Counts up per algorithm.
    pub generation: i64,
    /// The public JWK.
    pub public_jwk: String,
    /// From when it signs.
    pub signs_from: Timestamp,
    /// PKCS#8, or why this one cannot sign.
    pub private: Result<Zeroizing<Vec<u8>>, Error>,
}

/// A signing key as shown to administrators.
pub struct SigningKeySummary {
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// JWS algorithm name.
    pub alg: String,
    /// Counts up per algorithm.
    pub generation: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when it signs.
    pub signs_from: Timestamp,
}

impl Store {
    /// Adds the next generation of an algorithm's key. `Taken` when another node was first.
    pub async fn add_signing_key(
        &self,
        key: &SigningKeyRow,
        nonce: [u8; 12],
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let sealed = self.sealer.seal(place(&key.kid), &key.private, nonce)?;
        let subject = act.id();
        let insert = Step::one(
            &ADD,
            values![
                key.kid.as_str(),
                key.alg.as_str(),
                key.generation,
                sealed,
                key.public_jwk.as_str(),
                key.created_at,
                key.signs_from,
            ],
        );
        let plan = Plan::default()
            .must(insert, Outcome::Taken("generation"))
            .also(act.publish(Change::of(Kind::SigningKeys, subject)))
            .also(act.audit(
                None,
                "signing_key.added",
                format_args!("signing_key:{}", key.kid),
                "{}",
            ));
        self.carry_out(plan, act).await
    }

    /// Every key still published, newest generation first. One that was altered fails alone, and
    /// its public part still verifies (F21); one sealed by a master key that is not loaded fails
    /// them all, for then the node is set up wrongly (F15).
    pub async fn list_signing_keys(&self) -> Result<Vec<PublishedKey>, Error> {
        let rows = self.engine.read(&LIST, values![]).await?;
        rows.into_iter().map(|row| self.opened(row)).collect()
    }

    /// The published keys without their private parts.
    pub async fn list_signing_key_summaries(&self) -> Result<Vec<SigningKeySummary>, Error> {
        let rows = self.engine.read(&LIST, values![]).await?;
        rows.into_iter()
            .map(|mut row| {
                Ok(SigningKeySummary {
                    kid: row.text(0)?,
                    alg: row.text(1)?,
                    generation: row.int(2)?,
                    created_at: row.time(5)?,
                    signs_from: row.time(6)?,
                })
            })
            .collect()
    }

    /// Removes keys that were replaced so long ago that nothing they signed can still live:
    /// `retired_before` is that instant for the successor's `signs_from`.
    pub async fn remove_retired_signing_keys(
        &self,
        retired_before: Timestamp,
        mut act: Act,
    ) -> Result<u64, Error> {
        let rows = self.engine.read(&RETIRED, values![retired_before]).await?;
        let mut removed = 0;
        for mut row in rows {
            let kid = row.text(0)?;
            let plan = Plan::default()
                .must(Step::one(&REMOVE, values![kid.as_str()]), Outcome::Absent)
                .also(act.audit(
                    None,
                    "signing_key.removed",
                    format_args!("signing_key:{kid}"),
                    "{}",
                ));
            if self.carry_out(plan, act.part()).await? == Outcome::Done {
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn opened(&self, mut row: Row) -> Result<PublishedKey, Error> {
        let kid = row.text(0)?;
        let sealed = row.bytes(3)?;
        if !self.sealer.has_key_of(&sealed) {
            return Err(Error::broken(format!(
                "signing key {kid} is sealed by a master key that is not loaded"
            )));
        }
        Ok(PublishedKey {
            alg: row.text(1)?,
            generation: row.int(2)?,
            private: self.sealer.open(place(&kid), &sealed),
            public_jwk: row.text(4)?,
            signs_from: row.time(6)?,
            kid,
        })
    }
}

fn place(kid: &str) -> Place<'_> {
    Place { column: "signing_keys.sealed", row: kid.as_bytes() }
}

/// Every statement of this room.
pub static STATEMENTS: &[&Statement] = &[&ADD, &LIST, &RETIRED, &REMOVE];

static ADD: Statement = Statement::new(
    "signing_keys.add",
    "INSERT INTO signing_keys (kid, alg, generation, sealed, public_jwk, created_at, signs_from) \
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
);

static LIST: Statement = Statement::new(
    "signing_keys.list",
    "SELECT kid, alg, generation, sealed, public_jwk, created_at, signs_from FROM signing_keys \
     ORDER BY alg, generation DESC",
);

static RETIRED: Statement = Statement::new(
    "signing_keys.retired",
    "SELECT old.kid FROM signing_keys old WHERE EXISTS (SELECT 1 FROM signing_keys new \
     WHERE new.alg = old.alg AND new.generation > old.generation AND new.signs_from < $1)",
);

static REMOVE: Statement =
    Statement::new("signing_keys.remove", "DELETE FROM signing_keys WHERE kid = $1");
