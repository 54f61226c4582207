//! Every statement of the room of hand-outs.

use crate::engine::Statement;

pub(super) static MEET_APP: Statement = Statement::new(
    "hand_outs.meet_app",
    "INSERT INTO apps (id, origin, created_at) VALUES ($1, $2, $3) ON CONFLICT (origin) DO NOTHING",
);

pub(super) static FIND_APP: Statement = Statement::new(
    "hand_outs.find_app",
    "SELECT id, origin, created_at, blocked_at FROM apps WHERE origin = $1",
);

pub(super) static FIND_APP_BY_ID: Statement = Statement::new(
    "hand_outs.find_app_by_id",
    "SELECT id, origin, created_at, blocked_at FROM apps WHERE id = $1",
);

pub(super) static LIST_APPS: Statement = Statement::new(
    "hand_outs.list_apps",
    "SELECT id, origin, created_at, blocked_at FROM apps WHERE id > $1 ORDER BY id LIMIT $2",
);

pub(super) static SET_APP_POWER: Statement =
    Statement::new("hand_outs.set_app_power", "UPDATE apps SET blocked_at = $2 WHERE id = $1");

pub(super) static ISSUE: Statement = Statement::new(
    "hand_outs.issue",
    "INSERT INTO hand_out_codes (id, hash, parent, organization, owner, project, group_id, app, callback,
                                 challenge, method, label, scopes, most, unit, period, key_expires_at,
                                 created_at, expires_at, tries)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, 0)",
);

pub(super) static FIND_CODE: Statement = Statement::new(
    "hand_outs.find_code",
    "SELECT c.hash, c.challenge, c.method, c.expires_at, c.spent_at, c.tries, a.origin, a.blocked_at,
            c.parent, c.organization, c.owner, c.project, c.group_id, c.app, c.label, c.scopes, c.most,
            c.unit, c.period, c.key_expires_at
       FROM hand_out_codes c JOIN apps a ON a.id = c.app WHERE c.id = $1",
);

pub(super) static SPEND: Statement = Statement::new(
    "hand_outs.spend",
    "UPDATE hand_out_codes SET spent_at = $2 WHERE id = $1 AND spent_at IS NULL AND expires_at > $2",
);

pub(super) static COUNT_TRY: Statement = Statement::new(
    "hand_outs.count_try",
    "UPDATE hand_out_codes SET tries = tries + 1 WHERE id = $1",
);

pub(super) static KEEP_REQUEST: Statement = Statement::append(
    "hand_outs.keep_request",
    "INSERT INTO hand_out_requests (id, hash, query, expires_at) VALUES ($1, $2, $3, $4)",
);

pub(super) static FIND_REQUEST: Statement = Statement::new(
    "hand_outs.find_request",
    "SELECT hash, query FROM hand_out_requests WHERE id = $1 AND ended_at IS NULL AND expires_at > $2",
);

pub(super) static END_REQUEST: Statement = Statement::new(
    "hand_outs.end_request",
    "UPDATE hand_out_requests SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL AND expires_at > $2",
);

/// Every statement of this room.
pub static STATEMENTS: &[&Statement] = &[
    &MEET_APP,
    &FIND_APP,
    &FIND_APP_BY_ID,
    &LIST_APPS,
    &SET_APP_POWER,
    &ISSUE,
    &FIND_CODE,
    &SPEND,
    &COUNT_TRY,
    &KEEP_REQUEST,
    &FIND_REQUEST,
    &END_REQUEST,
];
