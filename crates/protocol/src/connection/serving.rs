//! A caller asks for a token: what it gets, and whether somebody should refresh. The same question
//! is asked again by whoever won the lease, of the row as it is then: a token that became fresh
//! meanwhile is adopted.

use super::state::{Reason, Standing, Status};
use super::timing::{Pace, Urgency};
use crate::time::{Seconds, Timestamp};

/// What is known of a connection when a token is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Where it stands.
    pub standing: Standing,
    /// How the provider renews.
    pub pace: Pace,
    /// The access token, if there is one.
    pub access: Option<Access>,
    /// Whether there is something to renew it with.
    pub renewable: bool,
    /// Nobody asks the provider before this instant.
    pub next_try_at: Option<Timestamp>,
    /// When its tokens changed last.
    pub renewed_at: Timestamp,
    /// Whether the connector's own credentials are known to be wrong.
    pub misconfigured: bool,
    /// Whether somebody holds the lease.
    pub leased: bool,
}

/// The life of an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Its end by our clock; `None` when it has none.
    pub ends_at: Option<Timestamp>,
    /// How long it was given; `None` when it has no end.
    pub lifetime: Option<Seconds>,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A token that lasts at least this long, if the provider's tokens do.
    Lasting(Seconds),
    /// Another token than the present one, backoff or not: its user saw it refused.
    Another,
    /// The scheduler's turn.
    Scheduled,
}

impl Ask {
    /// Whatever is good.
    pub const ANY: Self = Self::Lasting(Seconds(0));
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serve {
    /// The token there is.
    Current,
    /// The token there is, while it is renewed behind the caller's back.
    CurrentAndRefresh,
    /// A refresh first.
    Refresh,
    /// No token.
    Refused(NoToken),
}

/// Why there is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoToken {
    /// Unconfirmed or ended: to its callers it does not exist.
    NotConnected,
    /// Its user is needed.
    NeedsReauth(Reason),
    /// The connector's credentials are wrong.
    Misconfigured,
    /// The provider fails; not before this instant.
    Backoff(Timestamp),
}

/// Decides what a caller gets at `now`.
#[must_use]
pub fn decide(facts: &Facts, ask: Ask, now: Timestamp) -> Serve {
    if matches!(facts.standing.status, Status::Revoked | Status::Pending) {
        return Serve::Refused(NoToken::NotConnected);
    }
    let lives = facts.access.is_some_and(|access| access.ends_at.is_none_or(|end| end > now));
    if lives && !wants_another(facts, ask, now) {
        return Serve::Current;
    }
    let instead = |why| if lives { Serve::Current } else { Serve::Refused(why) };
    if matches!(facts.standing.status, Status::NeedsReauth | Status::Expired) {
        let reason = facts.standing.reason.unwrap_or(Reason::AccessEnded);
        return instead(NoToken::NeedsReauth(reason));
    }
    if !facts.renewable {
        return instead(NoToken::NeedsReauth(Reason::AccessEnded));
    }
    if facts.misconfigured && ask != Ask::Scheduled {
        return instead(NoToken::Misconfigured);
    }
    if let Some(at) = facts.next_try_at.filter(|at| *at > now && ask != Ask::Another) {
        return instead(NoToken::Backoff(at));
    }
    // The provider would refuse, or give the same token again.
    if lives && facts.pace.min_interval.is_some_and(|pause| facts.renewed_at.plus(pause) > now) {
        return Serve::Current;
    }
    refresh(facts, ask, lives, now)
}

/// Whoever still holds a good token is served at once: by a node that renews it, or behind its
/// back. Where the refresh ends the old token, everybody waits for the new one.
fn refresh(facts: &Facts, ask: Ask, lives: bool, now: Timestamp) -> Serve {
    match ask {
        Ask::Lasting(_) if lives && !facts.pace.kills_access && lasts(facts, ask, now) => {
            if facts.leased { Serve::Current } else { Serve::CurrentAndRefresh }
        }
        _ => Serve::Refresh,
    }
}

/// Whether a good token is not good enough.
fn wants_another(facts: &Facts, ask: Ask, now: Timestamp) -> bool {
    let Some((left, lifetime)) = left(facts, now) else { return ask == Ask::Another };
    match ask {
        Ask::Another => true,
        Ask::Lasting(_) => {
            left <= facts.pace.lead(lifetime, Urgency::Lazy) || !lasts(facts, ask, now)
        }
        // The scheduler has picked it by its own date, which has the jitter in it.
        Ask::Scheduled => {
            let lead = facts.pace.lead(lifetime, Urgency::Scheduled);
            left.0 <= lead.0 + lead.0 / 5
        }
    }
}

/// Whether the token lasts as long as asked. Nobody gets more than half of what the provider gives:
/// asking for more means "the freshest you can", not a refresh at every call.
fn lasts(facts: &Facts, ask: Ask, now: Timestamp) -> bool {
    let (Ask::Lasting(least), Some((left, lifetime))) = (ask, left(facts, now)) else {
        return true;
    };
    left.0 > least.0.min(lifetime.0 / 2)
}

fn left(facts: &Facts, now: Timestamp) -> Option<(Seconds, Seconds)> {
    let access = facts.access?;
    let end = access.ends_at?;
    let left = end.since(now);
    Some((left, access.lifetime.unwrap_or(left)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Renewal;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn facts(left: i64) -> Facts {
        Facts {
            standing: Standing::active(Timestamp(0)),
            pace: Pace { renewal: Renewal::Rotating, ..Pace::NEVER },
            access: Some(Access {
                ends_at: Some(NOW.plus(Seconds(left))),
                lifetime: Some(Seconds(3_600)),
            }),
            renewable: true,
            next_try_at: None,
            renewed_at: Timestamp(0),
            misconfigured: false,
            leased: false,
        }
    }

    fn check(edit: impl FnOnce(&mut Facts), left: i64, ask: Ask, expected: Serve) {
        let mut facts = facts(left);
        edit(&mut facts);
        assert_eq!(decide(&facts, ask, NOW), expected, "{facts:?} {ask:?}");
    }

    fn stands(status: Status, reason: Reason) -> impl FnOnce(&mut Facts) {
        move |facts| facts.standing = Standing { status, reason: Some(reason), since: NOW }
    }

    const REFUSED: fn(NoToken) -> Serve = Serve::Refused;

    #[test]
    fn a_fresh_token_is_served_as_it_is() {
        check(|_| {}, 3_000, Ask::ANY, Serve::Current);
        check(|_| {}, 301, Ask::ANY, Serve::Current);
    }

    #[test]
    fn a_token_near_its_end_is_served_while_it_is_renewed() {
        check(|_| {}, 300, Ask::ANY, Serve::CurrentAndRefresh);
        check(|facts| facts.leased = true, 300, Ask::ANY, Serve::Current);
        check(|facts| facts.pace.kills_access = true, 60, Ask::ANY, Serve::Refresh);
    }

    #[test]
    fn a_dead_token_is_waited_for() {
        check(|_| {}, 0, Ask::ANY, Serve::Refresh);
        check(|facts| facts.leased = true, -5, Ask::ANY, Serve::Refresh);
        check(|facts| facts.access = None, 0, Ask::ANY, Serve::Refresh);
    }

    #[test]
    fn a_wish_beyond_half_the_life_does_not_refresh_each_time() {
        check(|_| {}, 1_900, Ask::Lasting(Seconds(99_999)), Serve::Current);
        check(|_| {}, 1_700, Ask::Lasting(Seconds(99_999)), Serve::Refresh);
        check(|_| {}, 1_700, Ask::Lasting(Seconds(1_000)), Serve::Current);
    }

    #[test]
    fn a_connection_that_needs_its_user_serves_its_access_token_to_the_end() {
        let reason = Reason::GrantRevoked;
        check(stands(Status::NeedsReauth, reason), 10, Ask::ANY, Serve::Current);
        check(stands(Status::NeedsReauth, reason), 10, Ask::Another, Serve::Current);
        let ended = REFUSED(NoToken::NeedsReauth(reason));
        check(stands(Status::NeedsReauth, reason), 0, Ask::ANY, ended);
    }

    #[test]
    fn what_cannot_be_renewed_ends_with_its_token() {
        check(|facts| facts.renewable = false, 10, Ask::ANY, Serve::Current);
        let ended = REFUSED(NoToken::NeedsReauth(Reason::AccessEnded));
        check(|facts| facts.renewable = false, 0, Ask::ANY, ended);
        check(stands(Status::Expired, Reason::AccessEnded), 0, Ask::ANY, ended);
    }

    #[test]
    fn no_caller_drives_a_provider_that_fails() {
        let at = NOW.plus(Seconds(40));
        let wait = move |facts: &mut Facts| facts.next_try_at = Some(at);
        check(wait, 0, Ask::ANY, REFUSED(NoToken::Backoff(at)));
        check(wait, 10, Ask::ANY, Serve::Current);
        check(wait, 0, Ask::Scheduled, REFUSED(NoToken::Backoff(at)));
        check(wait, 10, Ask::Another, Serve::Refresh);
        let over = |facts: &mut Facts| facts.next_try_at = Some(NOW);
        check(over, 0, Ask::ANY, Serve::Refresh);
    }

    #[test]
    fn nothing_is_asked_again_within_the_provider_s_pause_while_the_token_lives() {
        let paused = |ago: i64| {
            move |facts: &mut Facts| {
                facts.pace.min_interval = Some(Seconds(570));
                facts.renewed_at = NOW.minus(Seconds(ago));
            }
        };
        for ask in [Ask::ANY, Ask::Lasting(Seconds(900)), Ask::Another, Ask::Scheduled] {
            check(paused(569), 100, ask, Serve::Current);
        }
        check(paused(570), 100, Ask::Scheduled, Serve::Refresh);
        check(paused(10), 0, Ask::ANY, Serve::Refresh);
    }

    #[test]
    fn a_wrong_client_secret_is_the_connector_s() {
        let wrong = |facts: &mut Facts| facts.misconfigured = true;
        check(wrong, 0, Ask::ANY, REFUSED(NoToken::Misconfigured));
        check(wrong, 10, Ask::ANY, Serve::Current);
        check(wrong, 0, Ask::Scheduled, Serve::Refresh);
    }

    #[test]
    fn what_is_unconfirmed_or_revoked_is_not_there() {
        let nothing = REFUSED(NoToken::NotConnected);
        check(stands(Status::Pending, Reason::Unconfirmed), 900, Ask::ANY, nothing);
        check(stands(Status::Revoked, Reason::ByUser), 900, Ask::ANY, nothing);
    }

    #[test]
    fn an_error_is_served_while_its_token_lives_and_tried_when_due() {
        check(stands(Status::Error, Reason::GaveUp), 900, Ask::ANY, Serve::Current);
        check(stands(Status::Error, Reason::GaveUp), 0, Ask::ANY, Serve::Refresh);
    }

    #[test]
    fn a_token_without_an_end_is_renewed_only_when_refused() {
        let endless = |facts: &mut Facts| {
            facts.access = Some(Access { ends_at: None, lifetime: None });
        };
        check(endless, 0, Ask::ANY, Serve::Current);
        check(endless, 0, Ask::Lasting(Seconds(99)), Serve::Current);
        check(endless, 0, Ask::Scheduled, Serve::Current);
        check(endless, 0, Ask::Another, Serve::Refresh);
    }
}
