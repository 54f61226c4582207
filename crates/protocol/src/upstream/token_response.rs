//! What a token endpoint answers (OpenID Connect Core §3.1.3.3, RFC 6749 §5.1).

use serde_json::Value;

use crate::json;
use crate::secret::Secret;

const MAX_DOCUMENT: usize = 64 * 1024;

/// The tokens a code was exchanged for.
#[derive(Debug)]
pub struct Tokens {
    /// For the userinfo endpoint.
    pub access_token: Secret,
    /// Who it is, where the provider has ID tokens.
    pub id_token: Option<Secret>,
}

impl Tokens {
    /// Reads a response of status 200. Some providers answer an error with 200 (GitHub).
    pub fn parse(body: &[u8]) -> Result<Self, &'static str> {
        let value = json::parse_within(MAX_DOCUMENT, body)?;
        let text =
            |name: &str| value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        if value.get("error").is_some() {
            return Err("the token endpoint answered an error");
        }
        let bearer = text("token_type").is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
        if !bearer {
            return Err("the token endpoint answered another token_type than Bearer");
        }
        let access_token =
            text("access_token").ok_or("the token endpoint answered no access_token")?;
        if !access_token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the access_token is not visible ASCII");
        }
        Ok(Self {
            access_token: Secret::from(access_token),
            id_token: text("id_token").map(Secret::from),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(body: &str, rule: &str) {
        assert_eq!(Tokens::parse(body.as_bytes()).err(), Some(rule), "{body}");
    }

    #[test]
    fn only_bearer_tokens_are_read() {
        let good = br#"{"access_token":"a","token_type":"bearer","id_token":"i","expires_in":60}"#;
        let tokens = Tokens::parse(good).unwrap();
        assert_eq!(tokens.access_token.reveal(), "a");
        assert_eq!(tokens.id_token.unwrap().reveal(), "i");
        refused(r#"{"error":"bad_verification_code"}"#, "the token endpoint answered an error");
        let kind = "the token endpoint answered another token_type than Bearer";
        refused(r#"{"access_token":"a"}"#, kind);
        refused(r#"{"access_token":"a","token_type":"DPoP"}"#, kind);
        let none = "the token endpoint answered no access_token";
        refused(r#"{"token_type":"Bearer"}"#, none);
        refused(r#"{"access_token":"","token_type":"Bearer"}"#, none);
        let odd = r#"{"access_token":"a\r\nb","token_type":"Bearer"}"#;
        refused(odd, "the access_token is not visible ASCII");
        refused("<html>", "malformed JSON");
        refused("access_token=a&token_type=bearer", "malformed JSON");
    }
}
