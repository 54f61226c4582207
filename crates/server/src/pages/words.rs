//! Days and programs in words, as pages say them.

use jiff::tz::TimeZone;
use keyhaven_protocol::time::Timestamp;

/// A day: `3 November 2026`.
#[must_use]
pub fn day(at: Timestamp) -> String {
    jiff::Timestamp::from_second(at.0)
        .map(|at| at.to_zoned(TimeZone::UTC).strftime("%-d %B %Y").to_string())
        .unwrap_or_default()
}

/// A day as one thinks of it: `today`, `yesterday`, or the day.
#[must_use]
pub fn recent_day(at: Timestamp, now: Timestamp) -> String {
    const DAY: i64 = 86_400;
    match now.0.div_euclid(DAY) - at.0.div_euclid(DAY) {
        0 => "today".to_owned(),
        1 => "yesterday".to_owned(),
        _ => day(at),
    }
}

/// What a browser or program calls itself, in two words where it is one that people know. Only for
/// their eyes; nothing is decided by it.
#[must_use]
pub fn program(agent: &str) -> String {
    let has = |word: &str| agent.contains(word);
    let find = |known: &[(&str, &'static str)]| {
        known.iter().find(|(word, _)| has(word)).map(|(_, name)| *name)
    };
    let browser = find(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = find(&[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "Mac"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) => name.to_owned(),
        _ if agent.trim().is_empty() => "Unknown program".to_owned(),
        _ => agent.split(['/', ' ']).next().unwrap_or(agent).chars().take(40).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_said_as_people_do() {
        let now = Timestamp(1_800_000_000);
        assert_eq!(recent_day(now, now), "today");
        assert_eq!(recent_day(Timestamp(now.0 - 86_400), now), "yesterday");
        assert_eq!(recent_day(Timestamp(now.0 - 9 * 86_400), now), "6 January 2027");
    }

    #[test]
    fn programs_are_named_after_what_people_know_them_as() {
        let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        assert_eq!(program(agent), "Firefox on Linux");
        let agent =
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140 Safari/537.36 Edg/140";
        assert_eq!(program(agent), "Edge on Windows");
        assert_eq!(program("curl/8.5.0"), "curl");
        assert_eq!(program(" "), "Unknown program");
    }
}
