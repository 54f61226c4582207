//! When a token is refreshed, and how long a failure waits. Randomness is passed in as a number;
//! clocks are arguments.

use super::Renewal;
use crate::time::{Seconds, Timestamp};

/// Taken off every lifetime, for the way here and for clocks that differ.
const MARGIN: Seconds = Seconds(30);
const SHORTEST_LEAD: i64 = 60;
const LONGEST_LAZY: i64 = 300;
const LONGEST_SCHEDULED: i64 = 900;
const FIRST_BACKOFF: i64 = 30;

/// The longest pause between two tries, and the longest `Retry-After` that is believed.
pub const LONGEST_BACKOFF: Seconds = Seconds(3_600);

/// Failing this long without an answer about the grant is the end of trying often.
pub const GIVE_UP_AFTER: Seconds = Seconds(7 * 86_400);

/// How often a connection that gave up is tried.
pub const AFTER_GIVING_UP: Seconds = Seconds(86_400);

/// Why a refresh is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// A caller asks for a token.
    Lazy,
    /// The scheduler came by.
    Scheduled,
}

/// What a provider file says about the pace of refreshing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How the grant is renewed.
    pub renewal: Renewal,
    /// How long after a refresh token was spent the provider still answers to it; 0 is never.
    pub reuse_grace: Seconds,
    /// A grant unused this long ends.
    pub idle: Option<Seconds>,
    /// A grant ends this long after it was given.
    pub absolute: Option<Seconds>,
    /// Never refresh earlier than this before the end.
    pub max_lead: Option<Seconds>,
    /// Never refresh sooner than this after the last time, while the access token lives.
    pub min_interval: Option<Seconds>,
    /// A refresh ends the access token before it.
    pub kills_access: bool,
}

impl Pace {
    /// The pace of something that never renews.
    pub const NEVER: Self = Self {
        renewal: Renewal::Never,
        reuse_grace: Seconds(0),
        idle: None,
        absolute: None,
        max_lead: None,
        min_interval: None,
        kills_access: false,
    };

    /// How long before its end an access token of this lifetime is renewed: a tenth of its life,
    /// within bounds, never more than half of it.
    #[must_use]
    pub fn lead(&self, lifetime: Seconds, urgency: Urgency) -> Seconds {
        let longest = match urgency {
            Urgency::Lazy => LONGEST_LAZY,
            Urgency::Scheduled => LONGEST_SCHEDULED,
        };
        let mut lead = (lifetime.0 / 10).clamp(SHORTEST_LEAD, longest).min(lifetime.0 / 2);
        if let Some(most) = self.max_lead {
            lead = lead.min(most.0);
        }
        // The old token dies with the refresh: every second it is renewed early is lost to callers.
        if self.kills_access {
            lead = lead.min(SHORTEST_LEAD);
        }
        Seconds(lead.max(0))
    }

    /// When the scheduler looks at it next: before the access token ends, and before an unused
    /// grant does. `dice` spreads what was granted together. `None` for what needs no look.
    #[must_use]
    pub fn due(
        &self,
        access: Option<(Timestamp, Seconds)>,
        now: Timestamp,
        dice: u64,
    ) -> Option<Timestamp> {
        let by_access = access.map(|(ends_at, lifetime)| match self.renewal {
            Renewal::Never => ends_at,
            _ => {
                let lead = self.lead(lifetime, Urgency::Scheduled);
                let due = ends_at.minus(Seconds(lead.0 + portion(lead.0 / 5, dice)));
                // What may not be asked for yet is looked at when it may; never after its end.
                let from = self.min_interval.map_or(due, |pause| now.plus(pause));
                due.max(from.min(ends_at))
            }
        });
        let by_idle = self.idle.filter(|_| self.keeps_alive()).map(|idle| keep_alive(now, idle));
        match (by_access, by_idle) {
            (Some(access), Some(idle)) => Some(if access < idle { access } else { idle }),
            (access, idle) => access.or(idle),
        }
    }

    const fn keeps_alive(&self) -> bool {
        matches!(self.renewal, Renewal::Static | Renewal::Rotating)
    }
}

/// When a grant with an idle end is used although nobody asks: at half that time.
#[must_use]
pub const fn keep_alive(used_at: Timestamp, idle: Seconds) -> Timestamp {
    used_at.plus(Seconds(idle.0 / 2))
}

/// The end of an access token by our clock: counted from when the request was sent, and a little
/// early. A life shorter than a minute gives up half of itself.
#[must_use]
pub fn ends_at(sent_at: Timestamp, lifetime: Seconds) -> Timestamp {
    let margin = MARGIN.0.min(lifetime.0 / 2);
    sent_at.plus(Seconds(lifetime.0 - margin))
}

/// How long to wait after this many failures in a row: doubling from 30 seconds to an hour, with
/// full jitter, and not less than the provider asked for.
#[must_use]
pub fn backoff(failures: i64, retry_after: Option<Seconds>, dice: u64) -> Seconds {
    let doublings = u32::try_from(failures.clamp(1, 16) - 1).unwrap_or(0);
    let ceiling = FIRST_BACKOFF.saturating_mul(1 << doublings).min(LONGEST_BACKOFF.0);
    let jittered = 1 + portion(ceiling - 1, dice);
    let asked = retry_after.map_or(0, |wait| wait.0.clamp(0, LONGEST_BACKOFF.0));
    Seconds(jittered.max(asked))
}

/// A part of `whole`, from none to all of it, by 64 random bits.
fn portion(whole: i64, dice: u64) -> i64 {
    let whole = u128::from(whole.max(0).unsigned_abs());
    i64::try_from(((whole + 1) * u128::from(dice)) >> 64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROTATING: Pace = Pace { renewal: Renewal::Rotating, ..Pace::NEVER };

    fn lead(pace: Pace, lifetime: i64, urgency: Urgency) -> i64 {
        pace.lead(Seconds(lifetime), urgency).0
    }

    #[test]
    fn the_lead_is_a_tenth_of_the_life_within_bounds() {
        for (lifetime, lazy, scheduled) in [
            (3_600, 300, 360),
            (600, 60, 60),
            (100, 50, 50),
            (86_400, 300, 900),
            (1_800, 180, 180),
            (0, 0, 0),
        ] {
            assert_eq!(lead(ROTATING, lifetime, Urgency::Lazy), lazy, "{lifetime}");
            assert_eq!(lead(ROTATING, lifetime, Urgency::Scheduled), scheduled, "{lifetime}");
        }
    }

    #[test]
    fn a_provider_that_refuses_early_refreshes_is_asked_late() {
        let exact = Pace { max_lead: Some(Seconds(30)), ..ROTATING };
        assert_eq!(lead(exact, 600, Urgency::Scheduled), 30);
        let airtable = Pace { kills_access: true, ..ROTATING };
        assert_eq!(lead(airtable, 3_600, Urgency::Scheduled), 60);
    }

    #[test]
    fn the_end_counts_from_sending_and_comes_early() {
        assert_eq!(ends_at(Timestamp(100), Seconds(3_600)), Timestamp(3_670));
        assert_eq!(ends_at(Timestamp(100), Seconds(20)), Timestamp(110));
    }

    #[test]
    fn the_scheduler_comes_before_the_lead_with_a_fifth_of_jitter() {
        let access = Some((Timestamp(10_000), Seconds(3_600)));
        assert_eq!(ROTATING.due(access, Timestamp(0), 0), Some(Timestamp(9_640)));
        assert_eq!(ROTATING.due(access, Timestamp(0), u64::MAX), Some(Timestamp(9_568)));
        assert_eq!(Pace::NEVER.due(access, Timestamp(0), 9), Some(Timestamp(10_000)));
        assert_eq!(Pace::NEVER.due(None, Timestamp(0), 9), None);
    }

    #[test]
    fn a_provider_that_refuses_a_quick_second_refresh_is_looked_at_after_its_pause() {
        let instagram = Pace { min_interval: Some(Seconds(86_400)), ..ROTATING };
        let short = Some((Timestamp(100_000), Seconds(100_000)));
        assert_eq!(instagram.due(short, Timestamp(50_000), 0), Some(Timestamp(100_000)));
        assert_eq!(instagram.due(short, Timestamp(13_000), 0), Some(Timestamp(99_400)));
        let long = Some((Timestamp(5_184_000), Seconds(5_184_000)));
        assert_eq!(instagram.due(long, Timestamp(0), 0), ROTATING.due(long, Timestamp(0), 0));
    }

    #[test]
    fn an_idle_grant_is_used_at_half_its_time() {
        let xero = Pace { idle: Some(Seconds(60 * 86_400)), ..ROTATING };
        assert_eq!(xero.due(None, Timestamp(100), 0), Some(Timestamp(100 + 30 * 86_400)));
        let soon = Some((Timestamp(2_000), Seconds(1_800)));
        assert_eq!(xero.due(soon, Timestamp(100), 0), Some(Timestamp(1_820)));
        let typed = Pace { idle: Some(Seconds(10)), ..Pace::NEVER };
        assert_eq!(typed.due(None, Timestamp(100), 0), None);
    }

    #[test]
    fn a_failure_waits_longer_each_time_and_never_an_hour_more() {
        assert_eq!(backoff(1, None, u64::MAX), Seconds(30));
        assert_eq!(backoff(2, None, u64::MAX), Seconds(60));
        assert_eq!(backoff(8, None, u64::MAX), Seconds(3_600));
        assert_eq!(backoff(i64::MAX, None, u64::MAX), Seconds(3_600));
        assert_eq!(backoff(5, None, 0), Seconds(1));
        assert_eq!(backoff(0, None, u64::MAX), Seconds(30));
    }

    #[test]
    fn the_provider_s_wait_is_honoured_up_to_an_hour() {
        assert_eq!(backoff(1, Some(Seconds(120)), 0), Seconds(120));
        assert_eq!(backoff(1, Some(Seconds(999_999)), 0), Seconds(3_600));
        assert_eq!(backoff(1, Some(Seconds(-5)), 0), Seconds(1));
    }
}
