//! Charging: what a use costs is taken from every budget on the key's path, or from none. Reserve
//! holds an amount, commit turns it into a charge, release gives it back, charge does both at once.
//!
//! The guard is in the statement that moves each balance. Charges that wait at the same time are
//! written by one task as one commit (`till`): a hot budget is then updated once for all of them
//! instead of once for each, on SQLite and on PostgreSQL alike.

use keyhaven_protocol::amount::{Amount, Unit};
use keyhaven_protocol::budget::Budget;
use keyhaven_protocol::id::{HoldId, Id, KeyId, OrganizationId};
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::time::{Seconds, Timestamp};

use crate::budgets::BudgetRef;
use crate::engine::Statement;
use crate::{Error, Reach, Store, values};

mod batch;
mod checking;
mod expiry;
mod path;
mod statements;
mod till;

pub use checking::{DayOfUse, Discrepancy, UseOf};
pub(crate) use till::Till;

use statements as sql;

/// How long the name of a charge is kept.
pub const NAMES_KEPT: Seconds = Seconds(24 * 60 * 60);

/// Something that moves balances.
#[derive(Clone, Debug)]
pub struct Metering {
    /// The id of the charge or of the hold.
    pub id: Id,
    /// What it does.
    pub deed: Deed,
    /// The tenant of the key.
    pub organization: Option<OrganizationId>,
    /// The key that is charged.
    pub key: KeyId,
    /// What is counted.
    pub unit: Unit,
    /// How much.
    pub amount: Amount,
    /// The budgets of the key's path that count this unit, from the bottom up.
    pub path: Vec<BudgetRef>,
    /// The name under which the caller may repeat it.
    pub once: Option<Once>,
    /// Now.
    pub now: Timestamp,
}

/// What a metering does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Spends the amount.
    Charge,
    /// Holds the amount until then.
    Reserve(Timestamp),
    /// Spends the amount out of a hold, which ends.
    Commit(Hold),
    /// Gives a hold back.
    Release(Hold),
}

/// An amount that is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Its id.
    pub id: HoldId,
    /// The tenant of the key.
    pub organization: Option<OrganizationId>,
    /// The key it was reserved for.
    pub key: KeyId,
    /// What is counted.
    pub unit: Unit,
    /// How much is held.
    pub amount: Amount,
    /// The budgets it is held in.
    pub path: Vec<BudgetRef>,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// A caller's name for a metering, and what it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// What is repeated under the same name.
    pub name: Name,
    /// The digest of the request: the same name with another request is refused.
    pub fingerprint: Digest,
}

/// A caller and the name it chose. Names of one caller lie beside each other in the caller's own
/// order: names that grow, such as UUIDs of version 7, then touch one page of the index at a time,
/// where a digest of them would touch one each.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name(Vec<u8>);

impl Name {
    /// The name `name` of the caller `caller`. Callers differ by 128 bits of their digest.
    #[must_use]
    pub fn new(caller: &str, name: &str) -> Self {
        let mut bytes = Digest::of(caller.as_bytes()).0[..16].to_vec();
        bytes.extend_from_slice(name.as_bytes());
        Self(bytes)
    }
}

/// How a metering ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metered {
    /// Durable. The balances as they are now.
    Done(Vec<Budget>),
    /// It was done before under this name; what was done then.
    Repeated(Named),
    /// A budget refuses; nothing happened.
    Refused(Refusal),
    /// The hold has ended; nothing happened.
    HoldGone,
}

/// What was done under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// The id of the charge or hold.
    pub id: Id,
    /// How much.
    pub amount: Amount,
    /// The request it belonged to.
    pub fingerprint: Digest,
}

impl Store {
    /// Carries a metering out. Durable when it answers `Done`; runs to its end even when the caller
    /// goes away.
    pub async fn meter(&self, metering: Metering) -> Result<Metered, Error> {
        self.till.meter(&self.engine, metering).await
    }

    /// The hold `id`, if within reach and not over.
    pub async fn find_hold(
        &self,
        reach: Reach,
        id: HoldId,
        now: Timestamp,
    ) -> Result<Option<Hold>, Error> {
        let rows = self.engine.read(&sql::FIND_HOLD, values![id.0, now]).await?;
        let hold = rows.into_iter().next().map(path::hold).transpose()?;
        Ok(hold.filter(|hold| reach.includes(hold.organization)))
    }

    /// What was done under a name.
    pub async fn find_named(&self, name: &Name, now: Timestamp) -> Result<Option<Named>, Error> {
        find_named(&*self.engine, name, now).await
    }
}

async fn find_named(
    engine: &dyn crate::engine::Engine,
    name: &Name,
    now: Timestamp,
) -> Result<Option<Named>, Error> {
    let rows = engine.read(&sql::FIND_NAMED, values![name.0.as_slice(), now]).await?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let fingerprint = row.digest(0)?;
    Ok(Some(Named { id: row.id(1)?, amount: Amount(row.int(2)?), fingerprint }))
}

/// Every statement of this room.
pub static STATEMENTS: &[&Statement] = sql::STATEMENTS;
