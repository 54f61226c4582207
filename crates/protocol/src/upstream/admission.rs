//! Whether somebody whom a provider vouches for, and whom we do not know, gets an account. Never an
//! existing one: an address proves a mailbox elsewhere, not who owns the account here.

use super::Profile;
use crate::email::parse_email;
use crate::id::OrganizationId;
use crate::refusal::Refusal;

/// Whom a provider may bring in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Admits {
    /// Only people who have linked it.
    #[default]
    Nobody,
    /// People who have no account yet, too.
    Newcomers,
}

impl Admits {
    /// The word in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Newcomers => "newcomers",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Nobody, Self::Newcomers].into_iter().find(|admits| admits.as_str() == word)
    }
}

/// What is known when a stranger comes back from a provider.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Whom the provider may bring in.
    pub admits: Admits,
    /// The organization whose provider it is.
    pub provider_of: Option<OrganizationId>,
    /// The organization that has claimed the domain of the address.
    pub claimed_by: Option<OrganizationId>,
    /// Whether somebody has an account with the address.
    pub has_account: bool,
}

/// The account to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newcomer {
    /// The canonical address.
    pub email: String,
    /// The organization they belong to from the start.
    pub member_of: Option<OrganizationId>,
}

/// The canonical address that facts are to be gathered for.
pub fn address(profile: &Profile) -> Result<String, Refusal> {
    let told = profile.email.as_deref();
    let told = told.ok_or_else(|| Refusal::grant("the provider told no address"))?;
    parse_email(told).map_err(|_| Refusal::grant("the provider told no sound address"))
}

/// Decides. A provider of an organization speaks for the domains that organization has claimed and
/// for no other: otherwise any tenant could make accounts with anybody's address.
pub fn decide(profile: &Profile, facts: &Facts) -> Result<Newcomer, Refusal> {
    let email = address(profile)?;
    if facts.has_account {
        return Err(Refusal::grant("an account has this address: it links the provider itself"));
    }
    if facts.admits == Admits::Nobody {
        return Err(Refusal::grant("nobody here is linked with this identity"));
    }
    match (facts.provider_of, facts.claimed_by) {
        (Some(own), Some(claimer)) if own == claimer => {
            Ok(Newcomer { email, member_of: Some(own) })
        }
        (Some(_), _) => {
            Err(Refusal::grant("the provider's organization has not claimed the domain"))
        }
        (None, Some(_)) => Err(Refusal::grant("an organization has claimed the domain")),
        (None, None) if !profile.email_verified => {
            Err(Refusal::grant("the provider has not verified the address"))
        }
        (None, None) => Ok(Newcomer { email, member_of: None }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Id;

    const NORTH: OrganizationId = OrganizationId(Id::v7(1, [1; 10]));
    const SOUTH: OrganizationId = OrganizationId(Id::v7(2, [2; 10]));

    fn profile() -> Profile {
        Profile {
            subject: "s".into(),
            email: Some("Ada@North.test".into()),
            email_verified: true,
            name: None,
        }
    }

    fn open() -> Facts {
        Facts { admits: Admits::Newcomers, provider_of: None, claimed_by: None, has_account: false }
    }

    #[track_caller]
    fn check(profile: &Profile, facts: Facts, expected: Result<Option<OrganizationId>, &str>) {
        let decided = decide(profile, &facts).map(|newcomer| newcomer.member_of);
        assert_eq!(
            decided.map_err(|refusal| refusal.reason.into_owned()),
            expected.map_err(Into::into)
        );
    }

    #[test]
    fn a_newcomer_is_let_in_by_who_may_speak_for_the_address() {
        check(&profile(), open(), Ok(None));
        let own = Facts { provider_of: Some(NORTH), claimed_by: Some(NORTH), ..open() };
        check(&profile(), own, Ok(Some(NORTH)));
        let unverified = Profile { email_verified: false, ..profile() };
        check(&unverified, own, Ok(Some(NORTH)));
        check(&unverified, open(), Err("the provider has not verified the address"));
    }

    #[test]
    fn an_address_alone_never_leads_into_an_account() {
        let taken = Facts { has_account: true, ..open() };
        check(&profile(), taken, Err("an account has this address: it links the provider itself"));
        let own = Facts { provider_of: Some(NORTH), claimed_by: Some(NORTH), ..taken };
        check(&profile(), own, Err("an account has this address: it links the provider itself"));
    }

    #[test]
    fn one_tenants_provider_speaks_for_no_other_domain() {
        let unclaimed = "the provider's organization has not claimed the domain";
        check(&profile(), Facts { provider_of: Some(NORTH), ..open() }, Err(unclaimed));
        let other = Facts { provider_of: Some(NORTH), claimed_by: Some(SOUTH), ..open() };
        check(&profile(), other, Err(unclaimed));
        let claimed = Facts { claimed_by: Some(SOUTH), ..open() };
        check(&profile(), claimed, Err("an organization has claimed the domain"));
    }

    #[test]
    fn a_provider_that_admits_nobody_makes_no_account() {
        let closed = Facts { admits: Admits::Nobody, ..open() };
        check(&profile(), closed, Err("nobody here is linked with this identity"));
        check(&Profile { email: None, ..profile() }, open(), Err("the provider told no address"));
        let odd = Profile { email: Some("x".into()), ..profile() };
        check(&odd, open(), Err("the provider told no sound address"));
    }
}
