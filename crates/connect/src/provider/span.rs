//! Spans as people write them: `30s`, `10m`, `2h`, `90d`.

use keyhaven_protocol::time::Seconds;
use serde::{Deserialize, Deserializer, de};

/// A span of a provider file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Seconds);

impl Span {
    /// Reads `0`, `30s`, `10m`, `2h` or `90d`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "0" {
            return Some(Self(Seconds(0)));
        }
        let unit = match text.as_bytes().last()? {
            b's' => 1,
            b'm' => 60,
            b'h' => 3600,
            b'd' => 86_400,
            _ => return None,
        };
        let count: u32 = text.get(..text.len() - 1)?.parse().ok()?;
        Some(Self(Seconds(i64::from(count) * unit)))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let text = String::deserialize(reader)?;
        Self::parse(&text)
            .ok_or_else(|| de::Error::custom("a span is a number with s, m, h or d, or 0"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_numbers_with_a_unit() {
        for (text, seconds) in
            [("0", Some(0)), ("30s", Some(30)), ("10m", Some(600)), ("2h", Some(7200))]
        {
            assert_eq!(Span::parse(text).map(|span| span.0.0), seconds, "{text}");
        }
        assert_eq!(Span::parse("90d"), Some(Span(Seconds(7_776_000))));
        for text in ["", "s", "10", "-1s", "1w", "1 h", "١s"] {
            assert_eq!(Span::parse(text), None, "{text}");
        }
    }
}
