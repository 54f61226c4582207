//! An API key once it is recognised: what it opens, for whom, and every reason why it does not
//! count. A key may have children; they only narrow, and every rule of every key above is asked
//! again whenever a child is used, so a parent that is narrowed later narrows its children too.

use crate::allow_list::{AllowList, Caller};
use crate::id::{AppId, GroupId, KeyId, OrganizationId, ProjectId, UserId};
use crate::rate_limit::RateLimit;
use crate::refusal::{Code, Refusal};
use crate::scope::Scopes;
use crate::secret::Digest;
use crate::time::Timestamp;

/// How deep children may go below a key that nobody made from another.
pub const DEEPEST: u8 = 8;

/// What a key itself says: the part that its children inherit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Which key.
    pub id: KeyId,
    /// What it opens.
    pub scopes: Scopes,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// Since when it is switched off.
    pub disabled_at: Option<Timestamp>,
    /// Where it may be used from.
    pub allowed: AllowList,
    /// How often it may be used.
    pub rate_limits: Vec<RateLimit>,
    /// How many generations of children it may have.
    pub depth: u8,
}

/// Who stands behind a key, and whether they still do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backing {
    /// All who must stand behind it do.
    Firm,
    /// It was deleted, or a grant above it was revoked.
    Revoked,
    /// Its owner is gone or may not act.
    OwnerDisabled,
    /// Its owner has left the organization.
    OwnerLeft,
    /// Its organization is gone or may not act.
    OrganizationDisabled,
    /// The app it was handed to is blocked.
    AppBlocked,
}

/// The secret a key is recognised by, and the one before while both count.
#[derive(Clone, Copy, Debug)]
pub struct Secrets {
    /// The digest of the current text.
    pub current: Digest,
    /// The digest of the text before, and when it stops counting.
    pub previous: Option<(Digest, Timestamp)>,
}

/// A key with everything that decides about it.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// The name its owner gave it.
    pub label: String,
    /// The tenant it belongs to.
    pub organization: Option<OrganizationId>,
    /// The person it belongs to; `None` for a key of the organization itself.
    pub owner: Option<UserId>,
    /// The project it works for.
    pub project: Option<ProjectId>,
    /// The group it works for.
    pub group: Option<GroupId>,
    /// The app it was handed to.
    pub app: Option<AppId>,
    /// What it is recognised by.
    pub secrets: Secrets,
    /// Who stands behind it.
    pub backing: Backing,
    /// When it was made.
    pub created_at: Timestamp,
    /// What it says itself.
    pub own: Terms,
    /// What the keys above it say, nearest first.
    pub above: Vec<Terms>,
}

impl Secrets {
    /// Whether a presented digest is the key's, now.
    #[must_use]
    pub fn fit(&self, presented: Digest, now: Timestamp) -> bool {
        let previous =
            self.previous.is_some_and(|(digest, ends)| digest == presented && now < ends);
        self.current == presented || previous
    }
}

impl ApiKey {
    /// Its id, which is also its grant's.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.own.id
    }

    /// Itself and the keys above it.
    pub fn line(&self) -> impl Iterator<Item = &Terms> {
        std::iter::once(&self.own).chain(&self.above)
    }

    /// When it ends, a key above included.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.line().filter_map(|terms| terms.expires_at).min()
    }

    /// What it opens: nothing that a key above does not open.
    #[must_use]
    pub fn scopes(&self) -> Scopes {
        if self.above.is_empty() {
            return self.own.scopes.clone();
        }
        self.own.scopes.filtered(|word| self.above.iter().all(|terms| terms.scopes.contains(word)))
    }

    /// How many generations may follow it.
    #[must_use]
    pub fn depth(&self) -> u8 {
        let above = (1..).zip(&self.above).map(|(steps, terms)| terms.depth.saturating_sub(steps));
        above.chain([self.own.depth]).min().unwrap_or(0)
    }

    /// Whether the key counts now, wherever it is used.
    pub fn stands(&self, now: Timestamp) -> Result<(), Refusal> {
        let reason = match self.backing {
            Backing::Firm => None,
            Backing::Revoked => Some("the key or a grant above it was revoked"),
            Backing::OwnerDisabled => Some("the owner of the key is gone or disabled"),
            Backing::OwnerLeft => Some("the owner of the key has left the organization"),
            Backing::OrganizationDisabled => {
                Some("the organization of the key is gone or disabled")
            }
            Backing::AppBlocked => Some("the app the key was handed to is blocked"),
        };
        if let Some(reason) = reason {
            return Err(self.dead(reason));
        }
        if self.own.disabled_at.is_some() {
            return Err(self.dead("the key is disabled"));
        }
        if self.above.iter().any(|terms| terms.disabled_at.is_some()) {
            return Err(self.dead("a key above the key is disabled"));
        }
        if self.expires_at().is_some_and(|end| end <= now) {
            return Err(self.dead("the key expired").with("now", now.0.to_string()));
        }
        Ok(())
    }

    /// Whether the key may be used from there.
    pub fn admits(&self, caller: Caller<'_>) -> Result<(), Refusal> {
        self.line().try_for_each(|terms| terms.allowed.admits(caller))
    }

    /// The terms of a child that asks for `wanted`. What is not asked for is inherited; what is
    /// asked for must not go beyond what this key has itself.
    pub fn narrow(&self, wanted: &Wanted, id: KeyId) -> Result<Terms, Refusal> {
        let depth = self.depth();
        if depth == 0 {
            return Err(beyond("the key may have no children").on("parent"));
        }
        let own = self.scopes();
        let scopes = wanted.scopes.clone().unwrap_or_else(|| own.default_grant());
        if let Some(word) = scopes.beyond(&own) {
            return Err(beyond("a child opens no more than its parent")
                .on("scopes")
                .with("missing", word));
        }
        let end = self.expires_at();
        let expires_at = match (wanted.expires_at, end) {
            (Some(wanted), Some(end)) if wanted > end => {
                return Err(beyond("a child does not outlive its parent").on("expires_at"));
            }
            (wanted, end) => wanted.or(end),
        };
        let wanted_depth = wanted.depth.unwrap_or(0);
        if wanted_depth >= depth {
            return Err(
                beyond("a child has fewer generations below it than its parent").on("depth")
            );
        }
        if let Some(allowed) = &wanted.allowed
            && !self.above.iter().chain([&self.own]).all(|terms| allowed.is_within(&terms.allowed))
        {
            return Err(beyond("a child is not used from where its parent may not").on("origins"));
        }
        Ok(Terms {
            id,
            scopes,
            expires_at,
            disabled_at: None,
            allowed: wanted.allowed.clone().unwrap_or_else(|| self.own.allowed.clone()),
            rate_limits: wanted.rate_limits.clone(),
            depth: wanted_depth,
        })
    }

    fn dead(&self, reason: &'static str) -> Refusal {
        Refusal::token(reason).with("key", self.id().to_string())
    }
}

/// What is asked for a child.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Scopes; `None` for what the parent grants by default.
    pub scopes: Option<Scopes>,
    /// An end.
    pub expires_at: Option<Timestamp>,
    /// Generations below it; none when absent.
    pub depth: Option<u8>,
    /// Where it may be used from.
    pub allowed: Option<AllowList>,
    /// How often; the parent's limits hold besides.
    pub rate_limits: Vec<RateLimit>,
}

fn beyond(reason: &'static str) -> Refusal {
    Refusal::new(Code::InvalidScope, reason)
}

#[cfg(test)]
mod tests;
