//! What a variable's value must look like: an anchored regular expression.
//!
//! Both anchors are demanded in the file, so that nobody reads a pattern as tighter than it is, and
//! the whole is grouped, so that `^a|b$` cannot mean "begins with a, or ends with b". A pattern names
//! the characters it admits: `.` and `[^…]` are refused, since they admit what nobody thought of.

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Deserializer, de};

/// A compiled pattern that always looks at the whole value.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

/// No host, URL or tenant name of any provider is longer.
const MAX_VALUE: usize = 253;

impl Pattern {
    /// Compiles `text`, which begins with `^` and ends with `$`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let inner = text
            .strip_prefix('^')
            .and_then(|rest| rest.strip_suffix('$'))
            .filter(|inner| !inner.ends_with('\\'))
            .ok_or("a pattern begins with ^ and ends with $")?;
        let whole = format!("^(?:{inner})$");
        let built = RegexBuilder::new(&whole).unicode(false).size_limit(256 * 1024).build();
        built.map(Self).map_err(|_| "a pattern that is no regular expression, or too large")
    }

    /// Whether the whole of `value` fits.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        value.len() <= MAX_VALUE && value.is_ascii() && self.0.is_match(value)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(reader)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_looks_at_the_whole_value() {
        let pattern = Pattern::parse("^[a-z]+|[0-9]+$").expect("a pattern");
        for (value, fits) in
            [("abc", true), ("123", true), ("abc!", false), ("!123", false), ("abc\n", false)]
        {
            assert_eq!(pattern.matches(value), fits, "{value:?}");
        }
    }

    #[test]
    fn a_pattern_without_its_anchors_is_refused() {
        for text in ["[a-z]+", "^[a-z]+", "[a-z]+$", "^a\\$", "^(a$", "", "^.*$", "^[^/]+$"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_value_longer_than_a_host_name_fits_nothing() {
        let pattern = Pattern::parse("^a*$").expect("a pattern");
        assert!(pattern.matches(&"a".repeat(253)));
        assert!(!pattern.matches(&"a".repeat(254)));
    }
}
