//! The states of a connection and every way from one to another. `refreshing` is not among them: it
//! follows from a held lease, so a crash cannot strand it.

use super::words;
use crate::time::Timestamp;

words! {
    /// Where a connection stands, as stored.
    Status {
        /// Granted, and not yet confirmed by the user who started it.
        Pending = "pending",
        /// The access token is good, or can be renewed.
        Active = "active",
        /// The access token ended and nothing can renew it.
        Expired = "expired",
        /// Only a new authorization helps.
        NeedsReauth = "needs_reauth",
        /// Only transient failures for a week.
        Error = "error",
        /// Ended on purpose; its secrets are erased.
        Revoked = "revoked",
    }
}

words! {
    /// Why it stands there.
    Reason {
        /// Nobody has confirmed it in the session of the user who started it.
        Unconfirmed = "unconfirmed",
        /// The provider said that the grant is dead.
        GrantRevoked = "grant_revoked",
        /// The provider wants its user to interact: consent or session policy.
        Policy = "policy",
        /// A reply with the next refresh token never arrived, and the old one no longer counts.
        ReplyLost = "reply_lost",
        /// The provider's API refused fresh tokens.
        RejectedByApi = "rejected_by_api",
        /// The provider refused again and again without saying why.
        ProviderRefused = "provider_refused",
        /// Scopes that the connector requires were not granted.
        MissingScopes = "missing_scopes",
        /// The connector asks for other scopes now.
        ScopeChange = "scope_change",
        /// The connector has another client id now; the grant belongs to the old one.
        ClientChange = "client_change",
        /// The access token ended and nothing can renew it.
        AccessEnded = "access_ended",
        /// Only transient failures for a week.
        GaveUp = "gave_up",
        /// The grant reached the end the provider gave it.
        GrantEnded = "grant_ended",
        /// An administrator asked for a new authorization.
        Requested = "requested",
        /// Its user ended it.
        ByUser = "by_user",
        /// An administrator ended it.
        ByAdministrator = "by_administrator",
        /// The provider told us that it ended.
        ByProvider = "by_provider",
        /// Its connector was deleted.
        ConnectorDeleted = "connector_deleted",
        /// The grant above it was revoked.
        GrantTree = "grant_tree",
        /// Nobody confirmed it in time.
        NotConfirmed = "not_confirmed",
    }
}

/// A state, its reason and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The state.
    pub status: Status,
    /// Why; `None` for `active`.
    pub reason: Option<Reason>,
    /// Since when.
    pub since: Timestamp,
}

/// Whether a grant has the scopes that its connector cannot do without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Coverage {
    /// It has, as far as its provider says.
    #[default]
    Whole,
    /// Its user, or the provider, left one of them out.
    Lacking,
}

impl Coverage {
    /// Judges what was `granted` by what is `required`, both space-separated. A grant of which nothing
    /// is said has what was asked for (RFC 6749 §5.1). One that was renewed is judged by what it had
    /// `before`: it can lose a required scope, and a connector that requires more than it did asks
    /// nobody by that alone.
    #[must_use]
    pub fn of(required: &str, before: Option<&str>, granted: &[&str]) -> Self {
        let had = |scope: &&str| {
            before.is_none_or(|before| before.split_whitespace().any(|known| known == *scope))
        };
        let is_lacking = !granted.is_empty()
            && required.split_whitespace().filter(had).any(|scope| !granted.contains(&scope));
        if is_lacking { Self::Lacking } else { Self::Whole }
    }
}

/// What happens to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A user authorized it, for the first time or again.
    Connected,
    /// The user who started it confirmed it.
    Confirmed,
    /// A refresh was stored.
    Refreshed,
    /// The grant no longer counts.
    GrantDead(Reason),
    /// The access token passed its end and nothing renews it.
    AccessEnded,
    /// A week of transient failures, or the grant's own end.
    GaveUp(Reason),
    /// Somebody ended it.
    Revoked(Reason),
}

words! {
    /// What webhooks are told of a connection.
    Announcement {
        /// It can be used.
        Created = "connection.created",
        /// It has a new access token; sent only to those who ask for it.
        Refreshed = "connection.refreshed",
        /// Its user is needed.
        NeedsReauth = "connection.needs_reauth",
        /// It fails, and not because of its user.
        Error = "connection.error",
        /// It works again.
        Recovered = "connection.recovered",
        /// It ended.
        Revoked = "connection.revoked",
        /// Its scopes are others now.
        ScopesChanged = "connection.scopes_changed",
    }
}

impl Standing {
    /// The first state of an authorized connection.
    #[must_use]
    pub const fn active(now: Timestamp) -> Self {
        Self { status: Status::Active, reason: None, since: now }
    }

    /// The first state of a connection whose grant may lack what is required.
    #[must_use]
    pub const fn authorized(coverage: Coverage, now: Timestamp) -> Self {
        match coverage {
            Coverage::Whole => Self::active(now),
            Coverage::Lacking => Self {
                status: Status::NeedsReauth,
                reason: Some(Reason::MissingScopes),
                since: now,
            },
        }
    }

    /// The first state of a connection that still needs its user's click.
    #[must_use]
    pub const fn unconfirmed(now: Timestamp) -> Self {
        Self { status: Status::Pending, reason: Some(Reason::Unconfirmed), since: now }
    }

    /// Where `event` leads from here; `None` when it changes nothing.
    #[must_use]
    pub fn after(self, event: Event, now: Timestamp) -> Option<Self> {
        let (status, reason) = match (self.status, event) {
            // Terminal: secrets are gone, and a reconnect is another connection.
            (Status::Revoked, _) => return None,
            (_, Event::Revoked(reason)) => (Status::Revoked, Some(reason)),
            // Nothing but its user's click makes an unconfirmed grant usable.
            (Status::Pending, Event::Confirmed) => (Status::Active, None),
            (Status::Pending, _) | (_, Event::Confirmed) => return None,
            (Status::Active, Event::Connected | Event::Refreshed) => return None,
            (_, Event::Connected) => (Status::Active, None),
            // That it lives was never in doubt; only its user can grant more.
            (Status::NeedsReauth, Event::Refreshed)
                if self.reason == Some(Reason::MissingScopes) =>
            {
                return None;
            }
            // A late success: the provider has just proved that the grant lives.
            (Status::NeedsReauth | Status::Error, Event::Refreshed) => (Status::Active, None),
            (Status::Expired, Event::Refreshed) => return None,
            // The first reason is the cause; what follows from it is not.
            (Status::NeedsReauth, _) => return None,
            (_, Event::GrantDead(reason)) => (Status::NeedsReauth, Some(reason)),
            (Status::Active, Event::AccessEnded) => (Status::Expired, Some(Reason::AccessEnded)),
            (Status::Active, Event::GaveUp(reason)) => (Status::Error, Some(reason)),
            (Status::Expired | Status::Error, Event::AccessEnded | Event::GaveUp(_)) => {
                return None;
            }
        };
        Some(Self { status, reason, since: now })
    }

    /// Where a grant leads that arrives by `event`: usable where it covers what is required, back to
    /// its user where it does not.
    #[must_use]
    pub fn granted(self, event: Event, coverage: Coverage, now: Timestamp) -> Self {
        let usual = self.after(event, now).unwrap_or(self);
        let lacking = Self::authorized(coverage, now);
        if lacking.status == Status::Active || usual.status != Status::Active {
            return usual;
        }
        let is_old = (self.status, self.reason) == (lacking.status, lacking.reason);
        if is_old { self } else { lacking }
    }
}

/// What a change of state is announced as.
#[must_use]
pub const fn announcement(before: Status, after: Status) -> Option<Announcement> {
    match (before, after) {
        (Status::Pending, Status::Active) => Some(Announcement::Created),
        (_, Status::Active) => Some(Announcement::Recovered),
        (_, Status::NeedsReauth | Status::Expired) => Some(Announcement::NeedsReauth),
        (_, Status::Error) => Some(Announcement::Error),
        (_, Status::Revoked) => Some(Announcement::Revoked),
        (_, Status::Pending) => None,
    }
}

/// Whether a new authorization belongs to the account the connection is for. An account that was
/// never learnt takes the first one that is.
#[must_use]
pub fn is_same_account(known: Option<&str>, arrived: Option<&str>) -> bool {
    match (known, arrived) {
        (None, _) => true,
        (Some(known), Some(arrived)) => known == arrived,
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000);
    const THEN: Timestamp = Timestamp(10);

    fn at(status: Status) -> Standing {
        let reason = (status != Status::Active).then_some(Reason::Policy);
        Standing { status, reason, since: THEN }
    }

    fn check(from: Status, event: Event, to: Option<(Status, Option<Reason>)>) {
        let after = at(from).after(event, NOW);
        let expected = to.map(|(status, reason)| Standing { status, reason, since: NOW });
        assert_eq!(after, expected, "{from:?} {event:?}");
    }

    #[test]
    fn a_user_s_click_is_the_only_way_out_of_pending_but_the_end() {
        check(Status::Pending, Event::Confirmed, Some((Status::Active, None)));
        check(Status::Pending, Event::Connected, None);
        check(Status::Pending, Event::Refreshed, None);
        check(Status::Pending, Event::GrantDead(Reason::GrantRevoked), None);
        check(Status::Pending, Event::AccessEnded, None);
        check(Status::Pending, Event::GaveUp(Reason::GaveUp), None);
        let end = Event::Revoked(Reason::NotConfirmed);
        check(Status::Pending, end, Some((Status::Revoked, Some(Reason::NotConfirmed))));
    }

    #[test]
    fn an_active_connection_leaves_for_a_reason() {
        check(Status::Active, Event::Refreshed, None);
        check(Status::Active, Event::Connected, None);
        check(Status::Active, Event::Confirmed, None);
        let dead = Event::GrantDead(Reason::GrantRevoked);
        check(Status::Active, dead, Some((Status::NeedsReauth, Some(Reason::GrantRevoked))));
        let expired = Some((Status::Expired, Some(Reason::AccessEnded)));
        check(Status::Active, Event::AccessEnded, expired);
        let gave_up = Some((Status::Error, Some(Reason::GaveUp)));
        check(Status::Active, Event::GaveUp(Reason::GaveUp), gave_up);
        let revoked = Some((Status::Revoked, Some(Reason::ByUser)));
        check(Status::Active, Event::Revoked(Reason::ByUser), revoked);
    }

    #[test]
    fn only_a_new_authorization_or_a_late_success_mends_needs_reauth() {
        check(Status::NeedsReauth, Event::Connected, Some((Status::Active, None)));
        check(Status::NeedsReauth, Event::Refreshed, Some((Status::Active, None)));
        check(Status::NeedsReauth, Event::Confirmed, None);
        check(Status::NeedsReauth, Event::GrantDead(Reason::ReplyLost), None);
        check(Status::NeedsReauth, Event::AccessEnded, None);
        check(Status::NeedsReauth, Event::GaveUp(Reason::GaveUp), None);
        let revoked = Some((Status::Revoked, Some(Reason::ByAdministrator)));
        check(Status::NeedsReauth, Event::Revoked(Reason::ByAdministrator), revoked);
    }

    #[test]
    fn a_grant_that_lacks_what_is_required_needs_its_user() {
        let lacking = Standing::authorized(Coverage::Lacking, NOW);
        assert_eq!(lacking.status, Status::NeedsReauth);
        assert_eq!(lacking.reason, Some(Reason::MissingScopes));
        for (from, event) in [
            (Status::Active, Event::Connected),
            (Status::Active, Event::Refreshed),
            (Status::Pending, Event::Confirmed),
            (Status::Expired, Event::Connected),
            (Status::NeedsReauth, Event::Connected),
            (Status::NeedsReauth, Event::Refreshed),
        ] {
            assert_eq!(at(from).granted(event, Coverage::Lacking, NOW), lacking, "{from:?}");
            let usual = at(from).after(event, NOW).unwrap_or(at(from));
            assert_eq!(at(from).granted(event, Coverage::Whole, NOW), usual, "{from:?}");
        }
        for (from, event) in [
            (Status::Pending, Event::Connected),
            (Status::Pending, Event::Refreshed),
            (Status::Revoked, Event::Connected),
        ] {
            assert_eq!(at(from).granted(event, Coverage::Lacking, NOW), at(from), "{from:?}");
        }
        let long = Standing { since: THEN, ..lacking };
        assert_eq!(long.granted(Event::Connected, Coverage::Lacking, NOW), long, "no news");
        assert_eq!(long.after(Event::Refreshed, NOW), None, "a refresh grants nothing");
        let mended = long.granted(Event::Connected, Coverage::Whole, NOW);
        assert_eq!(mended, Standing::active(NOW));
    }

    #[test]
    fn what_is_required_is_judged_by_what_the_provider_says() {
        let check = |required, before, granted: &[&str], expected| {
            assert_eq!(Coverage::of(required, before, granted), expected, "{required} {granted:?}");
        };
        check("", None, &["a"], Coverage::Whole);
        check("a", None, &["a", "b"], Coverage::Whole);
        check("a", None, &[], Coverage::Whole);
        check("a b", None, &["a"], Coverage::Lacking);
        check("read", None, &["read.all"], Coverage::Lacking);
        check("a b", Some("a b"), &["a"], Coverage::Lacking);
        check("a b", Some("a"), &["a"], Coverage::Whole);
        check("a b", Some("a"), &["c"], Coverage::Lacking);
    }

    #[test]
    fn an_expired_connection_waits_for_its_user() {
        check(Status::Expired, Event::Connected, Some((Status::Active, None)));
        check(Status::Expired, Event::Refreshed, None);
        check(Status::Expired, Event::AccessEnded, None);
        check(Status::Expired, Event::GaveUp(Reason::GaveUp), None);
        let dead = Some((Status::NeedsReauth, Some(Reason::ClientChange)));
        check(Status::Expired, Event::GrantDead(Reason::ClientChange), dead);
        let revoked = Some((Status::Revoked, Some(Reason::ByUser)));
        check(Status::Expired, Event::Revoked(Reason::ByUser), revoked);
    }

    #[test]
    fn an_error_ends_with_the_next_success() {
        check(Status::Error, Event::Refreshed, Some((Status::Active, None)));
        check(Status::Error, Event::Connected, Some((Status::Active, None)));
        check(Status::Error, Event::AccessEnded, None);
        check(Status::Error, Event::GaveUp(Reason::GaveUp), None);
        let dead = Some((Status::NeedsReauth, Some(Reason::GrantRevoked)));
        check(Status::Error, Event::GrantDead(Reason::GrantRevoked), dead);
        let revoked = Some((Status::Revoked, Some(Reason::ByProvider)));
        check(Status::Error, Event::Revoked(Reason::ByProvider), revoked);
    }

    #[test]
    fn nothing_brings_a_revoked_connection_back() {
        for event in [
            Event::Connected,
            Event::Confirmed,
            Event::Refreshed,
            Event::GrantDead(Reason::GrantRevoked),
            Event::AccessEnded,
            Event::GaveUp(Reason::GaveUp),
            Event::Revoked(Reason::ByUser),
        ] {
            check(Status::Revoked, event, None);
        }
    }

    #[test]
    fn every_change_is_announced() {
        for (before, after, word) in [
            (Status::Pending, Status::Active, "connection.created"),
            (Status::NeedsReauth, Status::Active, "connection.recovered"),
            (Status::Error, Status::Active, "connection.recovered"),
            (Status::Expired, Status::Active, "connection.recovered"),
            (Status::Active, Status::NeedsReauth, "connection.needs_reauth"),
            (Status::Active, Status::Expired, "connection.needs_reauth"),
            (Status::Active, Status::Error, "connection.error"),
            (Status::Active, Status::Revoked, "connection.revoked"),
        ] {
            let told = announcement(before, after).map(Announcement::as_str);
            assert_eq!(told, Some(word), "{before:?} to {after:?}");
        }
    }

    #[test]
    fn a_reconnect_is_for_the_same_account() {
        assert!(is_same_account(None, Some("a")));
        assert!(is_same_account(Some("a"), Some("a")));
        assert!(!is_same_account(Some("a"), Some("b")));
        assert!(!is_same_account(Some("a"), None));
    }

    #[test]
    fn every_word_reads_back() {
        for reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.as_str()), Some(*reason));
        }
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(*status));
        }
        assert_eq!(Status::parse("refreshing"), None);
    }
}
