//! Exchanging a code for a key: `POST /auth/keys`. The holder of the code is unknown, so all that
//! tells the app from somebody who saw the code in a log is the verifier. The code is looked up
//! first: a spent one is refused the same way whatever else is wrong.

use super::challenge::{Challenge, LONGEST, Method, invalid_method};
use crate::credential::{self, Kind, Presented};
use crate::refusal::{Code, Refusal};
use crate::time::Timestamp;

/// Wrong verifiers after which a code is dead: guessing a short one must not pay.
pub const MOST_TRIES: i64 = 5;

/// What an app sends.
#[derive(Clone, Debug)]
pub struct Exchange<'a> {
    /// The code, if it has the form of one.
    pub code: Option<Presented>,
    /// What the challenge was made from.
    pub verifier: Option<&'a str>,
    /// The method it believes the code has.
    pub method: Option<&'a str>,
}

/// A code as the exchange meets it.
#[derive(Clone, Debug)]
pub struct IssuedCode {
    /// What must be proved.
    pub challenge: Option<Challenge>,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was spent.
    pub spent_at: Option<Timestamp>,
    /// Wrong verifiers so far.
    pub tries: i64,
}

impl<'a> Exchange<'a> {
    /// Reads the members of the body.
    pub fn parse(
        code: Option<&str>,
        verifier: Option<&'a str>,
        method: Option<&'a str>,
    ) -> Result<Self, Refusal> {
        let code = code.ok_or_else(|| Refusal::missing("code"))?;
        Ok(Self { code: credential::parse_kind(Kind::Code, code), verifier, method })
    }

    /// Whether the code may be exchanged. `None` for a code that is unknown.
    pub fn decide(&self, code: Option<&IssuedCode>, now: Timestamp) -> Result<(), Refusal> {
        let code = code.ok_or_else(|| invalid("the code is unknown"))?;
        if code.spent_at.is_some() {
            return Err(invalid("the code is spent"));
        }
        if code.tries >= MOST_TRIES {
            return Err(invalid("the code saw too many wrong verifiers"));
        }
        if code.expires_at <= now {
            return Err(Refusal::new(Code::InvalidGrant, "the code expired").on(EXPIRED));
        }
        let method = self.method.map(|word| Method::parse(word).ok_or_else(invalid_method));
        let method = method.transpose()?;
        let Some(challenge) = &code.challenge else {
            return if method.is_some() { Err(invalid_method()) } else { Ok(()) };
        };
        if method.is_some_and(|method| method != challenge.method) {
            return Err(invalid_method());
        }
        let verifier = self.verifier.ok_or_else(|| invalid("the verifier is missing"))?;
        if verifier.len() > LONGEST || !challenge.fits(verifier) {
            return Err(invalid("the verifier does not fit the challenge").on(VERIFIER));
        }
        Ok(())
    }
}

/// The field of a refusal because of age.
pub const EXPIRED: &str = "expires_at";

/// The field of a refusal that counts as a try.
pub const VERIFIER: &str = "code_verifier";

fn invalid(reason: &'static str) -> Refusal {
    Refusal::new(Code::InvalidGrant, reason).on("code")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000);

    fn a_code() -> IssuedCode {
        IssuedCode {
            challenge: Challenge::parse(Some("verifier"), Some("plain")).unwrap(),
            expires_at: Timestamp(1_600),
            spent_at: None,
            tries: 0,
        }
    }

    #[track_caller]
    fn check(
        edit: impl FnOnce(&mut IssuedCode),
        verifier: Option<&str>,
        method: Option<&str>,
        expected: Option<&str>,
    ) {
        let mut code = a_code();
        edit(&mut code);
        let exchange = Exchange::parse(Some("x"), verifier, method).unwrap();
        let got = exchange.decide(Some(&code), NOW).err().map(|refusal| refusal.reason);
        assert_eq!(got.as_deref(), expected);
    }

    #[test]
    fn the_right_verifier_exchanges() {
        check(|_| (), Some("verifier"), Some("plain"), None);
        check(|_| (), Some("verifier"), None, None);
        check(|code| code.challenge = None, None, None, None);
        check(|code| code.challenge = None, Some("anything"), None, None);
    }

    #[test]
    fn each_rule_is_named() {
        check(|_| (), Some("wrong"), None, Some("the verifier does not fit the challenge"));
        check(|_| (), None, None, Some("the verifier is missing"));
        check(|_| (), Some("verifier"), Some("S256"), Some("Invalid code_challenge_method"));
        check(|_| (), Some("verifier"), Some("S512"), Some("Invalid code_challenge_method"));
        check(|code| code.expires_at = NOW, Some("verifier"), None, Some("the code expired"));
        check(|code| code.spent_at = Some(NOW), Some("verifier"), None, Some("the code is spent"));
        let worn = "the code saw too many wrong verifiers";
        check(|code| code.tries = MOST_TRIES, Some("verifier"), None, Some(worn));
        check(
            |code| code.challenge = None,
            None,
            Some("plain"),
            Some("Invalid code_challenge_method"),
        );
        let long = "v".repeat(200);
        check(|_| (), Some(&long), None, Some("the verifier does not fit the challenge"));
    }

    #[test]
    fn a_spent_code_is_refused_as_spent_whatever_else_is_wrong() {
        check(
            |code| code.spent_at = Some(NOW),
            Some("wrong"),
            Some("S512"),
            Some("the code is spent"),
        );
    }

    #[test]
    fn an_unknown_code_and_none_at_all_are_told_apart() {
        let exchange = Exchange::parse(Some("auth_code_5b21f7"), None, None).unwrap();
        assert!(exchange.code.is_none());
        assert_eq!(exchange.decide(None, NOW).unwrap_err().reason, "the code is unknown");
        assert_eq!(Exchange::parse(None, None, None).unwrap_err().reason, "code is missing");
    }
}
