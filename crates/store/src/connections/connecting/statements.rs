//! The texts of this file's statements.

use crate::engine::Statement;

pub(super) static HOLD_CONNECTOR: Statement = Statement::new(
    "connections.hold_connector",
    "UPDATE connectors SET created_at = created_at \
     WHERE organization = $1 AND id = $2 AND deleting_since IS NULL",
);

pub(super) static CONNECT: Statement = Statement::new(
    "connections.connect",
    "INSERT INTO connections (id, organization, connector, owner, method, account, account_label, \
     labels, status, reason, since, created_at, updated_at, granted_at, token_updated_at, data_key, \
     issued_to, refresh, grant_ends_at, access, access_ends_at, access_lifetime, fingerprint, \
     scheme, scopes, missing_scopes, api_base, extra, due_at, sequence, generation, lease_until, \
     spent_times, failures, unknowns, reports, external_id, metadata) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $11, $11, $11, $12, $13, $14, $15, \
     $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, 1, 1, 0, 0, 0, 0, 0, $26, $27) \
     ON CONFLICT DO NOTHING",
);

pub(super) static FILL_SLOT: Statement = Statement::new(
    "connections.fill_slot",
    "INSERT INTO connections (id, organization, connector, owner, method, account, account_label, \
     labels, status, reason, since, created_at, updated_at, granted_at, token_updated_at, data_key, \
     issued_to, refresh, grant_ends_at, access, access_ends_at, access_lifetime, fingerprint, \
     scheme, scopes, missing_scopes, api_base, extra, due_at, sequence, generation, lease_until, \
     spent_times, failures, unknowns, reports, external_id, metadata, parent, slot) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $11, $11, $11, $12, $13, $14, $15, \
     $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, 1, 1, 0, 0, 0, 0, 0, $26, $27, $28, $29) \
     ON CONFLICT DO NOTHING",
);

pub(super) static DROP_SLOT: Statement = Statement::new(
    "connections.drop_slot",
    "DELETE FROM connections WHERE parent = $1 AND slot = $2",
);

pub(super) static GRANT: Statement = Statement::new(
    "connections.grant",
    "INSERT INTO grants (id, kind, organization, owner, scopes, created_at) \
     VALUES ($1, 'connection', $2, $3, $4, $5)",
);

pub(super) static RECONNECT: Statement = Statement::new(
    "connections.reconnect",
    "UPDATE connections SET account = COALESCE($5, account), \
     account_label = COALESCE($6, account_label), issued_to = $7, status = $8, reason = $24, \
     since = $9, granted_at = $10, updated_at = $10, token_updated_at = $10, \
     sequence = sequence + $11, generation = generation + 1, refresh = COALESCE($12, refresh), \
     grant_ends_at = $13, access = COALESCE($14, access), access_ends_at = $15, \
     access_lifetime = $16, fingerprint = COALESCE($17, fingerprint), scheme = $18, \
     scopes = COALESCE($19, scopes), missing_scopes = COALESCE($20, missing_scopes), \
     api_base = COALESCE($21, api_base), extra = COALESCE($22, extra), due_at = $23, \
     lease_owner = NULL, lease_until = 0, spent_generation = NULL, spent_at = NULL, \
     spent_last_at = NULL, spent_times = 0, failures = 0, failing_since = NULL, unknowns = 0, \
     unknown_since = NULL, next_try_at = NULL, reports = 0, reported_at = NULL \
     WHERE organization = $1 AND id = $2 AND generation = $3 AND status = $4 \
     AND status <> 'revoked' AND COALESCE(account, $5, '') = COALESCE($5, account, '')",
);

pub(super) static CONFIRM: Statement = Statement::new(
    "connections.confirm",
    "UPDATE connections SET status = $4, reason = $5, since = $3, updated_at = $3, \
     due_at = $6, sequence = sequence + 1 \
     WHERE organization = $1 AND id = $2 AND status = 'pending'",
);

pub(super) static CONFIRM_SLOTS: Statement = Statement::new(
    "connections.confirm_slots",
    "UPDATE connections SET status = 'active', reason = NULL, since = $3, updated_at = $3, \
     due_at = $3 WHERE organization = $1 AND parent = $2 AND status = 'pending'",
);

pub(in crate::connections) const STATEMENTS: &[&Statement] = &[
    &HOLD_CONNECTOR,
    &CONNECT,
    &FILL_SLOT,
    &DROP_SLOT,
    &GRANT,
    &RECONNECT,
    &CONFIRM,
    &CONFIRM_SLOTS,
];
