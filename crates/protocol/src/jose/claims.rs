//! A JWT Claims Set (RFC 7519 §4) read into exact types: no coercion, no duplicate, no null for
//! "absent". What the claims must say is the token kind's own rule.

use serde_json::{Map, Value};

use crate::json;
use crate::time::Timestamp;

/// The claims of one token, each named at most once.
#[derive(Clone, Debug)]
pub(crate) struct ClaimSet(Map<String, Value>);

impl ClaimSet {
    pub(crate) fn parse(payload: &[u8]) -> Result<Self, &'static str> {
        match json::parse_within(json::MAX_BODY, payload)? {
            Value::Object(claims) => Ok(Self(claims)),
            _ => Err("claims are not an object"),
        }
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A claim of any type.
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Every claim, for token kinds that carry what others named.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter()
    }

    /// A required string; `reason` names the claim.
    pub(crate) fn text(&self, name: &str, reason: &'static str) -> Result<&str, &'static str> {
        self.optional_text(name, reason)?.ok_or(reason)
    }

    pub(crate) fn optional_text(
        &self,
        name: &str,
        reason: &'static str,
    ) -> Result<Option<&str>, &'static str> {
        self.0.get(name).map(|claim| claim.as_str().ok_or(reason)).transpose()
    }

    /// A required string or list of strings, as `aud` may be (RFC 7519 §4.1.3).
    pub(crate) fn texts(
        &self,
        name: &str,
        reason: &'static str,
    ) -> Result<Vec<&str>, &'static str> {
        match self.0.get(name) {
            Some(Value::String(only)) => Ok(vec![only]),
            Some(Value::Array(items)) => {
                items.iter().map(|item| item.as_str().ok_or(reason)).collect()
            }
            _ => Err(reason),
        }
    }

    /// A string that decides nothing; anything else counts as not told.
    pub(crate) fn told_text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// Whether a claim is true; some providers write it as a string.
    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|claim| *claim == true || *claim == "true")
    }

    /// A required NumericDate. RFC 7519 §2 would permit fractions; whole seconds are the only form
    /// everyone rounds alike, so others are refused.
    pub(crate) fn time(&self, name: &str, reason: &'static str) -> Result<Timestamp, &'static str> {
        self.optional_time(name, reason)?.ok_or(reason)
    }

    pub(crate) fn optional_time(
        &self,
        name: &str,
        reason: &'static str,
    ) -> Result<Option<Timestamp>, &'static str> {
        let time = |claim: &Value| claim.as_i64().filter(|seconds| *seconds >= 0);
        self.0.get(name).map(|claim| time(claim).map(Timestamp).ok_or(reason)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_seconds_of_our_era() {
        let read = |text: &str| {
            let claims = ClaimSet::parse(format!("{{\"exp\":{text}}}").as_bytes()).unwrap();
            claims.time("exp", "refused")
        };
        assert_eq!(read("0"), Ok(Timestamp(0)));
        assert_eq!(read("9223372036854775807"), Ok(Timestamp(i64::MAX)));
        for text in ["-1", "1.0", "1e3", "9223372036854775808", "1e300", "\"1\"", "null", "[1]"] {
            assert_eq!(read(text), Err("refused"), "{text}");
        }
    }

    #[test]
    fn a_null_is_not_an_absent_claim() {
        let claims = ClaimSet::parse(br#"{"nbf":null,"scope":null}"#).unwrap();
        assert_eq!(claims.optional_time("nbf", "refused"), Err("refused"));
        assert_eq!(claims.optional_text("scope", "refused"), Err("refused"));
        assert_eq!(claims.optional_text("sub", "refused"), Ok(None));
    }

    #[test]
    fn only_an_object_holds_claims() {
        for text in ["[]", "\"a\"", "1", "null"] {
            assert_eq!(ClaimSet::parse(text.as_bytes()).err(), Some("claims are not an object"));
        }
    }
}
