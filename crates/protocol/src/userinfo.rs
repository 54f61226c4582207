//! Which claims of a person a client gets (OpenID Connect Core §5.3, §5.4, §5.5), and UserInfo as a
//! signed JWT (§5.3.2). Only what was asked for and agreed to; a claim that is not known is left
//! out, never null.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::authorize::{ClaimWish, RequestedClaims};
use crate::jose::compact;
use crate::jose::signing_key::{KeyError, SigningKey};
use crate::person::{self, Person};
use crate::refusal::{Code, Refusal};
use crate::scope::Scopes;
use crate::secret::Secret;
use crate::token::AccessToken;

/// Whether a token opens UserInfo: it speaks for a person, carries `openid`, and is for us.
pub fn may_read(token: &AccessToken, issuer: &str) -> Result<(), Refusal> {
    if token.audience != issuer {
        return Err(Refusal::token("the token is for another audience")
            .with("audience", token.audience.clone())
            .with("needed", issuer));
    }
    if !token.scopes.contains("openid") {
        return Err(Refusal::new(Code::InsufficientScope, "the token lacks a scope")
            .with("missing", "openid")
            .with("scope", token.scopes.as_str()));
    }
    Ok(())
}

/// The claims of UserInfo beside `sub`.
#[must_use]
pub fn claims(scopes: &Scopes, asked: &RequestedClaims, person: &Person) -> Map<String, Value> {
    let mut out = Map::new();
    for scope in scopes.iter() {
        for claim in person::claims_of(scope) {
            put(&mut out, claim, person);
        }
    }
    for wish in &asked.userinfo {
        put_wish(&mut out, wish, person);
    }
    out
}

/// The claims about the person that were asked for in the ID token.
#[must_use]
pub fn id_token_claims(asked: &RequestedClaims, person: &Person) -> Map<String, Value> {
    let mut out = Map::new();
    for wish in &asked.id_token {
        put_wish(&mut out, wish, person);
    }
    out
}

fn put(out: &mut Map<String, Value>, claim: &str, person: &Person) {
    if let Some(value) = person.claim(claim) {
        out.insert(claim.to_owned(), value.clone());
    }
}

/// A wish for particular values is met by one of them or not at all.
fn put_wish(out: &mut Map<String, Value>, wish: &ClaimWish, person: &Person) {
    let fits =
        |value: &Value| wish.values.is_empty() || wish.values.iter().any(|wanted| wanted == value);
    if person::is_personal(&wish.name) && person.claim(&wish.name).is_some_and(fits) {
        put(out, &wish.name, person);
    }
}

/// UserInfo as a JWT: the claims with `iss` and `aud` (OpenID Connect Core §5.3.2).
pub fn sign(
    mut claims: Map<String, Value>,
    issuer: &str,
    client_id: &str,
    key: &Arc<SigningKey>,
) -> Result<Secret, KeyError> {
    claims.insert("iss".into(), issuer.into());
    claims.insert("aud".into(), client_id.into());
    let payload = Value::Object(claims).to_string();
    compact::sign(&compact::header_segment("JWT", key), payload.as_bytes(), key)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::token::tests::a_token;

    fn sam() -> Person {
        let profile = json!({"nickname": "Sam", "locale": "de", "phone_number": "+49 1"});
        Person::parse(profile.as_object().unwrap())
            .unwrap()
            .with("email", "sam@a.test")
            .with("email_verified", true)
    }

    fn names(scopes: &str, asked: &str) -> Vec<String> {
        let asked = RequestedClaims::parse(asked).unwrap();
        let mut names: Vec<_> =
            claims(&Scopes::parse(scopes).unwrap(), &asked, &sam()).keys().cloned().collect();
        names.sort();
        names
    }

    #[test]
    fn a_scope_brings_its_claims_as_far_as_they_are_known() {
        assert_eq!(names("openid", "{}"), Vec::<String>::new());
        assert_eq!(names("openid profile", "{}"), ["locale", "nickname"]);
        assert_eq!(
            names("openid email phone address", "{}"),
            ["email", "email_verified", "phone_number"]
        );
    }

    #[test]
    fn single_claims_come_where_they_were_asked_for() {
        assert_eq!(names("openid", r#"{"userinfo":{"locale":null,"gender":null}}"#), ["locale"]);
        assert_eq!(names("openid", r#"{"id_token":{"locale":null}}"#), Vec::<String>::new());
        let asked = RequestedClaims::parse(r#"{"id_token":{"email":null,"acr":null}}"#).unwrap();
        assert_eq!(Value::Object(id_token_claims(&asked, &sam())), json!({"email": "sam@a.test"}));
    }

    #[test]
    fn a_wish_for_a_value_is_met_by_it_or_not_at_all() {
        assert_eq!(names("openid", r#"{"userinfo":{"locale":{"value":"de"}}}"#), ["locale"]);
        assert!(names("openid", r#"{"userinfo":{"locale":{"values":["en"]}}}"#).is_empty());
    }

    #[test]
    fn only_a_token_for_us_with_openid_opens_it() {
        let mut token = a_token();
        token.scopes = Scopes::parse("openid").unwrap();
        assert_eq!(may_read(&token, "https://issuer.test"), Ok(()));
        let refusal = may_read(&token, "https://other.test").unwrap_err();
        assert_eq!(refusal.reason, "the token is for another audience");
        token.scopes = Scopes::parse("read").unwrap();
        let refusal = may_read(&token, "https://issuer.test").unwrap_err();
        assert_eq!(refusal.reason, "the token lacks a scope");
    }
}
