//! The budgets of a charge as the ledger keeps them: 18 bytes each, level, period and id. Written
//! with the charge, so that history can be added up whatever becomes of the key.

use keyhaven_protocol::amount::{Amount, Unit};
use keyhaven_protocol::budget::Level;
use keyhaven_protocol::id::{BudgetId, HoldId, Id, KeyId, OrganizationId};
use keyhaven_protocol::period::Period;

use super::Hold;
use crate::Error;
use crate::budgets::{self, BudgetRef};
use crate::engine::Row;

const ENTRY: usize = 18;

/// The budgets as bytes.
pub(super) fn encode(path: &[BudgetRef]) -> Vec<u8> {
    let place = |known: Option<usize>| u8::try_from(known.unwrap_or_default()).unwrap_or_default();
    let mut out = Vec::with_capacity(path.len() * ENTRY);
    for budget in path {
        out.push(place(Level::ALL.iter().position(|level| *level == budget.level)));
        out.push(place(Period::ALL.iter().position(|period| *period == budget.period)));
        out.extend_from_slice(&budget.id.0.0);
    }
    out
}

/// The budgets of the bytes.
pub(super) fn decode(bytes: &[u8], unit: &Unit) -> Result<Vec<BudgetRef>, Error> {
    if !bytes.len().is_multiple_of(ENTRY) {
        return Err(Error::broken("a path is cut off"));
    }
    bytes.chunks(ENTRY).map(|entry| one(entry, unit)).collect()
}

fn one(entry: &[u8], unit: &Unit) -> Result<BudgetRef, Error> {
    let unknown = || Error::broken("a path names an unknown level or period");
    let id: [u8; 16] = entry[2..].try_into().map_err(|_| unknown())?;
    Ok(BudgetRef {
        id: BudgetId(Id(id)),
        level: *Level::ALL.get(usize::from(entry[0])).ok_or_else(unknown)?,
        period: *Period::ALL.get(usize::from(entry[1])).ok_or_else(unknown)?,
        unit: unit.clone(),
    })
}

/// A hold from its row: id, organization, key, unit, amount, path, end.
pub(super) fn hold(mut row: Row) -> Result<Hold, Error> {
    let unit = budgets::unit(&row.text(3)?)?;
    Ok(Hold {
        id: HoldId(row.id(0)?),
        organization: row.maybe_id(1)?.map(OrganizationId),
        key: KeyId(row.id(2)?),
        amount: Amount(row.int(4)?),
        path: decode(&row.bytes(5)?, &unit)?,
        expires_at: row.time(6)?,
        unit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_back_and_a_cut_one_is_refused() {
        let unit = Unit::parse("USD").unwrap();
        let budget = |nth: u8, level, period| BudgetRef {
            id: BudgetId(Id::v7(u64::from(nth), [nth; 10])),
            level,
            unit: unit.clone(),
            period,
        };
        let path = vec![
            budget(1, Level::Key, Period::Lifetime),
            budget(2, Level::Organization, Period::Monthly),
        ];
        let bytes = encode(&path);
        assert_eq!(decode(&bytes, &unit).unwrap(), path);
        assert!(decode(&bytes[1..], &unit).is_err());
        assert!(decode(&[9; ENTRY], &unit).is_err());
    }
}
