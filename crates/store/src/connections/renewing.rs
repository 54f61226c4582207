//! How a refresh went. A success is stored under the generation of the refresh token that was spent:
//! still the same, and our result is newer than anything there, `needs_reauth` included; another,
//! and somebody else's counts.

use keyhaven_protocol::connection::failure::{Class, Verdict};
use keyhaven_protocol::connection::state::{
    Announcement, Event, Reason, Standing, Status, announcement,
};
use keyhaven_protocol::id::Id;
use keyhaven_protocol::time::Timestamp;

use super::connecting::Sealed;
use super::{Happened, Held, Tokens, Upstream, target, told_of};
use crate::act::Plan;
use crate::engine::{Statement, Step};
use crate::envelope::Nonces;
use crate::{Act, Error, Outcome, Store, values};

/// How storing a result ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is there.
    Yes,
    /// The row's state moved since it was read: read again, store again.
    Moved,
}

/// A refresh that succeeded.
#[derive(Clone, Debug)]
pub struct Renewed<'a> {
    /// What arrived.
    pub tokens: &'a Tokens,
    /// What the provider said about its answer.
    pub upstream: Upstream,
    /// The node at work.
    pub node: Id,
}

/// A refresh that failed.
#[derive(Clone, Debug)]
pub struct Failed {
    /// What the failure is.
    pub class: Class,
    /// What follows from it.
    pub verdict: Verdict,
    /// When the scheduler looks again.
    pub due_at: Option<Timestamp>,
    /// What the provider said about its answer.
    pub upstream: Upstream,
    /// The node at work.
    pub node: Id,
}

impl Store {
    /// Stores new tokens before anybody sees them. `held` is the row as it was when its refresh
    /// token was sent.
    pub async fn record_refresh(
        &self,
        held: &Held,
        renewed: &Renewed<'_>,
        nonces: [u8; 32],
        mut act: Act,
    ) -> Result<Stored, Error> {
        let connection = &held.connection;
        let (before, now) = (connection.standing, act.now);
        let after = before.granted(Event::Refreshed, renewed.tokens.coverage, now);
        let moved = (after != before).then_some(after);
        let told_as = match moved {
            Some(after) => announcement(before.status, after.status),
            None => Some(Announcement::Refreshed),
        };
        let key = held.data_key(&self.sealer)?;
        let sealed = Sealed::of(&key, renewed.tokens, &mut Nonces::new(nonces))?;
        let mut values = values![
            connection.id.0,
            held.generation,
            before.status.as_str(),
            after.status.as_str(),
            after.reason.map(Reason::as_str),
            after.since,
            now,
        ];
        values.extend(renewed.tokens.values(sealed, after));
        let node = renewed.node.to_string();
        let (word, action) = match moved.map(|after| after.status) {
            Some(Status::Active) => ("recovered", Some("connection.recovered")),
            Some(_) => ("refreshed", Some("connection.needs_reauth")),
            None => ("refreshed", None),
        };
        let mut what = Happened::plain(word, &node);
        what.reason = moved.and_then(|after| after.reason);
        what.upstream = renewed.upstream.clone();
        let mut plan = Plan::default()
            .must(Step::one(&RENEW, values), Outcome::Moved)
            .announce(told_as, connection.id, told_of(connection, &after), &mut act)
            .announce_scopes(connection, renewed.tokens.scopes.as_deref(), &after, &mut act)
            .happened(connection.organization, connection.id, &what, &mut act);
        if let Some(action) = action {
            plan = plan.also(audit(held, &after, action, &mut act));
        }
        stored(self.carry_out(plan, act).await?)
    }

    /// Stores what a failure led to, unless another node's success came first.
    pub async fn record_failure(
        &self,
        held: &Held,
        failed: &Failed,
        mut act: Act,
    ) -> Result<Stored, Error> {
        let connection = &held.connection;
        let (before, verdict, now) = (connection.standing, failed.verdict, act.now);
        let moved = verdict.event.and_then(|event| before.after(event, now));
        let after = moved.unwrap_or(before);
        let announced = moved.and_then(|after| announcement(before.status, after.status));
        let streak = verdict.streak;
        let values = values![
            connection.id.0,
            held.generation,
            before.status.as_str(),
            after.status.as_str(),
            after.reason.map(Reason::as_str),
            after.since,
            i64::from(verdict.drops_grant),
            i64::from(verdict.unanswered),
            streak.failures,
            streak.since,
            streak.unknown,
            streak.unknown_since,
            verdict.next_try_at,
            failed.due_at,
            failed.node,
            i64::from(announced.is_some()),
        ];
        let node = failed.node.to_string();
        let mut what = Happened::plain("failed", &node);
        what.reason = moved.and_then(|after| after.reason);
        what.class = Some(failed.class);
        what.upstream = failed.upstream.clone();
        let mut plan = Plan::default()
            .must(Step::one(&FAIL, values), Outcome::Moved)
            .announce(announced, connection.id, told_of(connection, &after), &mut act)
            .happened(connection.organization, connection.id, &what, &mut act);
        if moved.is_some() {
            let action =
                if verdict.drops_grant { "connection.needs_reauth" } else { "connection.error" };
            plan = plan.also(audit(held, &after, action, &mut act));
        }
        stored(self.carry_out(plan, act).await?)
    }
}

fn audit(held: &Held, after: &Standing, action: &'static str, act: &mut Act) -> Step {
    let reason = after.reason.map(Reason::as_str);
    let detail = serde_json::json!({ "reason": reason }).to_string();
    act.audit(Some(held.connection.organization), action, target(held.connection.id), detail)
}

fn stored(outcome: Outcome) -> Result<Stored, Error> {
    match outcome {
        Outcome::Done => Ok(Stored::Yes),
        Outcome::Moved => Ok(Stored::Moved),
        other => Err(Error::broken(format!("a refresh ended as {other:?}"))),
    }
}

static RENEW: Statement = Statement::new(
    "connections.renew",
    "UPDATE connections SET status = $4, reason = $5, since = $6, token_updated_at = $7, \
     sequence = sequence + 1, generation = generation + 1, refresh = COALESCE($8, refresh), \
     grant_ends_at = COALESCE($9, grant_ends_at), access = COALESCE($10, access), \
     access_ends_at = $11, access_lifetime = $12, fingerprint = COALESCE($13, fingerprint), \
     scheme = $14, scopes = COALESCE($15, scopes), \
     missing_scopes = COALESCE($16, missing_scopes), api_base = COALESCE($17, api_base), \
     extra = COALESCE($18, extra), due_at = $19, lease_owner = NULL, lease_until = 0, \
     spent_generation = NULL, spent_at = NULL, spent_last_at = NULL, spent_times = 0, \
     failures = 0, failing_since = NULL, unknowns = 0, unknown_since = NULL, next_try_at = NULL \
     WHERE id = $1 AND generation = $2 AND status = $3 AND status <> 'revoked'",
);

static FAIL: Statement = Statement::new(
    "connections.fail",
    "UPDATE connections SET status = $4, reason = $5, since = $6, \
     refresh = CASE WHEN $7 = 1 THEN NULL ELSE refresh END, \
     spent_generation = CASE WHEN $8 = 1 THEN spent_generation ELSE NULL END, \
     failures = $9, failing_since = $10, unknowns = $11, unknown_since = $12, next_try_at = $13, \
     due_at = $14, lease_until = CASE WHEN lease_owner = $15 THEN 0 ELSE lease_until END, \
     sequence = sequence + $16 \
     WHERE id = $1 AND generation = $2 AND status = $3 AND status <> 'revoked'",
);

pub(super) const STATEMENTS: &[&Statement] = &[&RENEW, &FAIL];
