//! What we may know about a person, by the claims of OpenID Connect Core §5.1: which scope brings
//! which claim (§5.4), and how a profile is read from whoever maintains it.

use serde_json::{Map, Value};

const PROFILE: [&str; 14] = [
    "name",
    "family_name",
    "given_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "updated_at",
];
const EMAIL: [&str; 2] = ["email", "email_verified"];
const PHONE: [&str; 2] = ["phone_number", "phone_number_verified"];
const ADDRESS: [&str; 1] = ["address"];
const ADDRESS_MEMBERS: [&str; 6] =
    ["formatted", "street_address", "locality", "region", "postal_code", "country"];

const BY_SCOPE: [(&str, &[&str]); 4] =
    [("profile", &PROFILE), ("email", &EMAIL), ("phone", &PHONE), ("address", &ADDRESS)];

const MAX_TEXT: usize = 500;

/// The scopes that stand for claims.
pub const SCOPES: [&str; 4] = ["profile", "email", "phone", "address"];

/// Every claim about a person, in the order of the specification.
pub fn claims() -> impl Iterator<Item = &'static str> {
    BY_SCOPE.iter().flat_map(|(_, claims)| claims.iter().copied())
}

/// Whether the claim is about a person.
#[must_use]
pub fn is_personal(claim: &str) -> bool {
    claims().any(|known| known == claim)
}

/// The scope that brings the claim.
#[must_use]
pub fn scope_of(claim: &str) -> Option<&'static str> {
    BY_SCOPE.iter().find(|(_, claims)| claims.contains(&claim)).map(|(scope, _)| *scope)
}

/// The claims a scope brings; none for a scope that stands for something else.
#[must_use]
pub fn claims_of(scope: &str) -> &'static [&'static str] {
    BY_SCOPE.iter().find(|(known, _)| *known == scope).map_or(&[], |(_, claims)| claims)
}

/// A person's claims: those that are known, each of its exact type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person(Map<String, Value>);

impl Person {
    /// Reads a profile. Members that the account itself knows (`email`, `updated_at`) are not for
    /// whoever maintains the profile.
    pub fn parse(profile: &Map<String, Value>) -> Result<Self, (String, &'static str)> {
        let mut known = Map::new();
        for (name, value) in profile {
            let rule = match name.as_str() {
                "email" | "email_verified" | "updated_at" => "follows from the account",
                "phone_number_verified" if value.is_boolean() => "",
                "phone_number_verified" => "is true or false",
                "address" => address_rule(value),
                "profile" | "picture" | "website" => url_rule(value),
                "birthdate" => birthdate_rule(value),
                "phone_number" => phone_rule(value),
                name if is_personal(name) => text_rule(value),
                _ => "is no claim of a profile",
            };
            if !rule.is_empty() {
                return Err((name.clone(), rule));
            }
            known.insert(name.clone(), value.clone());
        }
        Ok(Self(known))
    }

    /// Reads a profile as it was stored.
    #[must_use]
    pub fn of_stored(text: &str) -> Option<Self> {
        match serde_json::from_str(text) {
            Ok(Value::Object(known)) => Some(Self(known)),
            _ => None,
        }
    }

    /// The text to store.
    #[must_use]
    pub fn to_text(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }

    /// Adds what the account knows.
    #[must_use]
    pub fn with(mut self, claim: &str, value: impl Into<Value>) -> Self {
        self.0.insert(claim.to_owned(), value.into());
        self
    }

    /// As [`Self::with`], unless the profile says it already.
    #[must_use]
    pub fn or(self, claim: &str, value: impl Into<Value>) -> Self {
        if self.0.contains_key(claim) { self } else { self.with(claim, value) }
    }

    /// A claim, if known.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Everything known.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter()
    }
}

const fn passed(sound: bool, rule: &'static str) -> &'static str {
    if sound { "" } else { rule }
}

fn is_text(value: &Value) -> bool {
    let sound = |text: &str| {
        !text.trim().is_empty() && text.len() <= MAX_TEXT && !text.chars().any(char::is_control)
    };
    value.as_str().is_some_and(sound)
}

fn text_rule(value: &Value) -> &'static str {
    passed(is_text(value), "is a text of 1 to 500 bytes")
}

/// Shown as a link or picture elsewhere: `https` only, so that nothing runs (A04).
fn url_rule(value: &Value) -> &'static str {
    let sound = |text: &str| {
        text.starts_with("https://")
            && text.len() <= 2048
            && text.bytes().all(|byte| byte.is_ascii_graphic())
            && !text.contains(['"', '<', '>', '\\', '@'])
    };
    passed(value.as_str().is_some_and(sound), "is an https URL")
}

/// `YYYY-MM-DD`, `0000-MM-DD` or `YYYY` (OpenID Connect Core §5.1).
fn birthdate_rule(value: &Value) -> &'static str {
    let sound = |text: &str| {
        let shape: String =
            text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        shape == "0000-00-00" || shape == "0000"
    };
    passed(value.as_str().is_some_and(sound), "is YYYY-MM-DD or YYYY")
}

/// E.164, with an RFC 3966 extension (OpenID Connect Core §5.1).
fn phone_rule(value: &Value) -> &'static str {
    let sound = |text: &str| {
        text.starts_with('+')
            && text.len() <= 40
            && text[1..].bytes().all(|b| b.is_ascii_digit() || b" ()-.;=ext".contains(&b))
    };
    passed(value.as_str().is_some_and(sound), "is a number that begins with +")
}

fn address_rule(value: &Value) -> &'static str {
    let sound = |members: &Map<String, Value>| {
        !members.is_empty()
            && members.iter().all(|(name, value)| {
                ADDRESS_MEMBERS.contains(&name.as_str())
                    && value.as_str().is_some_and(|text| {
                        text.len() <= MAX_TEXT && !text.chars().any(|c| c.is_control() && c != '\n')
                    })
            })
    };
    passed(value.as_object().is_some_and(sound), "has the members of an address, as texts")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(claim: &str, value: &Value, expected: Option<&str>) {
        let profile = json!({ claim: value });
        let got = Person::parse(profile.as_object().unwrap()).err();
        assert_eq!(got, expected.map(|rule| (claim.to_owned(), leaked(rule))), "{claim}");
    }

    fn leaked(rule: &str) -> &'static str {
        Box::leak(rule.to_owned().into_boxed_str())
    }

    #[test]
    fn the_standard_claims_hang_on_their_scopes() {
        assert_eq!(claims().count(), 19);
        assert_eq!(claims_of("profile").len(), 14);
        assert_eq!(scope_of("phone_number_verified"), Some("phone"));
        assert_eq!(scope_of("sub"), None);
        assert!(claims_of("read").is_empty());
    }

    #[test]
    fn every_claim_has_its_type() {
        check("nickname", &json!("Sam"), None);
        check("nickname", &json!(" "), Some("is a text of 1 to 500 bytes"));
        check("nickname", &json!(7), Some("is a text of 1 to 500 bytes"));
        check("locale", &json!("de\n"), Some("is a text of 1 to 500 bytes"));
        check("picture", &json!("https://a.test/me.png"), None);
        check("picture", &json!("javascript:alert(1)"), Some("is an https URL"));
        check("website", &json!("http://a.test"), Some("is an https URL"));
        check("birthdate", &json!("1990-01-31"), None);
        check("birthdate", &json!("31.1.1990"), Some("is YYYY-MM-DD or YYYY"));
        check("phone_number", &json!("+49 30 1234;ext=5"), None);
        check("phone_number", &json!("030"), Some("is a number that begins with +"));
        check("phone_number_verified", &json!(true), None);
        check("phone_number_verified", &json!("true"), Some("is true or false"));
        check("address", &json!({"country": "DE", "street_address": "A 1\nB"}), None);
        check("address", &json!({"planet": "x"}), Some("has the members of an address, as texts"));
        check("email", &json!("a@b.test"), Some("follows from the account"));
        check("sub", &json!("x"), Some("is no claim of a profile"));
    }

    #[test]
    fn what_is_stored_reads_back() {
        let profile = json!({"nickname": "Sam", "address": {"country": "DE"}});
        let person = Person::parse(profile.as_object().unwrap()).unwrap();
        assert_eq!(Person::of_stored(&person.to_text()), Some(person.clone()));
        let person = person.or("nickname", "other").or("name", "Sam Doe").with("updated_at", 7);
        assert_eq!(person.claim("nickname"), Some(&json!("Sam")));
        assert_eq!(person.claim("name"), Some(&json!("Sam Doe")));
        assert_eq!(person.claim("updated_at"), Some(&json!(7)));
    }
}
