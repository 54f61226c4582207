//! The SQL of sessions.

use crate::engine::Statement;
use crate::revocations::ids_of_owner;

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[
    &BEGIN_GRANT,
    &BEGIN,
    &FIND,
    &SEE,
    &BELONG,
    &HOLD_PROJECT,
    &SWITCH,
    &NAME,
    &OWNED,
    &REVOKE,
    &REVOKE_BELOW,
    &REVOKE_OLDEST,
    &REVOKE_ALL,
    &REVOKE_OTHERS,
    &REVOKE_OFFLINE,
    &LIST_OF_USER,
    &LIST_IN_ORGANIZATION,
    &LIST,
    &FIND_RECORD,
];

pub(super) static BEGIN_GRANT: Statement = Statement::append(
    "sessions.begin_grant",
    "INSERT INTO grants (id, parent, kind, owner, scopes, created_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7)",
);

pub(super) static BEGIN: Statement = Statement::append(
    "sessions.begin",
    "INSERT INTO sessions (id, hash, parent, member, organization, project, name, agent, address, methods,
                           authenticated_at, created_at, seen_at, idle, ends_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
);

// A session handed out from another dies with it. There is one such level.
pub(super) static FIND: Statement = Statement::new(
    "sessions.find",
    "SELECT s.id, s.hash, s.parent, s.member, s.organization, s.project, s.methods, s.authenticated_at,
            s.created_at, s.seen_at, s.idle, s.ends_at, COALESCE(g.revoked_at, above.revoked_at)
       FROM sessions s JOIN grants g ON g.id = s.id
       LEFT JOIN grants above ON above.id = s.parent
      WHERE s.id = $1",
);

pub(super) static SEE: Statement = Statement::new(
    "sessions.see",
    "UPDATE sessions SET seen_at = $2 WHERE id = $1 AND seen_at < $2",
);

pub(super) static BELONG: Statement = Statement::new(
    "sessions.belong",
    "UPDATE memberships SET created_at = created_at
      WHERE organization = $1 AND member = $2
        AND EXISTS (SELECT 1 FROM organizations o WHERE o.id = $1 AND o.disabled_at IS NULL)",
);

pub(super) static HOLD_PROJECT: Statement = Statement::new(
    "sessions.hold_project",
    "UPDATE projects SET created_at = created_at WHERE organization = $1 AND id = $2",
);

pub(super) static SWITCH: Statement = Statement::new(
    "sessions.switch",
    "UPDATE sessions SET organization = $2, project = $3
      WHERE id = $1 AND ends_at > $4
        AND EXISTS (SELECT 1 FROM grants g WHERE g.id = $1 AND g.revoked_at IS NULL)",
);

pub(super) static NAME: Statement =
    Statement::new("sessions.name", "UPDATE sessions SET name = $3 WHERE member = $1 AND id = $2");

pub(super) static OWNED: Statement = Statement::new(
    "sessions.owned",
    "UPDATE sessions SET created_at = created_at WHERE member = $1 AND id = $2",
);

pub(super) static REVOKE: Statement = Statement::new(
    "sessions.revoke",
    "UPDATE grants SET revoked_at = $2, revoked_why = $3
      WHERE id = $1 AND kind = 'session' AND revoked_at IS NULL",
);

// What was handed out from a session is marked too, so that lists are right without looking up. That it
// is no authorization is said for the indexes, which leave those out.
pub(super) static REVOKE_BELOW: Statement = Statement::new(
    "sessions.revoke_below",
    "UPDATE grants SET revoked_at = $2, revoked_why = $3
      WHERE parent = $1 AND kind = 'session' AND kind <> 'authorization' AND revoked_at IS NULL",
);

// The one that makes room: a person has a bounded number of sessions, and the oldest go.
pub(super) static REVOKE_OLDEST: Statement = Statement::new(
    "sessions.revoke_oldest",
    "UPDATE grants SET revoked_at = $2, revoked_why = 'too many sessions'
      WHERE revoked_at IS NULL AND id IN
            (SELECT s.id FROM sessions s JOIN grants g ON g.id = s.id
              WHERE s.member = $1 AND g.revoked_at IS NULL AND s.ends_at > $2
              ORDER BY s.id DESC LIMIT 1000 OFFSET $3)",
);

pub(super) static REVOKE_ALL: Statement = Statement::new(
    "sessions.revoke_all",
    "UPDATE grants SET revoked_at = $2, revoked_why = $3
      WHERE owner = $1 AND kind = 'session' AND kind <> 'authorization' AND revoked_at IS NULL",
);

pub(super) static REVOKE_OTHERS: Statement = Statement::new(
    "sessions.revoke_others",
    "UPDATE grants SET revoked_at = $2, revoked_why = $3
      WHERE owner = $1 AND kind = 'session' AND kind <> 'authorization' AND revoked_at IS NULL
        AND id <> $4 AND (parent IS NULL OR parent <> $4)",
);

// What a client was given beside a session. Keys and connections name no client.
pub(super) static REVOKE_OFFLINE: Statement = Statement::new(
    "sessions.revoke_offline",
    concat!(
        "UPDATE grants SET revoked_at = $2, revoked_why = $3 WHERE id IN ",
        ids_of_owner!("$1"),
        " AND client IS NOT NULL AND parent IS NULL AND revoked_at IS NULL"
    ),
);

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT s.id, s.member, u.email, s.organization, s.project, s.name, s.agent, s.address, s.methods,
                    s.authenticated_at, s.created_at, s.seen_at, s.idle, s.ends_at, s.parent
               FROM sessions s JOIN grants g ON g.id = s.id JOIN users u ON u.id = s.member
              WHERE g.revoked_at IS NULL AND s.ends_at > $1 AND s.seen_at + s.idle > $1 AND ",
            $rest
        )
    };
}

pub(super) static LIST_OF_USER: Statement = Statement::new(
    "sessions.list_of_user",
    select!(
        "s.member = $2 AND s.organization IS NOT DISTINCT FROM COALESCE($3, s.organization) AND s.id < $4 ORDER BY s.id DESC LIMIT $5"
    ),
);

pub(super) static LIST_IN_ORGANIZATION: Statement = Statement::new(
    "sessions.list_in_organization",
    select!("s.organization = $2 AND s.id < $3 ORDER BY s.id DESC LIMIT $4"),
);

pub(super) static LIST: Statement =
    Statement::new("sessions.list", select!("s.id < $2 ORDER BY s.id DESC LIMIT $3"));

pub(super) static FIND_RECORD: Statement =
    Statement::new("sessions.find_record", select!("s.id = $2"));
