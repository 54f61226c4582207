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
/// The members of the claim `address` (OpenID Connect Core §5.1.1), as they are named where the claims
/// of a profile are named one by one.
const IN_ADDRESS: [&str; 6] = [
    "address.formatted",
    "address.street_address",
    "address.locality",
    "address.region",
    "address.postal_code",
    "address.country",
];
/// What the account itself knows; never part of a profile.
const OF_THE_ACCOUNT: [&str; 3] = ["email", "email_verified", "updated_at"];

const BY_SCOPE: [(&str, &[&str]); 4] =
    [("profile", &PROFILE), ("email", &EMAIL), ("phone", &PHONE), ("address", &ADDRESS)];

const MAX_TEXT: usize = 500;

/// The scopes that stand for claims.
pub const SCOPES: [&str; 4] = ["profile", "email", "phone", "address"];

/// Every claim about a person, in the order of the specification.
pub fn claims() -> impl Iterator<Item = &'static str> {
    BY_SCOPE.iter().flat_map(|(_, claims)| claims.iter().copied())
}

/// The claims that a profile keeps, in the same order: all but those that follow from the account.
pub fn profile_claims() -> impl Iterator<Item = &'static str> {
    claims().filter(|claim| !OF_THE_ACCOUNT.contains(claim))
}

/// What can be told of a person one by one: the claims, with an address member by member besides.
pub fn profile_names() -> impl Iterator<Item = &'static str> {
    profile_claims().chain(IN_ADDRESS)
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
                name if OF_THE_ACCOUNT.contains(&name) => "follows from the account",
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
    passed(value.as_str().is_some_and(is_birthdate), "is a date as YYYY-MM-DD or YYYY")
}

fn is_birthdate(text: &str) -> bool {
    let number = |digits: &str| match digits.bytes().all(|byte| byte.is_ascii_digit()) {
        true => digits.parse::<u16>().ok(),
        false => None,
    };
    match text.split('-').collect::<Vec<_>>()[..] {
        [year] if year.len() == 4 => number(year).is_some_and(|year| year > 0),
        [year, month, day] if (year.len(), month.len(), day.len()) == (4, 2, 2) => {
            match (number(year), number(month), number(day)) {
                (Some(year), Some(month), Some(day)) => (1..=days_of(month, year)).contains(&day),
                _ => false,
            }
        }
        _ => false,
    }
}

/// How many days the month has; none when there is no such month. The year 0000 says that the year
/// is not told, so the 29th of February may be meant.
const fn days_of(month: u16, year: u16) -> u16 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(400) => 29,
        2 if year.is_multiple_of(4) && !year.is_multiple_of(100) => 29,
        2 => 28,
        _ => 0,
    }
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
                IN_ADDRESS.iter().any(|known| known.strip_prefix("address.") == Some(name))
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
    fn a_birthdate_is_a_day_that_there_is() {
        for sound in ["1990-01-31", "2000-02-29", "0000-02-29", "1990"] {
            check("birthdate", &json!(sound), None);
        }
        for wrong in [
            "9999-99-99",
            "1990-00-10",
            "1990-13-01",
            "1990-04-31",
            "1990-02-29",
            "1900-02-29",
            "1990-01-00",
            "0000",
            "1990-1-31",
            "+990-01-31",
            "1990-01",
            "1990-01-31T00",
            "31.1.1990",
            "",
            "١٩٩٠",
        ] {
            check("birthdate", &json!(wrong), Some("is a date as YYYY-MM-DD or YYYY"));
        }
        check("birthdate", &json!(1990), Some("is a date as YYYY-MM-DD or YYYY"));
    }

    #[test]
    fn a_profile_keeps_what_does_not_follow_from_the_account() {
        assert_eq!(profile_claims().count(), 16);
        for claim in profile_claims().filter(|claim| *claim != "address") {
            let refused = Person::parse(json!({ claim: null }).as_object().unwrap()).err();
            assert_ne!(refused.map(|(_, rule)| rule), Some("is no claim of a profile"), "{claim}");
        }
        assert!(!profile_claims().any(|claim| claim == "email" || claim == "updated_at"));
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
