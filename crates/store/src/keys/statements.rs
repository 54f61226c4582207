//! Every statement of the room of keys.

use crate::engine::Statement;

macro_rules! terms {
    () => {
        "k.id, k.scopes, k.origins, k.networks, k.rate_limits, k.depth, k.expires_at, k.disabled_at"
    };
}

// The index of parents leaves authorizations out, so a statement that walks it must too.
macro_rules! below {
    () => {
        "WITH RECURSIVE down (id, depth) AS ( \
           SELECT id, 0 FROM grants WHERE id = $1 \
           UNION ALL \
           SELECT g.id, down.depth + 1 FROM grants g JOIN down ON g.parent = down.id \
           WHERE g.kind <> 'authorization' AND down.depth < 16) \
         SELECT id FROM down"
    };
}

macro_rules! record {
    () => {
        concat!(
            terms!(),
            ", k.label, k.prefix, k.last_four, k.organization, k.owner, k.project, k.group_id, k.app, \
             k.created_at, k.last_used_at, k.previous_ends_at, k.revision, g.parent, a.origin"
        )
    };
}

macro_rules! list {
    ($where:literal) => {
        concat!(
            "SELECT ",
            record!(),
            " FROM keys k JOIN grants g ON g.id = k.id LEFT JOIN apps a ON a.id = k.app
              WHERE g.revoked_at IS NULL AND ",
            $where
        )
    };
}

// The key first, then the keys above it. A grant that is gone has ended: it was purged.
pub(super) static FIND_FACTS: Statement = Statement::new(
    "keys.find_facts",
    concat!(
        "WITH RECURSIVE up (id, parent, revoked_at, depth) AS ( \
           SELECT id, parent, revoked_at, 0 FROM grants WHERE id = $1 \
           UNION ALL \
           SELECT g.id, g.parent, g.revoked_at, up.depth + 1 FROM grants g JOIN up ON g.id = up.parent \
           WHERE up.depth < 16) \
         SELECT ",
        terms!(),
        ", k.label, k.hash, k.previous_hash, k.previous_ends_at, k.created_at, \
           k.organization, k.owner, k.project, k.group_id, k.app, \
           COALESCE((SELECT MIN(revoked_at) FROM up), \
             (SELECT MIN(0) FROM up WHERE parent IS NOT NULL AND parent NOT IN (SELECT id FROM up))), o.id, o.disabled_at, u.id, u.disabled_at, m.member, a.blocked_at, \
           CASE WHEN k.project IS NOT NULL AND p.id IS NULL THEN 1 ELSE 0 END \
           + CASE WHEN k.group_id IS NOT NULL AND t.id IS NULL THEN 1 ELSE 0 END \
         FROM up JOIN keys k ON k.id = up.id \
         LEFT JOIN organizations o ON o.id = k.organization \
         LEFT JOIN users u ON u.id = k.owner \
         LEFT JOIN memberships m ON m.organization = k.organization AND m.member = k.owner \
         LEFT JOIN apps a ON a.id = k.app \
         LEFT JOIN projects p ON p.id = k.project \
         LEFT JOIN groups t ON t.id = k.group_id \
         ORDER BY up.depth"
    ),
);

pub(super) static CREATE_GRANT: Statement = Statement::new(
    "keys.create_grant",
    "INSERT INTO grants (id, parent, kind, organization, owner, scopes, created_at, expires_at)
     VALUES ($1, $2, 'key', $3, $4, $5, $6, $7)",
);

pub(super) static CREATE: Statement = Statement::new(
    "keys.create",
    "INSERT INTO keys (id, organization, owner, project, group_id, app, label, prefix, last_four, hash,
                       scopes, origins, networks, rate_limits, depth, created_at, expires_at, revision)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 1)",
);

pub(super) static HOLD_MEMBER: Statement = Statement::new(
    "keys.hold_member",
    "UPDATE memberships SET created_at = created_at WHERE organization = $1 AND member = $2",
);

pub(super) static HOLD_USER: Statement =
    Statement::new("keys.hold_user", "UPDATE users SET created_at = created_at WHERE id = $1");

pub(super) static HOLD_PROJECT: Statement = Statement::new(
    "keys.hold_project",
    "UPDATE projects SET created_at = created_at WHERE organization = $1 AND id = $2",
);

pub(super) static HOLD_GROUP: Statement = Statement::new(
    "keys.hold_group",
    "UPDATE groups SET created_at = created_at WHERE organization = $1 AND id = $2",
);

pub(super) static HOLD_PARENT: Statement = Statement::new(
    "keys.hold_parent",
    "UPDATE grants SET created_at = created_at WHERE id = $1 AND revoked_at IS NULL",
);

pub(super) static UPDATE: Statement = Statement::new(
    "keys.update",
    "UPDATE keys SET label = $3, scopes = $4, origins = $5, networks = $6, rate_limits = $7, depth = $8,
                     expires_at = $9, disabled_at = $10, revision = revision + 1
      WHERE id = $1 AND revision = $2",
);

pub(super) static MOVE_GRANT_END: Statement =
    Statement::new("keys.move_grant_end", "UPDATE grants SET expires_at = $2 WHERE id = $1");

pub(super) static ROTATE: Statement = Statement::new(
    "keys.rotate",
    "UPDATE keys SET previous_hash = hash, previous_ends_at = $6, hash = $3, prefix = $4, last_four = $5,
                     revision = revision + 1
      WHERE id = $1 AND revision = $2",
);

pub(super) static END_GRANT: Statement = Statement::new(
    "keys.end_grant",
    "UPDATE grants SET revoked_at = $2, revoked_why = 'key deleted' WHERE id = $1 AND revoked_at IS NULL",
);

// What hangs below a key is dead already; now it may leave.
pub(super) static END_BELOW: Statement = Statement::new(
    "keys.end_below",
    concat!("UPDATE keys SET expires_at = $2 WHERE id IN (", below!(), ")"),
);

pub(super) static END_GRANTS_BELOW: Statement = Statement::new(
    "keys.end_grants_below",
    concat!("UPDATE grants SET expires_at = $2 WHERE id IN (", below!(), ")"),
);

pub(super) static FIND: Statement = Statement::new(
    "keys.find",
    list!("k.id = $2 AND k.organization IS NOT DISTINCT FROM COALESCE($1, k.organization)"),
);

pub(super) static FIND_OF_OWNER: Statement =
    Statement::new("keys.find_of_owner", list!("k.owner = $1 AND k.id = $2"));

pub(super) static LIST: Statement =
    Statement::new("keys.list", list!("k.id < $1 ORDER BY k.id DESC LIMIT $2"));

pub(super) static LIST_IN_ORGANIZATION: Statement = Statement::new(
    "keys.list_in_organization",
    list!("k.organization = $1 AND k.id < $2 ORDER BY k.id DESC LIMIT $3"),
);

pub(super) static LIST_OF_OWNER: Statement = Statement::new(
    "keys.list_of_owner",
    list!("k.owner = $1 AND k.id < $2 ORDER BY k.id DESC LIMIT $3"),
);

pub(super) static LIST_HELD: Statement = Statement::new(
    "keys.list_held",
    list!(
        "k.owner = $1 AND k.organization IS NOT DISTINCT FROM COALESCE($2, k.organization)
                      AND k.app IS NOT DISTINCT FROM COALESCE($3, k.app) AND k.id < $4
          ORDER BY k.id DESC LIMIT $5"
    ),
);

pub(super) static LIST_BELOW: Statement = Statement::new(
    "keys.list_below",
    list!("g.parent = $1 AND k.id < $2 ORDER BY k.id DESC LIMIT $3"),
);

pub(super) static NOTE_USE: Statement = Statement::new(
    "keys.note_use",
    "UPDATE keys SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)",
);

/// Every statement of this room.
pub static STATEMENTS: &[&Statement] = &[
    &FIND_FACTS,
    &CREATE_GRANT,
    &CREATE,
    &HOLD_MEMBER,
    &HOLD_USER,
    &HOLD_PROJECT,
    &HOLD_GROUP,
    &HOLD_PARENT,
    &UPDATE,
    &MOVE_GRANT_END,
    &ROTATE,
    &END_GRANT,
    &END_BELOW,
    &END_GRANTS_BELOW,
    &FIND,
    &FIND_OF_OWNER,
    &LIST,
    &LIST_IN_ORGANIZATION,
    &LIST_OF_OWNER,
    &LIST_HELD,
    &LIST_BELOW,
    &NOTE_USE,
];
