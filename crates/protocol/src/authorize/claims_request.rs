//! The `claims` parameter (OpenID Connect Core §5.5): single claims asked for, apart from scopes.
//! Unknown claims are dropped; a claim asked for is one more thing to consent to.

use serde_json::Value;

use crate::json;
use crate::person;
use crate::refusal::Refusal;

const MAX_CLAIMS: usize = 64;
const MAX_VALUES: usize = 16;

/// One claim that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimWish {
    /// Its name.
    pub name: String,
    /// Whether the client says it cannot do without.
    pub essential: bool,
    /// The values it would take; empty means any.
    pub values: Vec<Value>,
}

/// The claims of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestedClaims {
    /// For UserInfo.
    pub userinfo: Vec<ClaimWish>,
    /// For the ID token.
    pub id_token: Vec<ClaimWish>,
}

impl RequestedClaims {
    /// Reads the parameter.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let broken = |reason: &'static str| Refusal::request(reason).on("claims");
        let value =
            json::parse(text.as_bytes()).map_err(|_| broken("claims is not strict JSON"))?;
        let members = value.as_object().ok_or_else(|| broken("claims is not an object"))?;
        let read = |name: &str| match members.get(name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Object(wishes)) if wishes.len() <= MAX_CLAIMS => {
                wishes.iter().filter_map(|(name, wish)| wish_for(name, wish).transpose()).collect()
            }
            Some(Value::Object(_)) => Err("claims asks for more than 64 claims"),
            Some(_) => Err("a member of claims is not an object"),
        };
        Ok(Self {
            userinfo: read("userinfo").map_err(broken)?,
            id_token: read("id_token").map_err(broken)?,
        })
    }

    /// The wish of the ID token called `name`.
    #[must_use]
    pub fn of_id_token(&self, name: &str) -> Option<&ClaimWish> {
        self.id_token.iter().find(|wish| wish.name == name)
    }

    /// The claims about the person that somebody must consent to, each once.
    #[must_use]
    pub fn personal(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for wish in self.userinfo.iter().chain(&self.id_token) {
            if person::is_personal(&wish.name) && !names.contains(&wish.name.as_str()) {
                names.push(&wish.name);
            }
        }
        names
    }
}

fn wish_for(name: &str, wish: &Value) -> Result<Option<ClaimWish>, &'static str> {
    let known = person::is_personal(name) || matches!(name, "sub" | "acr" | "amr" | "auth_time");
    let empty = serde_json::Map::new();
    let members = match wish {
        Value::Null => &empty,
        Value::Object(members) => members,
        _ => return Err("a claim in claims is neither null nor an object"),
    };
    let essential = match members.get("essential") {
        None => false,
        Some(Value::Bool(essential)) => *essential,
        Some(_) => return Err("essential is not true or false"),
    };
    let values = match (members.get("value"), members.get("values")) {
        (None, None) => Vec::new(),
        (Some(value), None) => vec![value.clone()],
        (None, Some(Value::Array(values))) if values.len() <= MAX_VALUES => values.clone(),
        (None, Some(Value::Array(_))) => return Err("values holds more than 16 values"),
        (None, Some(_)) => return Err("values is not an array"),
        (Some(_), Some(_)) => return Err("a claim has both value and values"),
    };
    Ok(known.then(|| ClaimWish { name: name.to_owned(), essential, values }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, reason: &str) {
        let refusal = RequestedClaims::parse(text).expect_err("was accepted");
        assert_eq!(refusal.reason, reason, "{text}");
    }

    #[test]
    fn wishes_are_read_by_place_and_unknown_claims_dropped() {
        let text = r#"{"userinfo":{"email":null,"name":{"essential":true},"http://x":null},
                       "id_token":{"acr":{"values":["a","b"]},"sub":{"value":"u"}},"other":7}"#;
        let claims = RequestedClaims::parse(text).unwrap();
        let names: Vec<_> = claims.userinfo.iter().map(|wish| wish.name.as_str()).collect();
        assert_eq!(names, ["email", "name"]);
        assert!(claims.userinfo[1].essential && !claims.userinfo[0].essential);
        assert_eq!(claims.of_id_token("acr").unwrap().values, ["a", "b"]);
        assert_eq!(claims.of_id_token("sub").unwrap().values, ["u"]);
        assert_eq!(claims.personal(), ["email", "name"]);
    }

    #[test]
    fn what_is_not_of_the_shape_is_refused() {
        refused("[]", "claims is not an object");
        refused("{", "claims is not strict JSON");
        refused(r#"{"userinfo":1}"#, "a member of claims is not an object");
        refused(r#"{"userinfo":{"a":1}}"#, "a claim in claims is neither null nor an object");
        refused(r#"{"userinfo":{"a":{"essential":1}}}"#, "essential is not true or false");
        refused(r#"{"userinfo":{"a":{"values":1}}}"#, "values is not an array");
        refused(
            r#"{"userinfo":{"a":{"value":1,"values":[]}}}"#,
            "a claim has both value and values",
        );
    }
}
