//! What to send to a provider, as a pure function of its file, the app and the grant at hand.
//!
//! Nothing here sends. Every finished URL is parsed again and its host compared with the provider's
//! own, so that no value, wherever it was learnt, moves a secret to another house.

mod account;
mod assertion;
mod client;
mod compose;
mod consent;
mod finished;
mod revoke;

use std::collections::BTreeMap;
use std::fmt;

use keyhaven_protocol::jose::signing_key::SigningKey;
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::Timestamp;

pub use account::{account, api_base, api_headers, own_url};
pub(crate) use client::hex;
pub use compose::{exchange, prelude, refresh, remint, token_host, upgrade};
pub use consent::{Consent, authorization_url, scopes_of};
pub use revoke::{Ended, revoke};

/// One registered app under a provider, with its secrets at hand.
#[derive(Clone, Copy)]
pub struct App<'a> {
    /// As the provider issued it.
    pub client_id: &'a str,
    /// As the provider issued it, if it did.
    pub secret: Option<&'a Secret>,
    /// The app's own key, for signed proofs.
    pub key: Option<&'a SigningKey>,
    /// What the provider calls that key; its thumbprint if it has no name for it.
    pub key_id: Option<&'a str>,
    /// A login for services that know nothing better.
    pub login: Option<(&'a str, &'a Secret)>,
    /// The connector's and the connection's variables.
    pub vars: &'a BTreeMap<String, String>,
}

/// When a request is made, and 128 random bits or more as text: what a signed proof needs.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// The present.
    pub now: Timestamp,
    /// Never used before.
    pub jti: String,
}

/// A code and what was sent with the request for it.
#[derive(Clone, Copy)]
pub struct Code<'a> {
    /// The code.
    pub code: &'a Secret,
    /// The redirect URI, byte for byte as it was sent.
    pub redirect_uri: &'a str,
    /// The PKCE verifier, if a challenge was sent.
    pub verifier: Option<&'a Secret>,
    /// The state.
    pub state: &'a str,
    /// The scopes asked for.
    pub scopes: &'a [String],
}

/// A token to be renewed.
#[derive(Clone, Copy)]
pub struct Renewal<'a> {
    /// The refresh token, or the access token where that renews itself.
    pub token: &'a Secret,
    /// The redirect URI of the flow that began the grant.
    pub redirect_uri: &'a str,
    /// The scopes granted.
    pub scopes: &'a [String],
}

/// Why no request can be made. It is the connector that must be mended, never the user's grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misconfigured(String);

impl Misconfigured {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    fn unsaid(name: &str) -> Self {
        Self(format!("the connector does not say `{name}`"))
    }
}

impl fmt::Display for Misconfigured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Misconfigured {}

#[cfg(test)]
mod tests;
