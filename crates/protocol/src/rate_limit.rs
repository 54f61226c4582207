//! Named rate limits of a key: at most `most` uses in any `window`, spent evenly or in one burst.
//!
//! The rule is GCRA, the sliding form of a leaky bucket: one number per limit, the instant at which
//! everything used so far would have been earned back, and no boundary at which twice as much may
//! pass. Instants are microseconds of a monotonic clock, given as arguments; keeping that number is
//! not here.

use crate::refusal::{Code, Refusal};

/// The longest window: a day. What shall hold longer is a budget.
pub const LONGEST_WINDOW: u64 = 86_400;

/// The most uses in a window.
pub const MOST_USES: u64 = 1_000_000;

/// The most limits one key may have.
pub const MOST_LIMITS: usize = 8;

const MICROS: u64 = 1_000_000;

/// One named limit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RateLimit {
    /// The name in the `RateLimit` headers: lower-case letters, digits, `-` and `_`.
    pub name: String,
    /// How many uses.
    pub most: u64,
    /// In how many seconds.
    pub window: u64,
}

/// What one use does to a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// When everything used so far, this use included, will have been earned back.
    pub until: u64,
    /// How many more uses would pass now.
    pub remaining: u64,
    /// Seconds until all uses are there again.
    pub resets_in: u64,
}

/// There is no use left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted {
    /// Seconds until one use will be there; at least one.
    pub wait: u64,
    /// Seconds until all uses are there again.
    pub resets_in: u64,
}

impl RateLimit {
    /// A limit, if its numbers and its name are sound.
    pub fn new(name: &str, most: u64, window: u64) -> Result<Self, &'static str> {
        let known = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        if name.is_empty() || name.len() > 32 || !name.bytes().all(known) {
            return Err("a rate limit's name has 1 to 32 lower-case letters, digits, - and _");
        }
        if !(1..=MOST_USES).contains(&most) {
            return Err("a rate limit allows 1 to 1000000 uses");
        }
        if !(1..=LONGEST_WINDOW).contains(&window) {
            return Err("a rate limit's window is 1 to 86400 seconds");
        }
        Ok(Self { name: name.to_owned(), most, window })
    }

    /// Spends one use at `now`, given the limit's last `until`.
    pub fn spend(&self, until: u64, now: u64) -> Result<Use, Exhausted> {
        let (window, each) = (self.window * MICROS, self.each());
        let earned = until.max(now);
        let next = earned + each;
        if next > now + window {
            let wait = (next - now - window).div_ceil(MICROS).max(1);
            return Err(Exhausted { wait, resets_in: (earned - now).div_ceil(MICROS) });
        }
        let remaining = (now + window - next) / each;
        Ok(Use { until: next, remaining, resets_in: (next - now).div_ceil(MICROS) })
    }

    /// Microseconds in which one use is earned. Windows and counts are bounded, so it is not zero.
    fn each(&self) -> u64 {
        (self.window * MICROS / self.most).max(1)
    }

    /// The refusal of a use that is not there.
    #[must_use]
    pub fn refuse(&self, exhausted: Exhausted) -> Refusal {
        Refusal::new(Code::RateLimited, "a rate limit of the key is used up")
            .with("limit", self.name.clone())
            .with("most", self.most.to_string())
            .with("window", self.window.to_string())
            .with("wait", exhausted.wait.to_string())
    }
}

/// Reads the limits of a key as the database keeps them: `burst=10/1 day=1000/86400`.
pub fn parse_list(text: &str) -> Result<Vec<RateLimit>, &'static str> {
    let one = |item: &str| {
        let (name, numbers) = item.split_once('=').ok_or(SHAPE)?;
        let (most, window) = numbers.split_once('/').ok_or(SHAPE)?;
        let number = |text: &str| text.parse().map_err(|_| SHAPE);
        RateLimit::new(name, number(most)?, number(window)?)
    };
    let limits = text.split_ascii_whitespace().map(one).collect::<Result<Vec<_>, _>>()?;
    sound(limits)
}

/// The limits of a key, if their names differ and they are not too many.
pub fn sound(limits: Vec<RateLimit>) -> Result<Vec<RateLimit>, &'static str> {
    if limits.len() > MOST_LIMITS {
        return Err("a key has at most 8 rate limits");
    }
    let repeated = |at: usize| limits[..at].iter().any(|before| before.name == limits[at].name);
    if (0..limits.len()).any(repeated) {
        return Err("two rate limits have the same name");
    }
    Ok(limits)
}

/// The limits as the database keeps them.
#[must_use]
pub fn list_text(limits: &[RateLimit]) -> String {
    let one = |limit: &RateLimit| format!("{}={}/{}", limit.name, limit.most, limit.window);
    limits.iter().map(one).collect::<Vec<_>>().join(" ")
}

const SHAPE: &str = "a rate limit is NAME=USES/SECONDS";

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = MICROS;

    fn limit(most: u64, window: u64) -> RateLimit {
        RateLimit::new("burst", most, window).unwrap()
    }

    /// Uses a limit at each instant; how many passed.
    fn passed(limit: &RateLimit, instants: impl IntoIterator<Item = u64>) -> usize {
        let mut until = 0;
        let pass = |now: u64| match limit.spend(until, now) {
            Ok(spent) => {
                until = spent.until;
                true
            }
            Err(_) => false,
        };
        instants.into_iter().map(pass).filter(|passed| *passed).count()
    }

    #[test]
    fn a_burst_passes_and_not_one_more() {
        assert_eq!(passed(&limit(10, 60), [5 * SECOND; 30]), 10);
    }

    #[test]
    fn uses_are_earned_back_one_by_one() {
        let limit = limit(10, 60);
        let at_once = [100 * SECOND; 10].into_iter();
        assert_eq!(passed(&limit, at_once.clone().chain([105 * SECOND])), 10);
        assert_eq!(passed(&limit, at_once.chain([106 * SECOND, 106 * SECOND])), 11);
    }

    #[test]
    fn no_window_of_the_limit_sees_more_than_two_bursts_less_one() {
        let limit = limit(10, 60);
        let instants: Vec<u64> = (0..600).map(|n| n * SECOND / 2).collect();
        let all = passed(&limit, instants);
        assert!(all <= 10 + 300 / 6, "{all}");
    }

    #[test]
    fn a_use_says_what_is_left_and_a_refusal_how_long_to_wait() {
        let limit = limit(2, 10);
        let first = limit.spend(0, SECOND).unwrap();
        assert_eq!((first.remaining, first.resets_in), (1, 5));
        let second = limit.spend(first.until, SECOND).unwrap();
        assert_eq!((second.remaining, second.resets_in), (0, 10));
        let none = limit.spend(second.until, 2 * SECOND).unwrap_err();
        assert_eq!(none, Exhausted { wait: 4, resets_in: 9 });
    }

    #[test]
    fn unsound_limits_are_refused() {
        for (name, most, window) in
            [("", 1, 1), ("A", 1, 1), ("a b", 1, 1), ("a", 0, 1), ("a", 1, 0), ("a", 1, 86_401)]
        {
            assert!(RateLimit::new(name, most, window).is_err(), "{name} {most} {window}");
        }
        assert_eq!(parse_list("a=1/1 a=2/1"), Err("two rate limits have the same name"));
        for text in ["a", "a=1", "a=x/1", "a=1/", "a=-1/1"] {
            assert_eq!(parse_list(text), Err(SHAPE), "{text}");
        }
    }

    #[test]
    fn a_list_reads_back() {
        let text = "burst=10/1 day=1000/86400";
        assert_eq!(list_text(&parse_list(text).unwrap()), text);
        assert_eq!(parse_list(""), Ok(Vec::new()));
    }
}
