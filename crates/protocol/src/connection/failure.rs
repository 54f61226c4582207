//! What a failed refresh means for a connection. A user is asked back only when the provider has
//! said that the grant is dead, or when nothing else can be true; an outage, a rate limit or a wrong
//! client secret never asks anybody.

use super::Renewal;
use super::state::{Event, Reason};
use super::timing::{AFTER_GIVING_UP, GIVE_UP_AFTER, Pace, backoff};
use crate::time::{Seconds, Timestamp};

/// What the provider's answer, or its absence, says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The grant is dead.
    GrantDead,
    /// The grant is blocked until its user interacts.
    GrantBlocked,
    /// The connector asks for scopes the provider does not know.
    ConnectorScopes,
    /// The connector's credentials or URLs are wrong.
    Connector,
    /// Nothing reached the provider, or it cannot answer now.
    Transient,
    /// A refusal that names nothing.
    Unknown,
    /// Sent, and no answer came: the provider may have acted.
    Unanswered,
}

impl Class {
    /// The word for timelines and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GrantDead => "grant_dead",
            Self::GrantBlocked => "grant_blocked",
            Self::ConnectorScopes => "connector_scopes",
            Self::Connector => "connector",
            Self::Transient => "transient",
            Self::Unknown => "unknown",
            Self::Unanswered => "unanswered",
        }
    }
}

/// Tries of one generation of the refresh token whose answer was never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// When it was sent first.
    pub first_at: Timestamp,
    /// When it was sent last.
    pub last_at: Timestamp,
    /// How often it was sent.
    pub times: i64,
}

/// Failures in a row since the last success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Streak {
    /// How many.
    pub failures: i64,
    /// Since when.
    pub since: Option<Timestamp>,
    /// How many of them named nothing, in a row.
    pub unknown: i64,
    /// Since when those.
    pub unknown_since: Option<Timestamp>,
}

/// What is known of the connection when its refresh failed.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// How the provider renews.
    pub pace: Pace,
    /// The access token's end; `None` when it has none or there is no token.
    pub access_ends_at: Option<Timestamp>,
    /// The grant's own end, if the provider gave one.
    pub grant_ends_at: Option<Timestamp>,
    /// The tries of the present refresh token, this one included.
    pub spent: Spent,
    /// The failures before this one.
    pub streak: Streak,
}

/// What a failure leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What happens to the connection's state.
    pub event: Option<Event>,
    /// Whether the refresh token is of no more use.
    pub drops_grant: bool,
    /// Whether the token counts as spent without an answer.
    pub unanswered: bool,
    /// The failures in a row from here on.
    pub streak: Streak,
    /// Nobody asks the provider before this instant.
    pub next_try_at: Timestamp,
    /// The connector, not the user, has something to mend.
    pub blames_connector: bool,
}

/// What to do with a refresh token that was sent and never answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// Send the same one again.
    Again,
    /// Not yet: the access token still serves.
    Later(Timestamp),
    /// It was tried all it may be.
    Lost,
}

/// How near to the end of the access token a spent refresh token without grace gets its one more
/// try.
const NEAR_THE_END: Seconds = Seconds(60);

/// Whether a token that was sent without an answer may be sent again (rule of one spender): within
/// the provider's grace at once; after it once more, near the end of the access token.
#[must_use]
pub fn after_no_answer(
    pace: &Pace,
    access_ends_at: Option<Timestamp>,
    spent: Spent,
    now: Timestamp,
) -> Unanswered {
    if pace.renewal != Renewal::Rotating {
        return Unanswered::Again;
    }
    let grace_ends = spent.first_at.plus(pace.reuse_grace);
    if now < grace_ends {
        return Unanswered::Again;
    }
    if spent.times >= 2 && spent.last_at >= grace_ends {
        return Unanswered::Lost;
    }
    match access_ends_at.map(|end| end.minus(NEAR_THE_END)) {
        Some(near) if near > now => Unanswered::Later(near),
        _ => Unanswered::Again,
    }
}

/// Decides what follows from a failure of `class` at `now`.
#[must_use]
pub fn decide(
    class: Class,
    facts: &Facts,
    retry_after: Option<Seconds>,
    now: Timestamp,
    dice: u64,
) -> Verdict {
    let streak = counted(facts.streak, class, now);
    let quiet = Verdict {
        event: None,
        drops_grant: false,
        unanswered: false,
        streak,
        next_try_at: now.plus(backoff(streak.failures, retry_after, dice)),
        blames_connector: false,
    };
    match class {
        Class::GrantDead => dead(quiet, cause_of_death(facts)),
        Class::GrantBlocked => dead(quiet, Reason::Policy),
        Class::Connector | Class::ConnectorScopes => {
            Verdict { blames_connector: true, streak: facts.streak, ..quiet }
        }
        Class::Unknown if refused_long_enough(streak, now) => dead(quiet, Reason::ProviderRefused),
        Class::Unanswered if facts.pace.renewal == Renewal::Rotating => {
            no_answer(quiet, facts, now)
        }
        Class::Transient | Class::Unknown | Class::Unanswered => given_up(quiet, facts, now),
    }
}

fn dead(quiet: Verdict, reason: Reason) -> Verdict {
    Verdict { event: Some(Event::GrantDead(reason)), drops_grant: true, ..quiet }
}

/// "Unknown grant" for a token that was sent before without an answer means that the answer held
/// the next one.
fn cause_of_death(facts: &Facts) -> Reason {
    let rotating = facts.pace.renewal == Renewal::Rotating;
    if rotating && facts.spent.times >= 2 { Reason::ReplyLost } else { Reason::GrantRevoked }
}

fn no_answer(quiet: Verdict, facts: &Facts, now: Timestamp) -> Verdict {
    let spent = Verdict { unanswered: true, ..quiet };
    match after_no_answer(&facts.pace, facts.access_ends_at, facts.spent, now) {
        Unanswered::Lost => dead(quiet, Reason::ReplyLost),
        Unanswered::Later(at) => Verdict {
            next_try_at: if at > spent.next_try_at { at } else { spent.next_try_at },
            ..spent
        },
        // The first silence within the grace: the provider still answers the token, so at once.
        Unanswered::Again if facts.spent.times == 1 && is_in_grace(facts, now) => {
            Verdict { next_try_at: now, ..spent }
        }
        // Within the grace the pause must not outlast it.
        Unanswered::Again => {
            let grace_ends = facts.spent.first_at.plus(facts.pace.reuse_grace);
            let last = grace_ends.minus(Seconds(1));
            let sooner = now < last && spent.next_try_at > last;
            Verdict { next_try_at: if sooner { last } else { spent.next_try_at }, ..spent }
        }
    }
}

fn is_in_grace(facts: &Facts, now: Timestamp) -> bool {
    now < facts.spent.first_at.plus(facts.pace.reuse_grace)
}

fn given_up(quiet: Verdict, facts: &Facts, now: Timestamp) -> Verdict {
    let ended = facts.grant_ends_at.is_some_and(|end| end <= now);
    let long = quiet.streak.since.is_some_and(|since| now.since(since) >= GIVE_UP_AFTER);
    if !ended && !long {
        return quiet;
    }
    let reason = if ended { Reason::GrantEnded } else { Reason::GaveUp };
    Verdict { event: Some(Event::GaveUp(reason)), next_try_at: now.plus(AFTER_GIVING_UP), ..quiet }
}

fn counted(before: Streak, class: Class, now: Timestamp) -> Streak {
    let unknown = class == Class::Unknown;
    Streak {
        failures: before.failures.saturating_add(1),
        since: before.since.or(Some(now)),
        unknown: if unknown { before.unknown.saturating_add(1) } else { 0 },
        unknown_since: if unknown { before.unknown_since.or(Some(now)) } else { None },
    }
}

/// Some servers answer a dead token with a bare 400. Three in a row over an hour is no accident.
fn refused_long_enough(streak: Streak, now: Timestamp) -> bool {
    let over = streak.unknown_since.is_some_and(|since| now.since(since) >= Seconds(3_600));
    streak.unknown >= 3 && over
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn facts(grace: i64) -> Facts {
        Facts {
            pace: Pace { renewal: Renewal::Rotating, reuse_grace: Seconds(grace), ..Pace::NEVER },
            access_ends_at: Some(NOW.plus(Seconds(600))),
            grant_ends_at: None,
            spent: Spent {
                first_at: NOW.minus(Seconds(10)),
                last_at: NOW.minus(Seconds(10)),
                times: 1,
            },
            streak: Streak::default(),
        }
    }

    fn verdict(class: Class, facts: &Facts) -> Verdict {
        decide(class, facts, None, NOW, u64::MAX)
    }

    #[test]
    fn only_a_dead_grant_asks_for_the_user() {
        for class in [Class::Transient, Class::Unknown, Class::Connector, Class::ConnectorScopes] {
            let verdict = verdict(class, &facts(0));
            assert_eq!((verdict.event, verdict.drops_grant), (None, false), "{class:?}");
        }
        let dead = verdict(Class::GrantDead, &facts(0));
        assert_eq!(dead.event, Some(Event::GrantDead(Reason::GrantRevoked)));
        assert!(dead.drops_grant);
        let blocked = verdict(Class::GrantBlocked, &facts(0));
        assert_eq!(blocked.event, Some(Event::GrantDead(Reason::Policy)));
    }

    #[test]
    fn a_wrong_client_secret_counts_no_failure_of_the_connection() {
        let verdict = verdict(Class::Connector, &facts(0));
        assert!(verdict.blames_connector);
        assert_eq!(verdict.streak, Streak::default());
    }

    #[test]
    fn a_week_of_outage_is_an_error_and_then_a_try_a_day() {
        let week =
            Streak { failures: 900, since: Some(NOW.minus(GIVE_UP_AFTER)), ..Streak::default() };
        let long = verdict(Class::Transient, &Facts { streak: week, ..facts(0) });
        assert_eq!(long.event, Some(Event::GaveUp(Reason::GaveUp)));
        assert_eq!(long.next_try_at, NOW.plus(Seconds(86_400)));
        assert!(!long.drops_grant);
        let day_less = Streak { since: Some(NOW.minus(Seconds(6 * 86_400))), ..week };
        assert_eq!(verdict(Class::Transient, &Facts { streak: day_less, ..facts(0) }).event, None);
        let ended = Facts { grant_ends_at: Some(NOW), ..facts(0) };
        let ended = verdict(Class::Transient, &ended);
        assert_eq!(ended.event, Some(Event::GaveUp(Reason::GrantEnded)));
    }

    #[test]
    fn three_refusals_without_a_name_over_an_hour_are_a_dead_grant() {
        let unknown = |unknown, age| Facts {
            streak: Streak {
                failures: unknown,
                since: Some(NOW.minus(Seconds(age))),
                unknown,
                unknown_since: Some(NOW.minus(Seconds(age))),
            },
            ..facts(0)
        };
        let third = verdict(Class::Unknown, &unknown(2, 3_600));
        assert_eq!(third.event, Some(Event::GrantDead(Reason::ProviderRefused)));
        assert_eq!(verdict(Class::Unknown, &unknown(1, 9_999)).event, None);
        assert_eq!(verdict(Class::Unknown, &unknown(9, 3_599)).event, None);
        assert_eq!(verdict(Class::Transient, &unknown(9, 9_999)).streak.unknown, 0);
    }

    #[test]
    fn a_lost_reply_within_the_grace_is_asked_for_again() {
        let facts = facts(600);
        let again = after_no_answer(&facts.pace, facts.access_ends_at, facts.spent, NOW);
        assert_eq!(again, Unanswered::Again);
        let verdict = verdict(Class::Unanswered, &facts);
        assert_eq!((verdict.event, verdict.unanswered), (None, true));
        assert_eq!(verdict.next_try_at, NOW, "at once");
    }

    #[test]
    fn a_second_silence_within_the_grace_pauses_and_does_not_outlast_it() {
        let mut facts = facts(600);
        facts.spent.times = 2;
        facts.streak.failures = 9;
        let verdict = verdict(Class::Unanswered, &facts);
        assert_eq!((verdict.event, verdict.unanswered), (None, true));
        assert!(verdict.next_try_at > NOW);
        assert!(verdict.next_try_at < facts.spent.first_at.plus(Seconds(600)));
    }

    #[test]
    fn without_a_grace_the_access_token_serves_and_one_more_try_comes_near_its_end() {
        let facts = facts(0);
        let later = after_no_answer(&facts.pace, facts.access_ends_at, facts.spent, NOW);
        assert_eq!(later, Unanswered::Later(NOW.plus(Seconds(540))));
        assert_eq!(verdict(Class::Unanswered, &facts).next_try_at, NOW.plus(Seconds(540)));
        let near = NOW.plus(Seconds(541));
        let again = after_no_answer(&facts.pace, facts.access_ends_at, facts.spent, near);
        assert_eq!(again, Unanswered::Again);
    }

    #[test]
    fn the_second_silence_without_a_grace_is_a_lost_reply() {
        let spent = Spent { first_at: NOW.minus(Seconds(500)), last_at: NOW, times: 2 };
        let twice = Facts { spent, access_ends_at: None, ..facts(0) };
        let lost = verdict(Class::Unanswered, &twice);
        assert_eq!(lost.event, Some(Event::GrantDead(Reason::ReplyLost)));
        assert!(lost.drops_grant);
    }

    #[test]
    fn a_token_unknown_to_the_provider_after_silence_is_a_lost_reply() {
        let spent = Spent { first_at: NOW.minus(Seconds(5)), last_at: NOW, times: 2 };
        let dead = verdict(Class::GrantDead, &Facts { spent, ..facts(600) });
        assert_eq!(dead.event, Some(Event::GrantDead(Reason::ReplyLost)));
    }

    #[test]
    fn silence_of_a_provider_that_does_not_rotate_is_transient() {
        let mut facts = facts(0);
        facts.pace.renewal = Renewal::Static;
        facts.spent.times = 9;
        let verdict = verdict(Class::Unanswered, &facts);
        assert_eq!((verdict.event, verdict.unanswered), (None, false));
        let again = after_no_answer(&facts.pace, facts.access_ends_at, facts.spent, NOW);
        assert_eq!(again, Unanswered::Again);
    }
}
