//! A caller reports that the provider's API refused a token (401). Believed only for the token that
//! is current, and at most once a minute, so no caller can drive refreshes; a fresh token that is
//! refused twice is not the token's fault.

use crate::time::{Seconds, Timestamp};

/// At most one refresh a minute follows from reports.
const PAUSE: Seconds = Seconds(60);

/// A report this much later has nothing to do with the one before.
const FORGOTTEN_AFTER: Seconds = Seconds(3_600);

/// The third refusal in a row is the second of a fresh token.
const TOO_OFTEN: i64 = 3;

/// Reports so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reports {
    /// Believed ones in a row.
    pub count: i64,
    /// When the last one was believed.
    pub last_at: Option<Timestamp>,
}

/// What follows from a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Believed {
    /// Nothing: another token is current, or one was just believed.
    No,
    /// Another token is fetched.
    Refresh(Reports),
    /// The API refuses whatever it is shown.
    RejectedByApi(Reports),
}

/// Judges a report that names `reported` while `current` is the token's fingerprint.
#[must_use]
pub fn judge(before: Reports, current: Option<&str>, reported: &str, now: Timestamp) -> Believed {
    if current != Some(reported) {
        return Believed::No;
    }
    let age = before.last_at.map(|at| now.since(at));
    if age.is_some_and(|age| age < PAUSE) {
        return Believed::No;
    }
    let related = age.is_some_and(|age| age < FORGOTTEN_AFTER);
    let count = if related { before.count.saturating_add(1) } else { 1 };
    let reports = Reports { count, last_at: Some(now) };
    if count >= TOO_OFTEN { Believed::RejectedByApi(reports) } else { Believed::Refresh(reports) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(10_000);

    fn reports(count: i64, ago: i64) -> Reports {
        Reports { count, last_at: Some(NOW.minus(Seconds(ago))) }
    }

    fn believed(count: i64) -> Reports {
        Reports { count, last_at: Some(NOW) }
    }

    #[test]
    fn a_report_about_an_older_token_is_not_believed() {
        assert_eq!(judge(Reports::default(), Some("b"), "a", NOW), Believed::No);
        assert_eq!(judge(Reports::default(), None, "a", NOW), Believed::No);
    }

    #[test]
    fn a_report_is_believed_once_a_minute() {
        let first = judge(Reports::default(), Some("a"), "a", NOW);
        assert_eq!(first, Believed::Refresh(believed(1)));
        assert_eq!(judge(reports(1, 59), Some("a"), "a", NOW), Believed::No);
        assert_eq!(judge(reports(1, 60), Some("a"), "a", NOW), Believed::Refresh(believed(2)));
    }

    #[test]
    fn a_fresh_token_refused_twice_is_the_api_s_decision() {
        let third = judge(reports(2, 60), Some("c"), "c", NOW);
        assert_eq!(third, Believed::RejectedByApi(believed(3)));
        let much_later = judge(reports(2, 3_600), Some("c"), "c", NOW);
        assert_eq!(much_later, Believed::Refresh(believed(1)));
    }
}
