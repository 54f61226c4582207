//! GitHub's user interface, in place of an ID token. The number identifies a person; logins and
//! addresses change hands.

use serde_json::Value;

use super::Profile;
use crate::json;

const MAX_DOCUMENT: usize = 64 * 1024;

/// Where a person's addresses are.
pub const EMAILS: &str = "https://api.github.com/user/emails";

/// Reads `GET /user`.
pub fn parse_user(body: &[u8]) -> Result<Profile, &'static str> {
    let value = json::parse_within(MAX_DOCUMENT, body)?;
    let id = value.get("id").and_then(Value::as_u64).filter(|id| *id > 0);
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    Ok(Profile {
        subject: id.ok_or("GitHub's user has no numeric id")?.to_string(),
        email: None,
        email_verified: false,
        name: text("name").or_else(|| text("login")),
    })
}

/// Adds the primary address of `GET /user/emails`, if GitHub has verified it.
pub fn add_email(body: &[u8], known: Profile) -> Result<Profile, &'static str> {
    let value = json::parse_within(MAX_DOCUMENT, body)?;
    let all = value.as_array().ok_or("GitHub's addresses are no list")?;
    let is = |one: &Value, name: &str| one.get(name) == Some(&Value::Bool(true));
    let primary = all.iter().find(|one| is(one, "primary") && is(one, "verified"));
    let email = primary.and_then(|one| one.get("email")).and_then(Value::as_str);
    Ok(Profile { email: email.map(str::to_owned), email_verified: email.is_some(), ..known })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_identifies() {
        let profile = parse_user(br#"{"id":583231,"login":"octocat","name":null}"#).unwrap();
        assert_eq!(
            (profile.subject.as_str(), profile.name.as_deref()),
            ("583231", Some("octocat"))
        );
        for odd in [r#"{"login":"octocat"}"#, r#"{"id":"583231"}"#, r#"{"id":-1}"#, r#"{"id":0}"#] {
            assert_eq!(parse_user(odd.as_bytes()), Err("GitHub's user has no numeric id"));
        }
    }

    #[test]
    fn only_a_verified_primary_address_is_taken() {
        let profile = parse_user(br#"{"id":1,"email":"public@a.test"}"#).unwrap();
        assert_eq!(profile.email, None);
        let body = br#"[{"email":"b@a.test","primary":false,"verified":true},
                        {"email":"a@a.test","primary":true,"verified":true}]"#;
        let with = add_email(body, profile.clone()).unwrap();
        assert_eq!((with.email.as_deref(), with.email_verified), (Some("a@a.test"), true));
        let body = br#"[{"email":"a@a.test","primary":true,"verified":false}]"#;
        let with = add_email(body, profile).unwrap();
        assert_eq!((with.email, with.email_verified), (None, false));
    }
}
