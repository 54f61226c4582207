//! What comes back from a provider's consent page: the state we sent, the words we answer with, and
//! the texts that clients send for "no error".
//!
//! Published clients decode the state as base64 of JSON with the connector's id; nothing here is
//! trusted but the digest of the random part, which the store compares.

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use serde::Deserialize;

use super::words;
use crate::base62;
use crate::id::Id;
use crate::secret::{Digest, Secret};

/// Longer texts are no state of ours.
const LONGEST: usize = 512;

words! {
    /// The only words a redirect carries.
    Word {
        /// The user said no.
        AccessDenied = "access_denied",
        /// Code or state is missing.
        MissingParameters = "missing_parameters",
        /// No flow has this state, or not in this browser.
        InvalidState = "invalid_state",
        /// The flow is older than ten minutes, or another one of its invitation was sooner.
        FlowExpired = "flow_expired",
        /// Another account than the connection's.
        AccountMismatch = "account_mismatch",
        /// The connector's credentials do not work.
        ConnectorMisconfigured = "connector_misconfigured",
        /// The connector is gone.
        InstanceNotFound = "instance_not_found",
        /// The connector has no credentials.
        ConfigNotFound = "config_not_found",
        /// The provider gave no usable token.
        InvalidToken = "invalid_token",
        /// Anything else.
        ServerError = "server_error",
    }
}

/// A state as it goes out.
pub struct State {
    /// The text of the `state` parameter.
    pub outer: String,
    /// By what it is stored.
    pub digest: Digest,
}

/// Makes the state of a flow from 256 random bits. The outer text has the published form: base64
/// with padding of JSON with a space after each colon and comma.
#[must_use]
pub fn make_state(random: &[u8; 32], connector: Id) -> State {
    let inner = URL_SAFE_NO_PAD.encode(random);
    let outer = format!(r#"{{"state": "{inner}", "connector_id": "{connector}"}}"#);
    State { digest: Digest::of(inner.as_bytes()), outer: URL_SAFE.encode(outer) }
}

/// The digest of the random part of a state that arrived. `None` when it is no state of ours.
#[must_use]
pub fn parse_state(text: &str) -> Option<Digest> {
    #[derive(Deserialize)]
    struct Outer {
        state: String,
    }
    if text.len() > LONGEST {
        return None;
    }
    let json = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
    let outer: Outer = serde_json::from_slice(&json).ok()?;
    let random = URL_SAFE_NO_PAD.decode(&outer.state).ok()?;
    (random.len() == 32).then(|| Digest::of(outer.state.as_bytes()))
}

/// The provider's error, unless it is one of the texts that mean there is none.
#[must_use]
pub fn parse_error(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !matches!(*text, "" | "null" | "undefined" | "None"))
}

/// The word for a provider's error: what it says about the user's choice, and nothing else of it.
#[must_use]
pub fn word_of(error: &str) -> Word {
    match error {
        "access_denied"
        | "user_denied"
        | "user_cancelled_login"
        | "user_cancelled_authorize"
        | "consent_required" => Word::AccessDenied,
        "invalid_client" | "unauthorized_client" | "redirect_uri_mismatch" | "invalid_scope" => {
            Word::ConnectorMisconfigured
        }
        _ => Word::ServerError,
    }
}

/// The PKCE verifier (RFC 7636 §4.1) of 256 random bits.
#[must_use]
pub fn make_verifier(random: &[u8; 32]) -> Secret {
    let mut text = String::with_capacity(43);
    base62::encode(random, 43, &mut text);
    Secret::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONNECTOR: Id = Id::v7(1_764_000_000_000, [7; 10]);

    #[test]
    fn a_state_reads_back_by_its_random_part() {
        let state = make_state(&[9; 32], CONNECTOR);
        assert_eq!(parse_state(&state.outer), Some(state.digest));
        assert!(state.outer.len() <= 160, "{}", state.outer.len());
        let json = String::from_utf8(URL_SAFE.decode(&state.outer).unwrap()).unwrap();
        assert!(json.ends_with(&format!(r#"", "connector_id": "{CONNECTOR}"}}"#)), "{json}");
    }

    #[test]
    fn a_state_may_lose_its_padding_on_the_way() {
        let state = make_state(&[9; 32], CONNECTOR);
        assert_eq!(parse_state(state.outer.trim_end_matches('=')), Some(state.digest));
    }

    #[test]
    fn a_state_of_another_connector_is_no_other_flow() {
        let one = make_state(&[9; 32], CONNECTOR);
        let other = make_state(&[9; 32], Id::v7(2, [1; 10]));
        assert_eq!(parse_state(&one.outer), parse_state(&other.outer));
    }

    #[test]
    fn what_is_no_state_of_ours_is_none() {
        let contract = "eyJzdGF0ZSI6ICJwWDR1N1ljMCIsICJjb25uZWN0b3JfaWQiOiAiY29ubmVjdG9yLTEifQ==";
        for text in ["", "====", "e30=", contract, &"A".repeat(600), "null"] {
            assert_eq!(parse_state(text), None, "{text}");
        }
    }

    #[test]
    fn some_texts_mean_that_there_is_no_error() {
        for text in ["", "null", "undefined", "None"] {
            assert_eq!(parse_error(Some(text)), None, "{text}");
        }
        assert_eq!(parse_error(Some("access_denied")), Some("access_denied"));
        assert_eq!(parse_error(None), None);
    }

    #[test]
    fn a_redirect_carries_our_words_only() {
        assert_eq!(word_of("access_denied"), Word::AccessDenied);
        assert_eq!(word_of("<script>"), Word::ServerError);
        assert_eq!(word_of("invalid_client"), Word::ConnectorMisconfigured);
    }

    #[test]
    fn a_verifier_has_43_unreserved_characters() {
        let verifier = make_verifier(&[0xff; 32]);
        assert_eq!(verifier.reveal().len(), 43);
        assert!(verifier.reveal().bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
}
