//! JWK Sets (RFC 7517 §5): ours as published, and those of clients and issuers as read. Fetching and
//! caching them is not here.

use serde_json::{Value, json};

use super::jwk::{self, Jwk};
use crate::json;

/// The most keys one set may hold (abuse case A56, the key-set bomb).
pub const MAX_KEYS: usize = 20;
/// The longest document; keys may come with certificate chains.
pub const MAX_DOCUMENT: usize = 1024 * 1024;

/// Public keys, each `kid` at most once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JwkSet {
    keys: Vec<Jwk>,
}

impl JwkSet {
    /// A set of our own keys.
    #[must_use]
    pub fn new(keys: Vec<Jwk>) -> Self {
        Self { keys }
    }

    /// Reads a fetched document.
    pub fn parse(document: &[u8]) -> Result<Self, &'static str> {
        Self::from_value(&json::parse_within(MAX_DOCUMENT, document)?)
    }

    /// Reads a set that came inside a larger document, such as the `jwks` of a registration
    /// (RFC 7591 §2). Keys that cannot verify for us are passed over.
    pub fn from_value(set: &Value) -> Result<Self, &'static str> {
        let keys = set.get("keys").and_then(Value::as_array).ok_or("JWK Set has no keys array")?;
        if keys.len() > MAX_KEYS {
            return Err("JWK Set holds more than 20 keys");
        }
        let mut seen = Vec::new();
        let mut usable = Vec::new();
        for key in keys {
            let members = key.as_object().ok_or("JWK is not an object")?;
            if let Some(kid) = jwk::parse_kid(members)? {
                if seen.contains(&kid) {
                    return Err("JWK Set holds a kid twice");
                }
                seen.push(kid);
            }
            usable.extend(Jwk::parse(key)?);
        }
        Ok(Self { keys: usable })
    }

    /// The document as it is published.
    #[must_use]
    pub fn to_value(&self) -> Value {
        json!({ "keys": self.keys.iter().map(Jwk::to_value).collect::<Vec<_>>() })
    }

    /// The usable keys.
    #[must_use]
    pub fn keys(&self) -> &[Jwk] {
        &self.keys
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::jose::algorithm::Algorithm;
    use crate::jose::forge;

    fn key(kid: &str) -> Value {
        let mut key = forge::key(Algorithm::EdDsa).jwk().to_value();
        key["kid"] = kid.into();
        key
    }

    fn refused(keys: &Value) -> &'static str {
        JwkSet::from_value(&json!({ "keys": keys })).expect_err("was accepted")
    }

    #[test]
    fn a_published_set_reads_back() {
        let keys = Algorithm::ALL.map(|algorithm| forge::key(algorithm).jwk().clone());
        let set = JwkSet::new(keys.to_vec());
        assert_eq!(JwkSet::parse(set.to_value().to_string().as_bytes()), Ok(set));
    }

    #[test]
    fn a_published_set_holds_no_private_member() {
        let text = JwkSet::new(vec![forge::key(Algorithm::Rs256).jwk().clone()]).to_value();
        let members: Vec<&String> = text["keys"][0].as_object().unwrap().keys().collect();
        let mut sorted = members.clone();
        sorted.sort();
        assert_eq!(sorted, ["alg", "e", "kid", "kty", "n", "use"]);
    }

    #[test]
    fn sets_that_break_a_rule_are_refused() {
        assert_eq!(refused(&json!({})), "JWK Set has no keys array");
        assert_eq!(refused(&json!([1])), "JWK is not an object");
        assert_eq!(refused(&json!([key("a"), key("a")])), "JWK Set holds a kid twice");
        let mut passed_over = key("a");
        passed_over["use"] = "enc".into();
        assert_eq!(refused(&json!([key("a"), passed_over])), "JWK Set holds a kid twice");
        assert_eq!(refused(&json!([key("a"), {"kty": "oct", "kid": "b"}])), "JWK is symmetric");
        let keys = |count: usize| (0..count).map(|i| key(&i.to_string())).collect::<Value>();
        assert_eq!(refused(&keys(21)), "JWK Set holds more than 20 keys");
        assert_eq!(JwkSet::from_value(&json!({"keys": keys(20)})).unwrap().keys().len(), 20);
    }

    #[test]
    fn documents_are_read_strictly() {
        assert_eq!(JwkSet::parse(b"[]"), Err("JWK Set has no keys array"));
        assert_eq!(JwkSet::parse(br#"{"keys":[],"keys":[]}"#), Err("duplicate key in JSON"));
        let bomb = vec![b' '; MAX_DOCUMENT + 1];
        assert_eq!(JwkSet::parse(&bomb), Err("JSON document too large"));
    }

    #[test]
    fn a_key_of_no_use_does_not_spoil_the_set() {
        let keys = json!([key("a"), {"kty": "EC", "crv": "P-521", "kid": "b", "x": "", "y": ""}]);
        let set = JwkSet::from_value(&json!({ "keys": keys })).unwrap();
        assert_eq!(set.keys().iter().map(Jwk::kid).collect::<Vec<_>>(), [Some("a")]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            let _ = JwkSet::parse(&bytes);
        }
    }
}
