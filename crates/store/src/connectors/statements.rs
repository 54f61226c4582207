//! The texts of this room.

use crate::engine::Statement;

pub(super) static CREATE: Statement = Statement::new(
    "connectors.create",
    "INSERT INTO connectors (id, organization, project, provider, name, method, sharing, owner, \
     client_id, data_key, secret, secret_hint, secret_set_at, scopes, vars, params, created_at, \
     updated_at, revision, sequence, probes, required_scopes) \
     SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17, 1, 1, 0, $18 \
     FROM organizations o WHERE o.id = $2 AND (COALESCE($3, o.id) = o.id OR EXISTS \
     (SELECT 1 FROM projects p WHERE p.organization = $2 AND p.id = $3))",
);

macro_rules! select {
    ($where:literal) => {
        concat!(
            "SELECT id, organization, project, provider, name, method, sharing, owner, client_id, \
             scopes, vars, params, created_at, updated_at, revision, secret_hint, secret_set_at, \
             next_secret_hint, next_secret_set_at, fault, fault_since, probe_at, probes, \
             deleting_since, data_key, secret, next_secret, required_scopes FROM connectors ",
            $where
        )
    };
}

pub(super) static FIND: Statement = Statement::new(
    "connectors.find",
    select!("WHERE id = $1 AND organization = COALESCE($2, organization)"),
);

pub(super) static LIST: Statement = Statement::new(
    "connectors.list",
    select!("WHERE organization = $1 AND id > $2 AND deleting_since IS NULL ORDER BY id LIMIT $3"),
);

pub(super) static LIST_DELETING: Statement = Statement::new(
    "connectors.list_deleting",
    select!("WHERE deleting_since IS NOT NULL ORDER BY deleting_since LIMIT $1"),
);

pub(super) static UPDATE: Statement = Statement::new(
    "connectors.update",
    "UPDATE connectors SET name = COALESCE($4, name), client_id = COALESCE($5, client_id), \
     scopes = COALESCE($6, scopes), vars = COALESCE($7, vars), params = COALESCE($8, params), \
     required_scopes = COALESCE($11, required_scopes), \
     updated_at = $9, revision = revision + 1, \
     sequence = CASE WHEN $10 = 1 AND fault IS NOT NULL THEN sequence + 1 ELSE sequence END, \
     fault = CASE WHEN $10 = 1 THEN NULL ELSE fault END \
     WHERE organization = $1 AND id = $2 AND revision = $3 AND deleting_since IS NULL",
);

pub(super) static REPLACE_SECRET: Statement = Statement::new(
    "connectors.replace_secret",
    "UPDATE connectors SET secret = $3, secret_hint = $4, secret_set_at = $5, next_secret = NULL, \
     next_secret_hint = NULL, next_secret_set_at = NULL WHERE organization = $1 AND id = $2",
);

pub(super) static SET_NEXT: Statement = Statement::new(
    "connectors.set_next",
    "UPDATE connectors SET next_secret = $3, next_secret_hint = $4, next_secret_set_at = $5 \
     WHERE organization = $1 AND id = $2",
);

pub(super) static PROMOTE: Statement = Statement::new(
    "connectors.promote",
    "UPDATE connectors SET secret = $4, secret_hint = next_secret_hint, \
     secret_set_at = next_secret_set_at, next_secret = NULL, next_secret_hint = NULL, \
     next_secret_set_at = NULL WHERE organization = $1 AND id = $2 AND next_secret = $3",
);

pub(super) static DELETING: Statement = Statement::new(
    "connectors.deleting",
    "UPDATE connectors SET deleting_since = $3, revision = revision + 1 \
     WHERE organization = $1 AND id = $2 AND deleting_since IS NULL",
);

pub(super) static REMOVE: Statement = Statement::new(
    "connectors.remove",
    "DELETE FROM connectors WHERE organization = $1 AND id = $2 AND deleting_since IS NOT NULL \
     AND NOT EXISTS (SELECT 1 FROM connections c WHERE c.connector = $2 AND c.status <> 'revoked') \
     AND NOT EXISTS (SELECT 1 FROM farewells f WHERE f.connector = $2)",
);

pub(super) static REMOVE_CONNECTIONS: Statement = Statement::new(
    "connectors.remove_connections",
    "DELETE FROM connections WHERE organization = $1 AND connector = $2",
);

pub(super) static BLAME: Statement = Statement::new(
    "connectors.blame",
    "UPDATE connectors SET fault = $3, fault_since = $4, probe_at = $5, probes = 0, \
     sequence = sequence + 1 WHERE organization = $1 AND id = $2 AND fault IS NULL",
);

pub(super) static CLEAR: Statement = Statement::new(
    "connectors.clear",
    "UPDATE connectors SET fault = NULL, fault_since = NULL, probe_at = NULL, probes = 0, \
     sequence = sequence + 1 WHERE organization = $1 AND id = $2 AND fault IS NOT NULL",
);

pub(super) static TAKE_PROBE: Statement = Statement::new(
    "connectors.take_probe",
    "UPDATE connectors SET probe_at = $4, probes = probes + 1 \
     WHERE organization = $1 AND id = $2 AND fault IS NOT NULL AND COALESCE(probe_at, 0) <= $3",
);

pub(super) const ALL: &[&Statement] = &[
    &CREATE,
    &FIND,
    &LIST,
    &LIST_DELETING,
    &UPDATE,
    &REPLACE_SECRET,
    &SET_NEXT,
    &PROMOTE,
    &DELETING,
    &REMOVE,
    &REMOVE_CONNECTIONS,
    &BLAME,
    &CLEAR,
    &TAKE_PROBE,
];
