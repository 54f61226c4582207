//! The books: that history adds up to every balance, and its leaving when it is old. An entry that
//! leaves is added to what its budgets have archived in the same commit, so the sum stays.

use std::collections::BTreeMap;

use keyhaven_protocol::budget::Level;
use keyhaven_protocol::id::{BudgetId, Id, KeyId, OrganizationId};
use keyhaven_protocol::time::Timestamp;

use super::{path, statements as sql};
use crate::budgets::{self, BudgetRef};
use crate::engine::{Commit, Row, Rows, Step};
use crate::{Error, Store, values};

/// Rows read at once.
const CHUNK: i64 = 500;

/// Days listed at most.
const MOST_DAYS: i64 = 10_000;

/// A budget whose balance is not the sum of its history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discrepancy {
    /// Which budget.
    pub budget: BudgetId,
    /// What it says was ever spent.
    pub total: i64,
    /// What the ledger adds up to, the archived part included.
    pub entered: i64,
    /// What it says is held.
    pub held: i64,
    /// What the holds add up to.
    pub holds: i64,
}

/// What a key used on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayOfUse {
    /// The key.
    pub key: KeyId,
    /// Days since 1970, UTC.
    pub day: i64,
    /// What is counted.
    pub unit: keyhaven_protocol::amount::Unit,
    /// How much.
    pub amount: keyhaven_protocol::amount::Amount,
    /// In how many charges.
    pub charges: i64,
}

/// Whose use to list.
#[derive(Clone, Copy, Debug)]
pub enum UseOf {
    /// Everybody's.
    Everyone,
    /// That of one tenant's keys.
    Organization(OrganizationId),
    /// That of one key.
    Key(KeyId),
}

impl Store {
    /// Adds up the whole ledger and all holds and compares them with every balance. Meaningful while
    /// nobody charges.
    pub async fn check_books(&self) -> Result<Vec<Discrepancy>, Error> {
        let (mut entered, mut holds) = (BTreeMap::new(), BTreeMap::new());
        let mut after = FIRST;
        loop {
            let rows = self.engine.read(&sql::LIST_LEDGER, values![after, LAST, CHUNK]).await?;
            let Some(last) = rows.last() else { break };
            after = last.id(0)?;
            for row in rows {
                let (amount, path) = entry(row)?;
                add(&mut entered, &path, amount);
            }
        }
        after = FIRST;
        loop {
            let rows = self.engine.read(&sql::LIST_HOLDS, values![after, CHUNK]).await?;
            let Some(last) = rows.last() else { break };
            after = last.id(0)?;
            for row in rows {
                let hold = path::hold(row)?;
                add(&mut holds, &hold.path, hold.amount.0);
            }
        }
        self.compare(&entered, &holds).await
    }

    async fn compare(&self, entered: &Sums, holds: &Sums) -> Result<Vec<Discrepancy>, Error> {
        let sum = |sums: &Sums, id| sums.iter().find(|((_, b), _)| *b == id).map_or(0, |(_, s)| *s);
        let (mut wrong, mut after) = (Vec::new(), FIRST);
        loop {
            let rows = self.engine.read(&sql::LIST_TOTALS, values![after, CHUNK]).await?;
            let Some(last) = rows.last() else { break };
            after = last.id(0)?;
            for row in rows {
                let budget = BudgetId(row.id(0)?);
                let (total, archived, held) = (row.int(1)?, row.int(2)?, row.int(3)?);
                let found = Discrepancy {
                    budget,
                    total,
                    entered: archived + sum(entered, budget),
                    held,
                    holds: sum(holds, budget),
                };
                if found.total != found.entered || found.held != found.holds {
                    wrong.push(found);
                }
            }
        }
        Ok(wrong)
    }

    /// Archives one chunk of entries older than `before`; how many left. Another node that is at it
    /// too makes this one do nothing.
    pub async fn archive_ledger(&self, before: Timestamp) -> Result<u64, Error> {
        let millis = u64::try_from(before.0).unwrap_or(0).saturating_mul(1_000);
        let values = values![FIRST, Id::floor(millis), CHUNK];
        let rows = self.engine.read(&sql::LIST_LEDGER, values).await?;
        let count = rows.len() as u64;
        let Some(last) = rows.last() else { return Ok(0) };
        let last = last.id(0)?;
        let mut sums = BTreeMap::new();
        for row in rows {
            let (amount, path) = entry(row)?;
            add(&mut sums, &path, amount);
        }
        let rows = Rows::Exactly(count);
        let mut steps = vec![Step { statement: &sql::FORGET_ENTRIES, values: values![last], rows }];
        for ((_, budget), sum) in sums {
            steps.push(Step::any(&sql::ARCHIVE, values![budget.0, sum]));
        }
        let commit = self.engine.commit(steps).await?;
        Ok(if matches!(commit, Commit::Done(_)) { count } else { 0 })
    }

    /// What was used from one day to another (days since 1970, UTC), at most ten thousand rows.
    pub async fn list_usage(
        &self,
        whose: UseOf,
        from: i64,
        to: i64,
    ) -> Result<Vec<DayOfUse>, Error> {
        let rows = match whose {
            UseOf::Everyone => self.engine.read(&sql::USAGE, values![from, to, MOST_DAYS]).await?,
            UseOf::Organization(own) => {
                let values = values![own.0, from, to, MOST_DAYS];
                self.engine.read(&sql::USAGE_IN_ORGANIZATION, values).await?
            }
            UseOf::Key(key) => {
                let values = values![key.0, from, to, MOST_DAYS];
                self.engine.read(&sql::USAGE_OF_KEY, values).await?
            }
        };
        rows.into_iter().map(day).collect()
    }
}

const FIRST: Id = Id([0; 16]);
const LAST: Id = Id([0xff; 16]);

/// By budget, in the order in which their rows are taken.
type Sums = BTreeMap<(Level, BudgetId), i64>;

fn add(sums: &mut Sums, path: &[BudgetRef], amount: i64) {
    for budget in path {
        *sums.entry((budget.level, budget.id)).or_default() += amount;
    }
}

fn entry(mut row: Row) -> Result<(i64, Vec<BudgetRef>), Error> {
    let unit = budgets::unit(&row.text(1)?)?;
    Ok((row.int(2)?, path::decode(&row.bytes(3)?, &unit)?))
}

fn day(mut row: Row) -> Result<DayOfUse, Error> {
    Ok(DayOfUse {
        key: KeyId(row.id(0)?),
        day: row.int(1)?,
        unit: budgets::unit(&row.text(2)?)?,
        amount: keyhaven_protocol::amount::Amount(row.int(3)?),
        charges: row.int(4)?,
    })
}
