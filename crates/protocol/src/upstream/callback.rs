//! The provider's answer as the browser brings it (OpenID Connect Core §3.1.2.5, RFC 9207): a code
//! or an error, under our state, from the provider this path belongs to.

use crate::params::{Params, ParamsError};
use crate::refusal::Refusal;
use crate::secret::Secret;

const MAX_CODE: usize = 4 * 1024;

/// An answer, before anything of it is believed.
#[derive(Debug)]
pub struct Answer {
    /// The state it carries.
    pub state: Secret,
    /// The issuer it names.
    pub iss: Option<String>,
    /// What happened.
    pub outcome: Outcome,
}

/// What a provider answered.
#[derive(Debug)]
pub enum Outcome {
    /// A code to redeem.
    Code(Secret),
    /// The person or the provider said no. The word is the provider's, cut to what a log may hold.
    Refused(String),
}

impl Answer {
    /// Reads the query of the callback. Nothing may come twice.
    pub fn parse(params: Result<Params, ParamsError>) -> Result<Self, Refusal> {
        let params = params.map_err(|error| Refusal::request(error.reason()))?;
        let state = params.get("state").ok_or_else(|| Refusal::missing("state"))?;
        let outcome = match (params.get("code"), params.get("error")) {
            (Some(_), Some(_)) => {
                return Err(Refusal::request("the answer has a code and an error"));
            }
            (Some(code), None) if code.len() > MAX_CODE => {
                return Err(Refusal::request("the code is longer than 4 KiB"));
            }
            (Some(code), None) => Outcome::Code(Secret::from(code)),
            (None, Some(error)) => Outcome::Refused(word(error)),
            (None, None) => return Err(Refusal::request("the answer has no code and no error")),
        };
        Ok(Self { state: Secret::from(state), iss: params.get("iss").map(str::to_owned), outcome })
    }

    /// Whether the answer is from `issuer`: a different `iss` is another provider's answer brought to
    /// this path, and a missing one counts as that where `iss` is promised (RFC 9207 §2.4).
    pub fn check_issuer(&self, issuer: &str, promised: bool) -> Result<(), Refusal> {
        match &self.iss {
            Some(iss) if iss != issuer => Err(Refusal::request("the answer is of another issuer")
                .with("iss", word(iss))
                .with("expected", issuer)),
            None if promised => Err(Refusal::request("the answer does not say whose it is (iss)")),
            _ => Ok(()),
        }
    }
}

/// A word of a stranger's, for logs.
fn word(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(query: &str) -> Result<Answer, String> {
        Answer::parse(Params::parse_form(query.as_bytes()))
            .map_err(|refusal| refusal.reason.into_owned())
    }

    #[test]
    fn an_answer_has_a_state_and_either_a_code_or_an_error() {
        assert!(matches!(answer("state=s&code=c").unwrap().outcome, Outcome::Code(_)));
        let refused = answer("state=s&error=access%0adenied%1b%5b").unwrap_err();
        assert_eq!(refused, "control character in a parameter");
        let Outcome::Refused(word) = answer("state=s&error=access_denied").unwrap().outcome else {
            panic!("a code")
        };
        assert_eq!(word, "access_denied");
        assert_eq!(answer("code=c").unwrap_err(), "state is missing");
        assert_eq!(answer("state=s").unwrap_err(), "the answer has no code and no error");
        let both = "the answer has a code and an error";
        assert_eq!(answer("state=s&code=c&error=e").unwrap_err(), both);
        assert_eq!(answer("state=s&code=c&code=d").unwrap_err(), "parameter sent twice: code");
        let long = format!("state=s&code={}", "c".repeat(5_000));
        assert_eq!(answer(&long).unwrap_err(), "the code is longer than 4 KiB");
    }

    #[test]
    fn an_answer_of_another_issuer_is_refused() {
        let check = |query: &str, promised| {
            let answer = answer(query).unwrap();
            answer.check_issuer("https://idp.test", promised).map_err(|refusal| refusal.reason)
        };
        assert_eq!(check("state=s&code=c&iss=https://idp.test", true), Ok(()));
        assert_eq!(check("state=s&code=c", false), Ok(()));
        let other = Err("the answer is of another issuer".into());
        assert_eq!(check("state=s&code=c&iss=https://evil.test", false), other);
        let silent = Err("the answer does not say whose it is (iss)".into());
        assert_eq!(check("state=s&code=c", true), silent);
    }
}
