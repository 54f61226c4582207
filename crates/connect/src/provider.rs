//! How one service speaks OAuth, as data.
//!
//! A provider file says where a service departs from RFC 6749; what it does not say is the RFC's
//! default. Unknown keys are refused, so that a misspelt quirk is noticed. Nothing here is secret,
//! and nothing here sends anything.

mod account;
mod call;
mod check;
pub(crate) mod hosts;
mod pattern;
mod reply;
mod rules;
mod span;
mod template;
mod var;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

pub use account::{Account, AccountSource, Api};
pub use call::{Assertion, AssertionParam, Body, Call, ClientAuth, Method, Prelude, Redirect};
pub use check::BadProvider;
pub use pattern::Pattern;
pub use reply::{Expires, ExpiresAs, ReplyMap, Slot};
pub use rules::{
    Authorize, Callback, CallbackMode, ErrorRules, Grant, GrantRules, Match, Pkce, Predicate,
    RedirectForm, Refresh, RefreshKind, Revoke, RevokeAuth, RevokeToken, ScopeRules, Verify,
};
pub use span::Span;
pub use template::{Locator, Pointer, Template};
pub use var::{Var, VarSource};

use crate::egress::Egress;

pub(crate) use template::{Values, percent_encoded};

/// One service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Stable, lower case; the file's name.
    pub key: String,
    /// As people know it.
    pub name: String,
    /// What its connections hold.
    #[serde(default)]
    pub kind: Kind,
    /// Where the user may remove the app by hand.
    pub manage_url: Option<String>,
    /// Where secrets may go beyond the hosts that stand in the URLs: `api.example.com`,
    /// `.example.com` for anything below, `{host}` for what the connector's owner set.
    #[serde(default)]
    pub hosts: Vec<Template>,
    /// How much of this file is known, and from what.
    #[serde(default)]
    pub facts: Facts,
    /// What differs from tenant to tenant.
    #[serde(default)]
    pub vars: BTreeMap<String, Var>,
    /// Where the user consents; absent where no user does.
    pub authorize: Option<Authorize>,
    /// What comes back from there.
    #[serde(default)]
    pub callback: Callback,
    /// How a code becomes a token.
    pub token: Option<Call>,
    /// What the token reply looks like.
    #[serde(default)]
    pub reply: ReplyMap,
    /// A call that must come before each token call, for a token of the app itself.
    pub prelude: Option<Prelude>,
    /// A call that turns a fresh short-lived token into a long-lived one.
    pub upgrade: Option<Call>,
    /// How a token is renewed.
    #[serde(default)]
    pub refresh: Refresh,
    /// Grants without a user's consent.
    #[serde(default)]
    pub grants: BTreeMap<Grant, GrantRules>,
    /// How a grant is ended at the provider.
    pub revoke: Option<Revoke>,
    /// What its errors look like.
    #[serde(default)]
    pub error: ErrorRules,
    /// Whose account it is.
    pub account: Option<Account>,
    /// How its API is called.
    #[serde(default)]
    pub api: Api,
    /// How many live grants one user and client may have before the oldest dies silently.
    pub live_grants: Option<u32>,
}

/// What a connection of the provider holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A grant of OAuth 2.
    #[default]
    Oauth2,
    /// A key that the user pastes.
    ApiKey,
    /// A user name and a password or key.
    Basic,
}

/// How much of a file is known. The grade is about URLs only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// How many independent sources give the URLs.
    #[serde(default)]
    pub urls: Grade,
    /// Behaviour that no source confirms.
    #[serde(default)]
    pub unconfirmed: Vec<Behaviour>,
    /// The day of the last real consent, refresh and revocation; empty until there was one.
    #[serde(default)]
    pub tested: String,
    /// What somebody who sets up a connector should know.
    #[serde(default)]
    pub note: String,
}

/// What the URLs rest on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// Three sources, or two and a comparison.
    High,
    /// At least one source.
    Med,
    /// None: read the vendor's page first.
    #[default]
    Low,
    /// The organization that defined the provider.
    Own,
}

/// A part of a service's behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behaviour {
    /// How scopes are joined.
    ScopeSeparator,
    /// How the client authenticates.
    ClientAuth,
    /// Whether PKCE is understood.
    Pkce,
    /// Whether and how tokens are renewed.
    Refresh,
    /// Where the account's id stands.
    Account,
    /// How a grant is ended at the provider.
    Revoke,
    /// Where the API is and what its calls carry.
    Api,
}

impl Provider {
    /// Reads a provider file and checks it; URLs are https.
    pub fn from_toml(text: &str) -> Result<Self, BadProvider> {
        let provider: Self = toml::from_str(text).map_err(BadProvider::shape)?;
        check::check(&provider, &Egress::default())?;
        Ok(provider)
    }

    /// Reads an organization's own definition, the same schema as JSON, and checks it against what
    /// the operator allows.
    pub fn from_json(value: Value, egress: &Egress) -> Result<Self, BadProvider> {
        let provider: Self = serde_json::from_value(value).map_err(BadProvider::shape)?;
        check::check(&provider, egress)?;
        Ok(provider)
    }

    /// Whether a user is asked.
    #[must_use]
    pub const fn asks_a_user(&self) -> bool {
        self.authorize.is_some()
    }

    /// Whether PKCE is used where the connector does not say otherwise.
    #[must_use]
    pub fn pkce(&self) -> Pkce {
        self.authorize.as_ref().map_or(Pkce::Off, |authorize| authorize.pkce)
    }

    /// Judges one value for a variable.
    pub fn vet_var(&self, name: &str, value: &str) -> Result<(), &'static str> {
        let var = self.vars.get(name).ok_or("the provider has no such variable")?;
        if var.pattern.matches(value) { Ok(()) } else { Err("the value does not fit the pattern") }
    }
}
