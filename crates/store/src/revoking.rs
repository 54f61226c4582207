//! Ending things: one row marks a token or a grant as ended, and a change tells the other nodes.
//! Everything below a grant dies with it because look-ups walk up (see the migration).

use keyhaven_protocol::id::{GrantId, Id, OrganizationId, TokenId, UserId};
use keyhaven_protocol::time::Timestamp;
use keyhaven_protocol::token::{AccessToken, Ended};

use crate::act::Plan;
use crate::changes::{Change, Kind, Receipt};
use crate::engine::{Statement, Step};
use crate::known::MAX_ACCESS_LIFE;
use crate::{Act, Error, Outcome, Store, values};

impl Store {
    /// Ends one access token. Asking again changes nothing and is a success.
    pub async fn revoke_token(
        &self,
        token: &AccessToken,
        tenant: Option<OrganizationId>,
        mut act: Act,
    ) -> Result<Receipt, Error> {
        let now = act.now;
        let plan = Plan::default()
            .also(Step::any(&REVOKE_TOKEN, values![token.id.0, now, token.expires_at]))
            .also(act.publish(Change::of(Kind::Token, token.id.0)))
            .also(act.audit(tenant, "token.revoked", format_args!("token:{}", token.id), "{}"));
        self.carry_out(plan, act).await?;
        Ok(self.receipt(now))
    }

    /// Ends a grant of `tenant` and everything below it. Asking again changes nothing.
    pub async fn revoke_grant(
        &self,
        tenant: Option<OrganizationId>,
        grant: GrantId,
        why: &str,
        mut act: Act,
    ) -> Result<Receipt, Error> {
        let now = act.now;
        let detail = serde_json::json!({ "why": why }).to_string();
        let plan = Plan::default()
            .must(Step::one(&REVOKE_GRANT, values![grant.0, now, why]), Outcome::Absent)
            .also(act.publish(Change::of(Kind::Grant, grant.0)))
            .also(act.audit(tenant, "grant.revoked", format_args!("grant:{grant}"), detail));
        self.carry_out(plan, act).await?;
        Ok(self.receipt(now))
    }

    /// Whether the token or any grant above it was ended: from memory while that is fresh, from
    /// the database otherwise. `user` is the one the token speaks for; `tick` the monotonic clock in
    /// milliseconds.
    pub async fn find_end(
        &self,
        token: TokenId,
        grant: Option<GrantId>,
        user: Option<UserId>,
        tick: u64,
    ) -> Result<Ended, Error> {
        // Of a user's change only the user is told, not every grant that ended with it.
        let changed = user.is_some_and(|user| self.known.has_ended(user.0));
        if changed || !self.known.is_fresh(tick) {
            return self.read_end(token, grant).await;
        }
        if self.known.has_ended(token.0) {
            return Ok(Ended::Token);
        }
        let Some(grant) = grant else { return Ok(Ended::No) };
        for node in self.list_ancestors(grant).await?.iter() {
            if self.known.has_ended(*node) {
                return Ok(Ended::Grant);
            }
        }
        Ok(Ended::No)
    }

    async fn read_end(&self, token: TokenId, grant: Option<GrantId>) -> Result<Ended, Error> {
        let rows =
            self.engine.read(&READ_END, values![token.0, grant.map(|grant| grant.0)]).await?;
        let row = rows.first().ok_or_else(|| Error::broken("revoking.read_end gave no row"))?;
        if row.int(0)? > 0 {
            return Ok(Ended::Token);
        }
        Ok(if row.int(1)? > 0 { Ended::Grant } else { Ended::No })
    }

    /// The grant and everything above it. Immutable, so remembered.
    async fn list_ancestors(&self, grant: GrantId) -> Result<std::sync::Arc<[Id]>, Error> {
        if let Some(known) = self.known.ancestors(grant) {
            return Ok(known);
        }
        let rows = self.engine.read(&LIST_ANCESTORS, values![grant.0]).await?;
        let ids = rows.iter().map(|row| row.id(0)).collect::<Result<Vec<_>, _>>()?;
        let ids: std::sync::Arc<[Id]> = if ids.is_empty() { [grant.0].into() } else { ids.into() };
        self.known.remember_ancestors(grant, ids.clone());
        Ok(ids)
    }

    /// Reads what ended recently enough to matter for a living access token, at start.
    pub async fn load_ended(&self, now: Timestamp) -> Result<(), Error> {
        let since = now.minus(MAX_ACCESS_LIFE);
        for row in self.engine.read(&LIST_ENDED, values![now, since]).await? {
            self.known.end(row.id(0)?, row.time(1)?.plus(MAX_ACCESS_LIFE));
        }
        Ok(())
    }
}

/// Every statement of this room.
pub static STATEMENTS: &[&Statement] =
    &[&REVOKE_TOKEN, &REVOKE_GRANT, &READ_END, &LIST_ANCESTORS, &LIST_ENDED];

static REVOKE_TOKEN: Statement = Statement::new(
    "revoking.revoke_token",
    "INSERT INTO revoked_tokens (id, revoked_at, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
);

static REVOKE_GRANT: Statement = Statement::new(
    "revoking.revoke_grant",
    "UPDATE grants SET revoked_at = $2, revoked_why = $3 WHERE id = $1 AND revoked_at IS NULL",
);

static READ_END: Statement = Statement::new(
    "revoking.read_end",
    "WITH RECURSIVE up (id, parent, revoked_at, depth) AS ( \
       SELECT id, parent, revoked_at, 0 FROM grants WHERE id = $2 \
       UNION ALL \
       SELECT g.id, g.parent, g.revoked_at, up.depth + 1 FROM grants g JOIN up ON g.id = up.parent \
       WHERE up.depth < 16) \
     SELECT (SELECT COUNT(*) FROM revoked_tokens WHERE id = $1), \
       (SELECT COUNT(*) FROM up WHERE revoked_at IS NOT NULL)",
);

static LIST_ANCESTORS: Statement = Statement::new(
    "revoking.list_ancestors",
    "WITH RECURSIVE up (id, parent, depth) AS ( \
       SELECT id, parent, 0 FROM grants WHERE id = $1 \
       UNION ALL \
       SELECT g.id, g.parent, up.depth + 1 FROM grants g JOIN up ON g.id = up.parent WHERE up.depth < 16) \
     SELECT id FROM up",
);

static LIST_ENDED: Statement = Statement::new(
    "revoking.list_ended",
    "SELECT id, expires_at FROM revoked_tokens WHERE expires_at > $1 \
     UNION ALL SELECT id, revoked_at FROM grants WHERE revoked_at > $2",
);
