//! What a sign-in needs before it is one: which method proves what, what a person's own second
//! factors and their organizations demand, and what comes next. Between the first factor and the
//! second there is no session (V6.3.3), only a decision that says what is missing.

use std::fmt;

use crate::refusal::Refusal;

/// A way to prove who one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// A password.
    Password,
    /// A passkey (WebAuthn) with user verification: possession and knowledge at once.
    Passkey,
    /// A time-based one-time password (RFC 6238).
    Totp,
    /// A recovery code.
    RecoveryCode,
    /// A one-time code sent by mail.
    MailCode,
    /// Another OpenID provider vouched.
    Upstream,
    /// A one-time ticket that a trusted backend asked for.
    Ticket,
    /// The one-time code printed at the first start.
    FirstRun,
}

impl Method {
    const ALL: [Self; 8] = [
        Self::Password,
        Self::Passkey,
        Self::Totp,
        Self::RecoveryCode,
        Self::MailCode,
        Self::Upstream,
        Self::Ticket,
        Self::FirstRun,
    ];

    /// The word in the database, in audit rows and in our own interface.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Passkey => "passkey",
            Self::Totp => "totp",
            Self::RecoveryCode => "recovery_code",
            Self::MailCode => "mail_code",
            Self::Upstream => "upstream",
            Self::Ticket => "ticket",
            Self::FirstRun => "first_run",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == word)
    }

    /// The registered value of an ID token's `amr` (RFC 8176 §2), where one fits.
    #[must_use]
    pub const fn amr(self) -> Option<&'static str> {
        match self {
            Self::Password => Some("pwd"),
            Self::Passkey => Some("pop"),
            Self::Totp | Self::RecoveryCode | Self::MailCode => Some("otp"),
            Self::Upstream | Self::Ticket | Self::FirstRun => None,
        }
    }

    /// Whether it may be the second step of a sign-in.
    #[must_use]
    pub const fn is_second_factor(self) -> bool {
        matches!(self, Self::Totp | Self::RecoveryCode | Self::Passkey)
    }

    /// Whether a person's own second factors are still asked for after it. A passkey has two
    /// factors in it; an upstream, a ticket and the first run are somebody else's word, who is
    /// trusted to have asked.
    const fn is_one_factor(self) -> bool {
        matches!(self, Self::Password | Self::MailCode)
    }
}

/// The methods of one sign-in, in the order they were used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Methods(Vec<Method>);

impl Methods {
    /// One method.
    #[must_use]
    pub fn of(method: Method) -> Self {
        Self(vec![method])
    }

    /// One more.
    #[must_use]
    pub fn and(mut self, method: Method) -> Self {
        if !self.0.contains(&method) {
            self.0.push(method);
        }
        self
    }

    /// Reads the stored form: words separated by spaces.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let words = text.split_ascii_whitespace().map(Method::parse);
        words.collect::<Option<_>>().map(Self).ok_or("an unknown sign-in method")
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Method> + '_ {
        self.0.iter().copied()
    }

    /// Whether `method` was used.
    #[must_use]
    pub fn has(&self, method: Method) -> bool {
        self.0.contains(&method)
    }

    /// Whether two independent factors were shown (`mfa`, RFC 8176 §2).
    #[must_use]
    pub fn is_multi_factor(&self) -> bool {
        self.has(Method::Passkey) || self.iter().any(Method::is_second_factor) && self.0.len() > 1
    }
}

impl fmt::Display for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, method) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            f.write_str(method.as_str())?;
        }
        Ok(())
    }
}

/// What an organization asks of those who act in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Demand {
    /// Nothing beyond being signed in.
    #[default]
    Nothing,
    /// Two factors.
    SecondFactor,
    /// A passkey.
    Passkey,
    /// The word of another OpenID provider.
    Upstream,
}

impl Demand {
    const ALL: [Self; 4] = [Self::Nothing, Self::SecondFactor, Self::Passkey, Self::Upstream];

    /// The word in the database and on the wire.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::SecondFactor => "second_factor",
            Self::Passkey => "passkey",
            Self::Upstream => "upstream",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|demand| demand.as_str() == word)
    }

    /// Whether these methods are enough.
    #[must_use]
    pub fn is_met(&self, methods: &Methods) -> bool {
        match self {
            Self::Nothing => true,
            Self::SecondFactor => methods.is_multi_factor() || methods.has(Method::Upstream),
            Self::Passkey => methods.has(Method::Passkey),
            Self::Upstream => methods.has(Method::Upstream),
        }
    }
}

/// What is known when a first factor was shown.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The factor.
    pub method: Method,
    /// The second factors this person has set up.
    pub enrolled: &'a [Method],
    /// What the organization that has claimed the domain of the person's address demands.
    pub home: &'a Demand,
    /// Whether the person may act at all.
    pub disabled: bool,
}

/// What comes after a first factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The person is signed in.
    SignedIn,
    /// One of these is still needed. Never empty.
    SecondFactor(Vec<Method>),
}

/// Decides what a first factor is worth. The home organization's demand for an upstream cannot be
/// satisfied by another first factor, so it is refused here; every other demand of an organization
/// is asked when that organization is entered ([`crate::session::enters`]).
pub fn decide(facts: &Facts<'_>) -> Result<Decision, Refusal> {
    if facts.disabled {
        return Err(Refusal::grant("the user is disabled"));
    }
    let by_word = matches!(facts.method, Method::Upstream | Method::Ticket | Method::FirstRun);
    if *facts.home == Demand::Upstream && !by_word {
        return Err(Refusal::grant("the organization of this address signs in elsewhere"));
    }
    if !facts.method.is_one_factor() {
        return Ok(Decision::SignedIn);
    }
    let choices: Vec<_> =
        facts.enrolled.iter().copied().filter(|method| method.is_second_factor()).collect();
    // Recovery codes stand in for another factor; alone they are none.
    if choices.iter().all(|method| *method == Method::RecoveryCode) {
        return Ok(Decision::SignedIn);
    }
    Ok(Decision::SecondFactor(choices))
}

/// Whether `method` is an answer to what a pending sign-in still needs.
pub fn decide_second(wanted: &[Method], method: Method) -> Result<(), Refusal> {
    if wanted.contains(&method) {
        return Ok(());
    }
    Err(Refusal::grant("the second factor is not one this sign-in needs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(method: Method, enrolled: &[Method], home: Demand, expected: Result<Decision, &str>) {
        let facts = Facts { method, enrolled, home: &home, disabled: false };
        let got = decide(&facts).map_err(|refusal| refusal.reason);
        assert_eq!(got, expected.map_err(std::borrow::Cow::Borrowed));
    }

    #[test]
    fn a_password_is_enough_for_those_without_a_second_factor() {
        check(Method::Password, &[], Demand::Nothing, Ok(Decision::SignedIn));
        check(Method::Password, &[Method::RecoveryCode], Demand::Nothing, Ok(Decision::SignedIn));
    }

    #[test]
    fn a_second_factor_that_is_set_up_is_asked_for() {
        let both = [Method::Totp, Method::RecoveryCode];
        let wanted = Decision::SecondFactor(both.to_vec());
        check(Method::Password, &both, Demand::Nothing, Ok(wanted.clone()));
        check(Method::MailCode, &both, Demand::Nothing, Ok(wanted));
    }

    #[test]
    fn a_passkey_and_the_word_of_others_are_enough() {
        for method in [Method::Passkey, Method::Upstream, Method::Ticket] {
            check(method, &[Method::Totp], Demand::Nothing, Ok(Decision::SignedIn));
        }
    }

    #[test]
    fn an_address_of_a_claimed_domain_signs_in_where_its_organization_says() {
        let elsewhere = Err("the organization of this address signs in elsewhere");
        check(Method::Password, &[], Demand::Upstream, elsewhere.clone());
        check(Method::Passkey, &[], Demand::Upstream, elsewhere);
        check(Method::Upstream, &[], Demand::Upstream, Ok(Decision::SignedIn));
    }

    #[test]
    fn a_disabled_user_does_not_sign_in() {
        let home = Demand::Nothing;
        let facts = Facts { method: Method::Password, enrolled: &[], home: &home, disabled: true };
        assert_eq!(decide(&facts).unwrap_err().reason, "the user is disabled");
    }

    #[test]
    fn only_what_is_wanted_completes_a_sign_in() {
        assert_eq!(decide_second(&[Method::Totp], Method::Totp), Ok(()));
        assert!(decide_second(&[Method::Totp], Method::RecoveryCode).is_err());
    }

    #[test]
    fn methods_read_back() {
        let methods = Methods::of(Method::Password).and(Method::Totp).and(Method::Totp);
        assert_eq!(methods.to_string(), "password totp");
        assert_eq!(Methods::parse("password totp"), Ok(methods));
        assert!(Methods::parse("password telepathy").is_err());
    }

    #[test]
    fn two_factors_are_two() {
        assert!(!Methods::of(Method::Password).is_multi_factor());
        assert!(!Methods::of(Method::Totp).is_multi_factor());
        assert!(Methods::of(Method::Password).and(Method::Totp).is_multi_factor());
        assert!(Methods::of(Method::Passkey).is_multi_factor());
    }
}
