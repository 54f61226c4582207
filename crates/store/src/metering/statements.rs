//! Every statement of the room of charges.

use crate::engine::Statement;

// Moves a balance: `$2` more spent, `$3` more held, in the period that began at `$4`. A later
// period begins with nothing spent; an earlier one never comes back. What grows (`$5`) must fit.
pub(super) static MOVE: Statement = Statement::new(
    "metering.move",
    "UPDATE budgets
        SET earlier = CASE WHEN began_at < $4 THEN total ELSE earlier END,
            began_at = CASE WHEN began_at < $4 THEN $4 ELSE began_at END,
            total = total + $2, held = held + $3
      WHERE id = $1
        AND (CAST($5 AS BIGINT) = 0
             OR total - CASE WHEN began_at < $4 THEN total ELSE earlier END + held + $2 + $3 <= most)
     RETURNING id, level, unit, period, most, total, earlier, began_at, held",
);

pub(super) static ENTER: Statement = Statement::append(
    "metering.enter",
    "INSERT INTO ledger (id, organization, charged_key, unit, amount, path) VALUES ($1, $2, $3, $4, $5, $6)",
);

pub(super) static COUNT_DAY: Statement = Statement::new(
    "metering.count_day",
    "INSERT INTO usage_days (charged_key, day, unit, organization, amount, charges)
     VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (charged_key, day, unit) DO UPDATE
        SET amount = usage_days.amount + excluded.amount, charges = usage_days.charges + excluded.charges",
);

pub(super) static HOLD: Statement = Statement::append(
    "metering.hold",
    "INSERT INTO holds (id, organization, charged_key, unit, amount, path, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7)",
);

pub(super) static END_HOLD: Statement =
    Statement::new("metering.end_hold", "DELETE FROM holds WHERE id = $1 AND expires_at > $2");

pub(super) static NAME: Statement = Statement::new(
    "metering.name",
    "INSERT INTO metered_once (name, fingerprint, deed, amount, expires_at) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (name) DO UPDATE
        SET fingerprint = excluded.fingerprint, deed = excluded.deed, amount = excluded.amount,
            expires_at = excluded.expires_at
      WHERE metered_once.expires_at <= $6",
);

pub(super) static FIND_NAMED: Statement = Statement::new(
    "metering.find_named",
    "SELECT fingerprint, deed, amount FROM metered_once WHERE name = $1 AND expires_at > $2",
);

pub(super) static FIND_HOLD: Statement = Statement::new(
    "metering.find_hold",
    "SELECT id, organization, charged_key, unit, amount, path, expires_at FROM holds
      WHERE id = $1 AND expires_at > $2",
);

pub(super) static LIST_OVER: Statement = Statement::new(
    "metering.list_over",
    "SELECT id, organization, charged_key, unit, amount, path, expires_at FROM holds
      WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2",
);

pub(super) static END_OVER: Statement =
    Statement::new("metering.end_over", "DELETE FROM holds WHERE id = $1 AND expires_at <= $2");

pub(super) static FREE: Statement =
    Statement::new("metering.free", "UPDATE budgets SET held = held - $2 WHERE id = $1");

pub(super) static LIST_LEDGER: Statement = Statement::new(
    "metering.list_ledger",
    "SELECT id, unit, amount, path FROM ledger WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3",
);

pub(super) static LIST_HOLDS: Statement = Statement::new(
    "metering.list_holds",
    "SELECT id, organization, charged_key, unit, amount, path, expires_at FROM holds
      WHERE id > $1 ORDER BY id LIMIT $2",
);

pub(super) static LIST_TOTALS: Statement = Statement::new(
    "metering.list_totals",
    "SELECT id, total, archived, held FROM budgets WHERE id > $1 ORDER BY id LIMIT $2",
);

pub(super) static FORGET_ENTRIES: Statement =
    Statement::new("metering.forget_entries", "DELETE FROM ledger WHERE id <= $1");

pub(super) static ARCHIVE: Statement =
    Statement::new("metering.archive", "UPDATE budgets SET archived = archived + $2 WHERE id = $1");

pub(super) static USAGE_IN_ORGANIZATION: Statement = Statement::new(
    "metering.usage_in_organization",
    "SELECT charged_key, day, unit, amount, charges FROM usage_days
      WHERE organization = $1 AND day BETWEEN $2 AND $3 ORDER BY day, charged_key, unit LIMIT $4",
);

pub(super) static USAGE_OF_KEY: Statement = Statement::new(
    "metering.usage_of_key",
    "SELECT charged_key, day, unit, amount, charges FROM usage_days
      WHERE charged_key = $1 AND day BETWEEN $2 AND $3 ORDER BY day, unit LIMIT $4",
);

pub(super) static USAGE: Statement = Statement::new(
    "metering.usage",
    "SELECT charged_key, day, unit, amount, charges FROM usage_days
      WHERE day BETWEEN $1 AND $2 ORDER BY day, charged_key, unit LIMIT $3",
);

/// Every statement of this room.
pub(super) static STATEMENTS: &[&Statement] = &[
    &MOVE,
    &ENTER,
    &COUNT_DAY,
    &HOLD,
    &END_HOLD,
    &NAME,
    &FIND_NAMED,
    &FIND_HOLD,
    &LIST_OVER,
    &END_OVER,
    &FREE,
    &LIST_LEDGER,
    &LIST_HOLDS,
    &LIST_TOTALS,
    &FORGET_ENTRIES,
    &ARCHIVE,
    &USAGE_IN_ORGANIZATION,
    &USAGE_OF_KEY,
    &USAGE,
];
