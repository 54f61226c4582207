//! What a person must agree to before a client gets it, and what they agreed to before. Remembered
//! per user × client × scopes × resource; asking again is only for what is new.

use crate::authorize::AuthorizationRequest;
use crate::client::Client;
use crate::person;
use crate::refusal::{Code, Refusal};
use crate::scope::Scopes;

/// The prefix of words that stand for single claims in a consent. No client can register a scope
/// that asks for one in this way: claims are asked for by the `claims` parameter.
const CLAIM: &str = "claim:";

/// Everything the request asks for, single claims as words of their own unless a scope that was
/// asked for brings them anyway.
pub fn wanted(request: &AuthorizationRequest) -> Result<Scopes, Refusal> {
    let mut text = request.scopes.as_str().to_owned();
    for claim in request.claims.personal() {
        if !person::scope_of(claim).is_some_and(|scope| request.scopes.contains(scope)) {
            text.push(' ');
            text.push_str(CLAIM);
            text.push_str(claim);
        }
    }
    Scopes::parse(text.trim_start())
        .map_err(|reason| Refusal::new(Code::InvalidScope, reason).on("claims"))
}

/// What is wanted and was not given before.
#[must_use]
pub fn missing(wanted: &Scopes, given: &Scopes) -> Scopes {
    wanted.filtered(|word| !given.contains(word))
}

/// Both together, for the memory.
pub fn joined(given: &Scopes, more: &Scopes) -> Result<Scopes, Refusal> {
    Scopes::parse(format!("{given} {more}").trim())
        .map_err(|reason| Refusal::new(Code::InvalidScope, reason))
}

/// The single claim a word stands for.
#[must_use]
pub fn claim_of(word: &str) -> Option<&str> {
    word.strip_prefix(CLAIM)
}

/// Whether anybody could pose as this client: without a secret and with a redirect that any program
/// on the device can claim (RFC 8252 §8.6). Such a client is never let through silently.
#[must_use]
pub fn is_unverified(client: &Client, redirect_uri: &str) -> bool {
    !client.is_confidential() && !redirect_uri.starts_with("https://")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(text: &str) -> Scopes {
        Scopes::parse(text).unwrap()
    }

    #[test]
    fn only_what_is_new_is_missing() {
        let given = scopes("openid email claim:name");
        assert!(missing(&scopes("email openid"), &given).is_empty());
        assert_eq!(missing(&scopes("openid profile claim:name"), &given).as_str(), "profile");
        assert_eq!(
            joined(&given, &scopes("profile")).unwrap().as_str(),
            "openid email claim:name profile"
        );
        assert_eq!(joined(&scopes(""), &scopes("")).unwrap().as_str(), "");
    }

    #[test]
    fn a_claim_has_its_word() {
        assert_eq!(claim_of("claim:email"), Some("email"));
        assert_eq!(claim_of("email"), None);
    }
}
