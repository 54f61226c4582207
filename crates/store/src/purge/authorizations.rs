//! What people agreed to leaves with what came of it: the refresh family, the grant, the authorization.

use crate::engine::Statement;

/// The next authorizations in line, whose end as noted has come.
macro_rules! next_authorizations {
    () => {
        "(SELECT id, ends_at FROM authorizations WHERE ends_at < $1 ORDER BY ends_at LIMIT $2) AS a"
    };
}

/// Those of them from which no grant came that lives longer.
macro_rules! ended_authorizations {
    () => {
        concat!(
            "(SELECT a.id FROM ",
            next_authorizations!(),
            " WHERE NOT EXISTS (SELECT 1 FROM grants g WHERE g.id = a.id AND g.expires_at > a.ends_at))"
        )
    };
}

// What a person agreed to lives as long as the grant that came of it. Redeeming the code does not write
// that down, because here it takes a few rows of one page at a time. Then all three go together.
pub(super) static LIVING_AUTHORIZATIONS: Statement = Statement::new(
    "purge.living_authorizations",
    concat!(
        "UPDATE authorizations SET ends_at = (SELECT g.expires_at FROM grants g WHERE g.id = authorizations.id) \
         WHERE id IN (SELECT a.id FROM ",
        next_authorizations!(),
        " JOIN grants g ON g.id = a.id WHERE g.expires_at > a.ends_at)"
    ),
);
pub(super) static AUTHORIZED_FAMILIES: Statement = Statement::new(
    "purge.authorized_families",
    concat!("DELETE FROM refresh_families WHERE id IN ", ended_authorizations!()),
);
pub(super) static AUTHORIZED_GRANTS: Statement = Statement::new(
    "purge.authorized_grants",
    concat!(
        "DELETE FROM grants WHERE id IN ",
        ended_authorizations!(),
        " AND NOT EXISTS (SELECT 1 FROM refresh_families f WHERE f.id = grants.id)"
    ),
);
pub(super) static AUTHORIZATIONS: Statement = Statement::new(
    "purge.authorizations",
    concat!(
        "DELETE FROM authorizations WHERE id IN ",
        ended_authorizations!(),
        " AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.id = authorizations.id)"
    ),
);
