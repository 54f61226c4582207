//! A session once it is recognised: what it says and whether it still counts. Every path that
//! accepts a session asks [`Session::stands`], so a cause of death added there is consulted
//! everywhere. Where it acts is asked separately ([`enters`]): a person whose membership ended is
//! still signed in, but no longer there.

use crate::id::{OrganizationId, ProjectId, SessionId, UserId};
use crate::refusal::Refusal;
use crate::sign_in::{Demand, Methods};
use crate::time::{Seconds, Timestamp};

/// A recognised session: its secret fitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id, also its grant's.
    pub id: SessionId,
    /// The session it was handed out from; ending that one ends this one.
    pub parent: Option<SessionId>,
    /// Who is signed in.
    pub user: UserId,
    /// The organization it acts in, as chosen last.
    pub organization: Option<OrganizationId>,
    /// The project it acts in, as chosen last.
    pub project: Option<ProjectId>,
    /// How the person proved who they are.
    pub methods: Methods,
    /// When they last did.
    pub authenticated_at: Timestamp,
    /// When it began.
    pub created_at: Timestamp,
    /// The end if unused this long.
    pub idle: Seconds,
    /// The end in any case.
    pub ends_at: Timestamp,
}

/// What is known of the person besides the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// May act.
    Active,
    /// Was disabled by an administrator.
    Disabled,
    /// Is not there any more.
    Gone,
}

/// What is known of the session's end besides its own two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Nothing: it lives.
    No,
    /// Somebody ended it, or the session above it.
    Yes,
}

impl Session {
    /// Whether the session counts now, and the rule that says no. `seen_at` is its last use.
    pub fn stands(
        &self,
        account: Account,
        ended: Ended,
        seen_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if ended == Ended::Yes {
            return Err(Refusal::token("the session was ended"));
        }
        if self.ends_at <= now {
            return Err(Refusal::token("the session is over")
                .with("ended_at", self.ends_at.0.to_string())
                .with("now", now.0.to_string()));
        }
        if self.is_idle(seen_at, now) {
            return Err(Refusal::token("the session was not used for too long")
                .with("used_at", seen_at.0.to_string())
                .with("idle", self.idle.0.to_string())
                .with("now", now.0.to_string()));
        }
        match account {
            Account::Active => Ok(()),
            Account::Disabled => Err(Refusal::token("the session's user is disabled")),
            Account::Gone => Err(Refusal::token("the session's user is gone")),
        }
    }

    /// Whether it has been unused for too long.
    #[must_use]
    pub fn is_idle(&self, seen_at: Timestamp, now: Timestamp) -> bool {
        seen_at.plus(self.idle) <= now
    }

    /// Whether the person proved who they are within `span` (V7.5.1).
    pub fn is_fresh(&self, span: Seconds, now: Timestamp) -> Result<(), Refusal> {
        if now < self.authenticated_at.plus(span) {
            return Ok(());
        }
        Err(Refusal::token("the change needs a fresh sign-in")
            .with("authenticated_at", self.authenticated_at.0.to_string())
            .with("now", now.0.to_string()))
    }
}

/// What is known of the organization that a session would act in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership<'a> {
    /// The person belongs to it, and it asks this of those who enter.
    Member(&'a Demand),
    /// The person belongs to it, and it is disabled.
    Disabled,
    /// The person does not belong to it.
    None,
}

/// Why an organization cannot be entered; families tell these apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Barred {
    /// The person does not belong to it.
    NotAMember,
    /// It is disabled.
    OrganizationDisabled,
    /// It asks for more than the person has proved.
    TooWeak,
}

impl Barred {
    /// The private reason.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotAMember => "the organization is not one of the user's",
            Self::OrganizationDisabled => "the session's organization is disabled",
            Self::TooWeak => "the organization demands a stronger sign-in",
        }
    }
}

/// Whether a session whose person proved themself by `methods` may act in an organization.
pub fn enters(membership: Membership<'_>, methods: &Methods) -> Result<(), Barred> {
    match membership {
        Membership::None => Err(Barred::NotAMember),
        Membership::Disabled => Err(Barred::OrganizationDisabled),
        Membership::Member(demand) if demand.is_met(methods) => Ok(()),
        Membership::Member(_) => Err(Barred::TooWeak),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Id;
    use crate::sign_in::Method;

    const NOW: Timestamp = Timestamp(1_000);

    fn a_session() -> Session {
        Session {
            id: SessionId(Id::v7(900_000, [1; 10])),
            parent: None,
            user: UserId(Id::v7(1, [2; 10])),
            organization: None,
            project: None,
            methods: Methods::of(Method::Password),
            authenticated_at: Timestamp(900),
            created_at: Timestamp(900),
            idle: Seconds(100),
            ends_at: Timestamp(2_000),
        }
    }

    #[track_caller]
    fn check(
        edit: impl FnOnce(&mut Session),
        account: Account,
        ended: Ended,
        reason: Option<&str>,
    ) {
        let mut session = a_session();
        edit(&mut session);
        let got = session.stands(account, ended, Timestamp(950), NOW).err();
        assert_eq!(got.map(|refusal| refusal.reason).as_deref(), reason);
    }

    #[test]
    fn every_cause_of_death_is_named() {
        check(|_| (), Account::Active, Ended::No, None);
        check(|_| (), Account::Active, Ended::Yes, Some("the session was ended"));
        check(|s| s.ends_at = NOW, Account::Active, Ended::No, Some("the session is over"));
        check(
            |s| s.idle = Seconds(50),
            Account::Active,
            Ended::No,
            Some("the session was not used for too long"),
        );
        check(|_| (), Account::Disabled, Ended::No, Some("the session's user is disabled"));
        check(|_| (), Account::Gone, Ended::No, Some("the session's user is gone"));
    }

    #[test]
    fn a_sign_in_is_fresh_for_a_while() {
        assert!(a_session().is_fresh(Seconds(101), NOW).is_ok());
        let refusal = a_session().is_fresh(Seconds(100), NOW).unwrap_err();
        assert_eq!(refusal.reason, "the change needs a fresh sign-in");
    }

    #[test]
    fn an_organization_is_entered_by_members_who_proved_enough() {
        let password = Methods::of(Method::Password);
        let both = password.clone().and(Method::Totp);
        let strict = Demand::SecondFactor;
        assert_eq!(enters(Membership::Member(&Demand::Nothing), &password), Ok(()));
        assert_eq!(enters(Membership::Member(&strict), &password), Err(Barred::TooWeak));
        assert_eq!(enters(Membership::Member(&strict), &both), Ok(()));
        assert_eq!(enters(Membership::None, &both), Err(Barred::NotAMember));
        assert_eq!(enters(Membership::Disabled, &both), Err(Barred::OrganizationDisabled));
    }
}
