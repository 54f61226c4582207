//! What issuing writes.

use crate::engine::Statement;

pub(super) static SPEND_ONCE: Statement = Statement::new(
    "issuing.spend_once",
    "INSERT INTO spent_once (hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
);

macro_rules! insert_grant {
    ($rest:literal) => {
        concat!(
            "INSERT INTO grants (id, parent, kind, organization, owner, client, scopes, audience, created_at, \
             expires_at) ",
            $rest
        )
    };
}

pub(super) static BEGIN_GRANT: Statement = Statement::append(
    "issuing.begin_grant",
    insert_grant!("VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"),
);

// The guard is the id: whoever spends the code, or withdraws it, is first once.
pub(super) static REDEEM: Statement = Statement::new(
    "issuing.redeem",
    insert_grant!("VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING"),
);

// The same for a code that was not read: its person and session stand as far as this node has heard.
pub(super) static REDEEM_RECALLED: Statement = Statement::new(
    "issuing.redeem_recalled",
    insert_grant!(
        "SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 \
         WHERE EXISTS (SELECT 1 FROM users u WHERE u.id = $5 AND u.disabled_at IS NULL) \
         AND EXISTS (SELECT 1 FROM grants s WHERE s.id = $11 AND s.revoked_at IS NULL) \
         ON CONFLICT DO NOTHING"
    ),
);

pub(super) static BEGIN_FAMILY: Statement = Statement::append(
    "issuing.begin_family",
    "INSERT INTO refresh_families (id, rule, lineage, generation, hash, idle_ends_at, jkt) \
     VALUES ($1, $2, $3, 1, $4, $5, $6)",
);

// The guard is the old head and, for the race with a revocation, the family's own grant.
pub(super) static ROTATE: Statement = Statement::new(
    "issuing.rotate",
    "UPDATE refresh_families SET generation = generation + 1, previous_hash = hash, hash = $3, rotated_at = $4, \
     successor = $5, idle_ends_at = $6 \
     WHERE id = $1 AND hash = $2 \
     AND EXISTS (SELECT 1 FROM grants WHERE grants.id = $1 AND grants.revoked_at IS NULL)",
);

pub(super) static TOUCH: Statement = Statement::new(
    "issuing.touch",
    "UPDATE refresh_families SET idle_ends_at = $2 WHERE id = $1 AND idle_ends_at <= $2",
);

pub(super) static REMEMBER: Statement = Statement::append(
    "issuing.remember",
    "INSERT INTO access_tokens (id, hash, grant_id, client, scopes, audience, issued_at, expires_at, subject, jkt) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
);
