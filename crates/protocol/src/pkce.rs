//! Proof Key for Code Exchange (RFC 7636), S256 only: `plain` proves nothing to whoever reads the
//! authorization request (RFC 9700 §2.1.1).

use aws_lc_rs::digest;
use subtle::ConstantTimeEq;

use crate::jose::base64url;
use crate::params::Params;
use crate::refusal::Refusal;

/// A `code_challenge` of method S256: 43 characters of base64url.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge(String);

impl Challenge {
    /// Reads the parameters of an authorization request; `None` when neither was sent. A challenge
    /// without a method would mean `plain` (RFC 7636 §4.3), so it is refused.
    pub fn parse(params: &Params) -> Result<Option<Self>, Refusal> {
        match (params.get("code_challenge"), params.get("code_challenge_method")) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(Refusal::missing("code_challenge")),
            (Some(_), None) => {
                Err(Refusal::request("code_challenge has no method: S256 is the only one")
                    .on("code_challenge_method"))
            }
            (Some(challenge), Some("S256")) => {
                Self::of_text(challenge).map(Some).ok_or_else(|| {
                    Refusal::request("code_challenge is not 43 characters of base64url")
                        .on("code_challenge")
                })
            }
            (Some(_), Some(_)) => {
                Err(Refusal::request("code_challenge_method is not S256")
                    .on("code_challenge_method"))
            }
        }
    }

    /// A challenge as it was stored.
    #[must_use]
    pub fn of_text(text: &str) -> Option<Self> {
        base64url::decode(text).filter(|bytes| bytes.len() == 32).map(|_| Self(text.to_owned()))
    }

    /// The text, to be stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn is_of(&self, verifier: &str) -> bool {
        let digest = digest::digest(&digest::SHA256, verifier.as_bytes());
        base64url::encode(digest.as_ref()).as_bytes().ct_eq(self.0.as_bytes()).into()
    }
}

/// Whether the verifier of a token request is the one the code is bound to (RFC 7636 §4.6). A
/// verifier without a challenge fails as well: somebody stripped the challenge (A06).
pub fn verify(challenge: Option<&Challenge>, verifier: Option<&str>) -> Result<(), Refusal> {
    let (challenge, verifier) = match (challenge, verifier) {
        (None, None) => return Ok(()),
        (None, Some(_)) => {
            return Err(
                Refusal::grant("code_verifier for a code without a challenge").on("code_verifier")
            );
        }
        (Some(_), None) => {
            return Err(Refusal::grant("code_verifier is missing").on("code_verifier"));
        }
        (Some(challenge), Some(verifier)) => (challenge, verifier),
    };
    let unreserved =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
        return Err(Refusal::grant("code_verifier is not 43 to 128 unreserved characters")
            .on("code_verifier"));
    }
    if !challenge.is_of(verifier) {
        return Err(Refusal::grant("code_verifier does not fit the challenge").on("code_verifier"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7636 Appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[track_caller]
    fn parsed(pairs: &[(&str, &str)], expected: Result<bool, &str>) {
        let params = Params::from_pairs(pairs.iter().copied()).unwrap();
        let got = Challenge::parse(&params).map(|challenge| challenge.is_some());
        assert_eq!(
            got.map_err(|refusal| refusal.reason.into_owned()),
            expected.map_err(Into::into)
        );
    }

    #[test]
    fn only_s256_and_only_in_full_is_read() {
        let (name, method) = ("code_challenge", "code_challenge_method");
        parsed(&[], Ok(false));
        parsed(&[(name, CHALLENGE), (method, "S256")], Ok(true));
        parsed(&[(method, "S256")], Err("code_challenge is missing"));
        parsed(&[(name, CHALLENGE)], Err("code_challenge has no method: S256 is the only one"));
        for other in ["plain", "s256", "S512"] {
            parsed(&[(name, CHALLENGE), (method, other)], Err("code_challenge_method is not S256"));
        }
        for odd in ["abc", &CHALLENGE[1..], "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c="] {
            parsed(
                &[(name, odd), (method, "S256")],
                Err("code_challenge is not 43 characters of base64url"),
            );
        }
    }

    #[track_caller]
    fn checked(challenge: Option<&str>, verifier: Option<&str>, expected: Option<&str>) {
        let challenge = challenge.map(|text| Challenge::of_text(text).unwrap());
        let got = verify(challenge.as_ref(), verifier).err().map(|refusal| refusal.reason);
        assert_eq!(got.as_deref(), expected);
    }

    #[test]
    fn a06_the_verifier_fits_or_nothing_does() {
        checked(None, None, None);
        checked(Some(CHALLENGE), Some(VERIFIER), None);
        checked(Some(CHALLENGE), None, Some("code_verifier is missing"));
        checked(None, Some(VERIFIER), Some("code_verifier for a code without a challenge"));
        let shape = Some("code_verifier is not 43 to 128 unreserved characters");
        checked(Some(CHALLENGE), Some(&VERIFIER[1..]), shape);
        checked(Some(CHALLENGE), Some(&"a".repeat(129)), shape);
        checked(Some(CHALLENGE), Some(&format!("{} ", &VERIFIER[1..])), shape);
        let other = format!("{}x", &VERIFIER[..42]);
        checked(Some(CHALLENGE), Some(&other), Some("code_verifier does not fit the challenge"));
        checked(
            Some(CHALLENGE),
            Some(&"a".repeat(43)),
            Some("code_verifier does not fit the challenge"),
        );
    }
}
