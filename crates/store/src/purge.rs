//! Leaving: expired and spent rows go in bounded steps, so the database stays as large as what is
//! alive plus the audit window. One call removes at most [`CHUNK`] rows of each kind and says
//! whether more wait; a step is one short transaction and never blocks issuing for long.

use keyhaven_protocol::id::Id;
use keyhaven_protocol::time::{Seconds, Timestamp};

use crate::engine::{Commit, Statement, Step, Value};
use crate::known::MAX_ACCESS_LIFE;
use crate::{Error, Store, values};

mod authorizations;

use authorizations::{
    AUTHORIZATIONS, AUTHORIZED_FAMILIES, AUTHORIZED_GRANTS, LIVING_AUTHORIZATIONS,
};

/// Rows of one kind removed per step.
pub const CHUNK: i64 = 500;

/// Changes are kept this long: a node that was away longer starts with an empty memory anyway.
const CHANGES_KEPT: Seconds = Seconds(3_600);

/// A code is known as spent or expired this long after its end; later it is as good as unknown,
/// which is refused the same way.
const SPENT_CODES_KEPT: Seconds = Seconds(86_400);

/// An invitation that is over is remembered this long, so that its page can say so.
const CONNECT_SESSIONS_KEPT: Seconds = Seconds(3_600);

/// Use by day and key is kept this long.
const USAGE_KEPT: Seconds = Seconds(400 * 86_400);

/// What one round removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Rows removed or erased.
    pub rows: u64,
    /// Whether it was a chunk or more in all, so that more probably waits: one authorization may take a
    /// place in line without leaving.
    pub more: bool,
}

impl Store {
    /// Removes one chunk of every kind. `grace` is the longest refresh grace window in use and
    /// `audit_window` how long audit rows are kept.
    pub async fn purge(
        &self,
        grace: Seconds,
        audit_window: Seconds,
        now: Timestamp,
    ) -> Result<Purged, Error> {
        let by_id = |age: Seconds| Value::from(floor(now.minus(age)));
        let chunks = [
            (&ACCESS_TOKENS, by_id(MAX_ACCESS_LIFE)),
            (&REVOKED_TOKENS, now.into()),
            (&FAMILIES, now.minus(MAX_ACCESS_LIFE).into()),
            (&GRANTS, now.minus(MAX_ACCESS_LIFE).into()),
            (&SUCCESSORS, now.minus(grace).into()),
            (&SPENT_ONCE, now.minus(Seconds(60)).into()),
            (&CHANGES, by_id(CHANGES_KEPT)),
            (&AUDIT, by_id(audit_window)),
            (&TOKEN_EVENTS, by_id(audit_window)),
            (&REFUSALS, now.into()),
            (&IDEMPOTENCY, now.into()),
            (&CLIENT_SECRETS, now.into()),
            (&KEYS, now.minus(audit_window).into()),
            (&METERED_ONCE, now.into()),
            (&HAND_OUT_CODES, now.minus(SPENT_CODES_KEPT).into()),
            (&HAND_OUT_REQUESTS, now.into()),
            (&USAGE_DAYS, Value::from(now.minus(USAGE_KEPT).0.div_euclid(86_400))),
            (&SESSIONS, now.into()),
            (&PENDING_SIGN_INS, now.into()),
            (&ONE_TIME_CODES, now.into()),
            (&SIGN_IN_TRIES, now.into()),
            (&AUTHORIZATION_REQUESTS, now.into()),
            (&LIVING_AUTHORIZATIONS, now.minus(MAX_ACCESS_LIFE).into()),
            (&AUTHORIZED_FAMILIES, now.minus(MAX_ACCESS_LIFE).into()),
            (&AUTHORIZED_GRANTS, now.minus(MAX_ACCESS_LIFE).into()),
            (&AUTHORIZATIONS, now.minus(MAX_ACCESS_LIFE).into()),
            (&SESSION_CLIENTS, now.into()),
            (&LOGOUT_NOTICES, now.into()),
            (&PASSKEY_CHALLENGES, now.into()),
            (&MAIL_CODES, now.into()),
            (&UPSTREAM_FLOWS, now.into()),
            (&CONNECT_SESSIONS, now.minus(CONNECT_SESSIONS_KEPT).into()),
        ];
        let mut purged = Purged::default();
        for (statement, before) in chunks {
            let step = Step::any(statement, vec![before, CHUNK.into()]);
            if let Commit::Done(done) = self.engine.commit(vec![step]).await? {
                let changed = done.first().map_or(0, |stepped| stepped.changed);
                purged.rows += changed;
            }
        }
        purged.more = purged.rows >= CHUNK.unsigned_abs();
        Ok(purged)
    }

    /// How many rows of the two fast-growing kinds wait to leave, for the backlog metric. Counted
    /// up to a bound, so that asking stays cheap.
    pub async fn measure_backlog(&self, now: Timestamp) -> Result<i64, Error> {
        let ended = now.minus(MAX_ACCESS_LIFE);
        let values = values![floor(ended), ended];
        let rows = self.engine.read(&BACKLOG, values).await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }
}

fn floor(at: Timestamp) -> Id {
    Id::floor(u64::try_from(at.0).unwrap_or(0).saturating_mul(1_000))
}

/// Every statement of this room.
pub static STATEMENTS: &[&Statement] = &[
    &ACCESS_TOKENS,
    &REVOKED_TOKENS,
    &FAMILIES,
    &GRANTS,
    &SUCCESSORS,
    &SPENT_ONCE,
    &CHANGES,
    &AUDIT,
    &TOKEN_EVENTS,
    &REFUSALS,
    &IDEMPOTENCY,
    &CLIENT_SECRETS,
    &KEYS,
    &METERED_ONCE,
    &HAND_OUT_CODES,
    &HAND_OUT_REQUESTS,
    &USAGE_DAYS,
    &SESSIONS,
    &PENDING_SIGN_INS,
    &ONE_TIME_CODES,
    &SIGN_IN_TRIES,
    &AUTHORIZATION_REQUESTS,
    &LIVING_AUTHORIZATIONS,
    &AUTHORIZED_FAMILIES,
    &AUTHORIZED_GRANTS,
    &AUTHORIZATIONS,
    &SESSION_CLIENTS,
    &LOGOUT_NOTICES,
    &PASSKEY_CHALLENGES,
    &MAIL_CODES,
    &UPSTREAM_FLOWS,
    &CONNECT_SESSIONS,
    &BACKLOG,
];

macro_rules! delete_chunk {
    ($name:literal, $table:literal, $key:literal, $by:literal) => {
        Statement::new(
            concat!("purge.", $name),
            concat!(
                "DELETE FROM ",
                $table,
                " WHERE ",
                $key,
                " IN (SELECT ",
                $key,
                " FROM ",
                $table,
                " WHERE ",
                $by,
                " < $1 ORDER BY ",
                $by,
                " LIMIT $2)"
            ),
        )
    };
}

static ACCESS_TOKENS: Statement = delete_chunk!("access_tokens", "access_tokens", "id", "id");
static REVOKED_TOKENS: Statement =
    delete_chunk!("revoked_tokens", "revoked_tokens", "id", "expires_at");

/// Grants at their end; those that came of codes leave with their authorizations.
macro_rules! ended_grants {
    () => {
        "(SELECT id FROM grants WHERE expires_at < $1 AND kind <> 'authorization' \
         ORDER BY expires_at LIMIT $2)"
    };
}

// A family goes with its grant, which ends when it does, so that its end needs no index of its own.
static FAMILIES: Statement = Statement::new(
    "purge.families",
    concat!("DELETE FROM refresh_families WHERE id IN ", ended_grants!()),
);
static GRANTS: Statement = Statement::new(
    "purge.grants",
    concat!(
        "DELETE FROM grants WHERE id IN ",
        ended_grants!(),
        " AND NOT EXISTS (SELECT 1 FROM refresh_families f WHERE f.id = grants.id)"
    ),
);
static SPENT_ONCE: Statement = delete_chunk!("spent_once", "spent_once", "hash", "expires_at");
static CHANGES: Statement = delete_chunk!("changes", "changes", "id", "id");
static AUDIT: Statement = delete_chunk!("audit", "audit", "id", "id");
static TOKEN_EVENTS: Statement = delete_chunk!("token_events", "token_events", "id", "id");
static REFUSALS: Statement = delete_chunk!("refusals", "refusals", "code", "expires_at");
static CLIENT_SECRETS: Statement =
    delete_chunk!("client_secrets", "client_secrets", "id", "expires_at");

static KEYS: Statement = delete_chunk!("keys", "keys", "id", "expires_at");
static METERED_ONCE: Statement =
    delete_chunk!("metered_once", "metered_once", "name", "expires_at");
static HAND_OUT_CODES: Statement =
    delete_chunk!("hand_out_codes", "hand_out_codes", "id", "expires_at");
static HAND_OUT_REQUESTS: Statement =
    delete_chunk!("hand_out_requests", "hand_out_requests", "id", "expires_at");

static USAGE_DAYS: Statement = Statement::new(
    "purge.usage_days",
    "DELETE FROM usage_days WHERE (charged_key, day, unit) IN \
     (SELECT charged_key, day, unit FROM usage_days WHERE day < $1 ORDER BY day LIMIT $2)",
);
static SESSIONS: Statement = delete_chunk!("sessions", "sessions", "id", "ends_at");
static PENDING_SIGN_INS: Statement =
    delete_chunk!("pending_sign_ins", "pending_sign_ins", "id", "expires_at");
static ONE_TIME_CODES: Statement =
    delete_chunk!("one_time_codes", "one_time_codes", "id", "expires_at");
static SIGN_IN_TRIES: Statement =
    delete_chunk!("sign_in_tries", "sign_in_tries", "what", "ends_at");
static PASSKEY_CHALLENGES: Statement =
    delete_chunk!("passkey_challenges", "passkey_challenges", "hash", "expires_at");
static MAIL_CODES: Statement = delete_chunk!("mail_codes", "mail_codes", "bound", "expires_at");
static CONNECT_SESSIONS: Statement =
    delete_chunk!("connect_sessions", "connect_sessions", "hash", "expires_at");
static UPSTREAM_FLOWS: Statement =
    delete_chunk!("upstream_flows", "upstream_flows", "id", "expires_at");

static AUTHORIZATION_REQUESTS: Statement =
    delete_chunk!("authorization_requests", "authorization_requests", "id", "expires_at");

static LOGOUT_NOTICES: Statement =
    delete_chunk!("logout_notices", "logout_notices", "id", "expires_at");

static SESSION_CLIENTS: Statement = Statement::new(
    "purge.session_clients",
    "DELETE FROM session_clients WHERE (session, client) IN \
     (SELECT session, client FROM session_clients WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
);

static IDEMPOTENCY: Statement = Statement::new(
    "purge.idempotency",
    "DELETE FROM idempotency WHERE (caller, name) IN \
     (SELECT caller, name FROM idempotency WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
);

// The successor of a spent refresh token is kept only while its grace window lasts.
static SUCCESSORS: Statement = Statement::new(
    "purge.successors",
    "UPDATE refresh_families SET successor = NULL WHERE id IN \
     (SELECT id FROM refresh_families WHERE successor IS NOT NULL AND rotated_at < $1 ORDER BY rotated_at LIMIT $2)",
);

static BACKLOG: Statement = Statement::new(
    "purge.backlog",
    "SELECT (SELECT COUNT(*) FROM (SELECT 1 AS one FROM access_tokens WHERE id < $1 LIMIT 100000) AS a) \
     + (SELECT COUNT(*) FROM (SELECT 1 AS one FROM grants WHERE expires_at < $2 \
       AND kind <> 'authorization' LIMIT 100000) AS b) \
     + (SELECT COUNT(*) FROM (SELECT 1 AS one FROM authorizations WHERE ends_at < $2 LIMIT 100000) AS c)",
);
