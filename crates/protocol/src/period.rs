//! When a budget begins anew: each day, week or month, at UTC boundaries, or never. The present is
//! an argument; what happens when a clock jumps over a boundary is decided by whoever keeps the
//! beginning (a budget never goes back to an earlier period, see `budget.rs`).

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

use crate::time::{Seconds, Timestamp};

/// How often a budget begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Period {
    /// Never: it is for the whole life.
    Lifetime,
    /// At midnight UTC.
    Daily,
    /// On Mondays at midnight UTC (ISO 8601).
    Weekly,
    /// On the first of the month at midnight UTC.
    Monthly,
}

/// The beginning of what never begins anew.
const ALWAYS: Timestamp = Timestamp(0);

impl Period {
    /// Every period.
    pub const ALL: [Self; 4] = [Self::Lifetime, Self::Daily, Self::Weekly, Self::Monthly];

    /// The word on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lifetime => "none",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|period| period.as_str() == word)
    }

    /// When the period that holds `now` began. An instant outside of what a calendar knows belongs
    /// to the period without a beginning.
    #[must_use]
    pub fn start(self, now: Timestamp) -> Timestamp {
        let day = || date(now).and_then(|date| midnight(self.first(date)?));
        match self {
            Self::Lifetime => ALWAYS,
            Self::Daily => now.minus(Seconds(now.0.rem_euclid(DAY.0))),
            Self::Weekly | Self::Monthly => day().unwrap_or(ALWAYS),
        }
    }

    /// When the period that holds `now` ends and the next begins.
    #[must_use]
    pub fn end(self, now: Timestamp) -> Option<Timestamp> {
        date(now)?;
        let start = date(self.start(now))?;
        let next = match self {
            Self::Lifetime => return None,
            Self::Daily => start.checked_add(1.day()),
            Self::Weekly => start.checked_add(1.week()),
            Self::Monthly => start.checked_add(1.month()),
        };
        midnight(next.ok()?)
    }

    fn first(self, date: Date) -> Option<Date> {
        match self {
            Self::Monthly => Some(date.first_of_month()),
            Self::Weekly if date.weekday() != Weekday::Monday => {
                date.nth_weekday(-1, Weekday::Monday).ok()
            }
            _ => Some(date),
        }
    }
}

const DAY: Seconds = Seconds(86_400);

fn date(at: Timestamp) -> Option<Date> {
    Some(jiff::Timestamp::from_second(at.0).ok()?.to_zoned(TimeZone::UTC).date())
}

fn midnight(date: Date) -> Option<Timestamp> {
    let zoned = date.to_zoned(TimeZone::UTC).ok()?;
    Some(Timestamp(zoned.timestamp().as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_second())
    }

    #[track_caller]
    fn check(period: Period, now: &str, start: &str, end: &str) {
        assert_eq!(period.start(at(now)), at(start), "start of {period:?} at {now}");
        assert_eq!(period.end(at(now)), Some(at(end)), "end of {period:?} at {now}");
    }

    #[test]
    fn a_day_begins_at_midnight_utc() {
        check(
            Period::Daily,
            "2026-11-27T12:00:00Z",
            "2026-11-27T00:00:00Z",
            "2026-11-28T00:00:00Z",
        );
        check(
            Period::Daily,
            "2026-11-27T00:00:00Z",
            "2026-11-27T00:00:00Z",
            "2026-11-28T00:00:00Z",
        );
        check(
            Period::Daily,
            "2026-11-27T23:59:59Z",
            "2026-11-27T00:00:00Z",
            "2026-11-28T00:00:00Z",
        );
        check(
            Period::Daily,
            "1969-12-31T23:59:59Z",
            "1969-12-31T00:00:00Z",
            "1970-01-01T00:00:00Z",
        );
    }

    #[test]
    fn a_week_begins_on_monday() {
        check(
            Period::Weekly,
            "2026-11-27T12:00:00Z",
            "2026-11-23T00:00:00Z",
            "2026-11-30T00:00:00Z",
        );
        check(
            Period::Weekly,
            "2026-11-23T00:00:00Z",
            "2026-11-23T00:00:00Z",
            "2026-11-30T00:00:00Z",
        );
        check(
            Period::Weekly,
            "2026-11-29T23:59:59Z",
            "2026-11-23T00:00:00Z",
            "2026-11-30T00:00:00Z",
        );
        check(
            Period::Weekly,
            "2027-01-01T00:00:00Z",
            "2026-12-28T00:00:00Z",
            "2027-01-04T00:00:00Z",
        );
    }

    #[test]
    fn a_month_begins_on_the_first() {
        check(
            Period::Monthly,
            "2028-02-29T12:00:00Z",
            "2028-02-01T00:00:00Z",
            "2028-03-01T00:00:00Z",
        );
        check(
            Period::Monthly,
            "2026-12-31T23:59:59Z",
            "2026-12-01T00:00:00Z",
            "2027-01-01T00:00:00Z",
        );
        check(
            Period::Monthly,
            "2026-12-01T00:00:00Z",
            "2026-12-01T00:00:00Z",
            "2027-01-01T00:00:00Z",
        );
    }

    #[test]
    fn what_never_begins_anew_has_no_end() {
        assert_eq!(Period::Lifetime.start(at("2026-11-27T12:00:00Z")), Timestamp(0));
        assert_eq!(Period::Lifetime.end(at("2026-11-27T12:00:00Z")), None);
    }

    #[test]
    fn the_ends_of_time_have_no_boundary_and_no_panic() {
        for now in [i64::MIN, i64::MIN / 2, i64::MAX / 2, i64::MAX] {
            for period in Period::ALL {
                let _ = period.start(Timestamp(now));
                assert_eq!(period.end(Timestamp(now)), None, "{period:?} {now}");
            }
        }
    }

    #[test]
    fn every_word_reads_back() {
        for period in Period::ALL {
            assert_eq!(Period::parse(period.as_str()), Some(period));
        }
        assert_eq!(Period::parse("yearly"), None);
    }
}
