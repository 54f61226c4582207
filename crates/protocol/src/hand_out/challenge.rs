//! The PKCE challenge of a hand-out (RFC 7636 §4). Unlike the authorization endpoint, this family
//! has `plain`, lets the challenge be absent, and its published clients send verifiers that are
//! shorter than the RFC's 43 characters.

use subtle::ConstantTimeEq as _;

use crate::jose::base64url;
use crate::refusal::Refusal;
use crate::secret::Digest;

/// The longest challenge or verifier.
pub const LONGEST: usize = 128;

/// How a verifier is compared with the challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The challenge is the base64url of the verifier's SHA-256.
    S256,
    /// The challenge is the verifier.
    Plain,
}

impl Method {
    /// The word on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::S256 => "S256",
            Self::Plain => "plain",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::S256, Self::Plain].into_iter().find(|method| method.as_str() == word)
    }
}

/// What an exchange must prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The challenge.
    pub text: String,
    /// How it is compared.
    pub method: Method,
}

impl Challenge {
    /// Reads both parameters. A challenge without a method is `plain` (RFC 7636 §4.3); a method
    /// without a challenge is a mistake that must not pass for "no proof needed".
    pub fn parse(text: Option<&str>, method: Option<&str>) -> Result<Option<Self>, Refusal> {
        let method =
            method.map(|word| Method::parse(word).ok_or_else(invalid_method)).transpose()?;
        let Some(text) = text else {
            return match method {
                None => Ok(None),
                Some(_) => Err(Refusal::request("code_challenge_method without code_challenge")
                    .on("code_challenge")),
            };
        };
        let method = method.unwrap_or(Method::Plain);
        let sound = match method {
            Method::S256 => base64url::decode(text).is_some_and(|bytes| bytes.len() == 32),
            Method::Plain => (1..=LONGEST).contains(&text.len()) && text.bytes().all(is_unreserved),
        };
        if !sound {
            let rule = match method {
                Method::S256 => "code_challenge is not the base64url of a SHA-256",
                Method::Plain => "code_challenge has 1 to 128 unreserved characters",
            };
            return Err(Refusal::request(rule).on("code_challenge"));
        }
        Ok(Some(Self { text: text.to_owned(), method }))
    }

    /// Whether `verifier` is the one the challenge was made from.
    #[must_use]
    pub fn fits(&self, verifier: &str) -> bool {
        let answer = match self.method {
            Method::S256 => base64url::encode(&Digest::of(verifier.as_bytes()).0),
            Method::Plain => verifier.to_owned(),
        };
        answer.as_bytes().ct_eq(self.text.as_bytes()).into()
    }
}

/// A method that is not one, or not the code's.
pub(super) fn invalid_method() -> Refusal {
    Refusal::request("Invalid code_challenge_method").on("code_challenge_method")
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636 Appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[track_caller]
    fn refused(text: Option<&str>, method: Option<&str>, reason: &str) {
        assert_eq!(Challenge::parse(text, method).unwrap_err().reason, reason);
    }

    #[test]
    fn the_verifier_of_the_rfc_fits_its_challenge() {
        let challenge = Challenge::parse(Some(CHALLENGE), Some("S256")).unwrap().unwrap();
        assert!(challenge.fits(VERIFIER));
        assert!(!challenge.fits(CHALLENGE));
        assert!(!challenge.fits(""));
    }

    #[test]
    fn a_challenge_without_a_method_is_plain() {
        let challenge = Challenge::parse(Some("short"), None).unwrap().unwrap();
        assert_eq!(challenge.method, Method::Plain);
        assert!(challenge.fits("short") && !challenge.fits("shor"));
    }

    #[test]
    fn misuse_is_refused() {
        refused(None, Some("S256"), "code_challenge_method without code_challenge");
        refused(Some(CHALLENGE), Some("s256"), "Invalid code_challenge_method");
        refused(Some(CHALLENGE), Some(""), "Invalid code_challenge_method");
        refused(Some("short"), Some("S256"), "code_challenge is not the base64url of a SHA-256");
        refused(Some(""), Some("plain"), "code_challenge has 1 to 128 unreserved characters");
        refused(Some("a b"), None, "code_challenge has 1 to 128 unreserved characters");
        let padded = format!("{CHALLENGE}=");
        refused(Some(&padded), Some("S256"), "code_challenge is not the base64url of a SHA-256");
    }
}
