//! Grant types: how a request becomes a plan of what to issue (RFC 6749 §4, §6).
//!
//! A grant is a file like its neighbours plus one line in [`GRANTS`]; the metadata document and
//! registration checks follow from that list. `decide` never awaits and never acts.

mod authorization_code;
mod client_credentials;
mod refresh_token;
pub mod token_exchange;

use crate::authorization::Authorization;
use crate::client::Client;
use crate::credential;
use crate::dpop;
use crate::id::TokenId;
use crate::params::Params;
use crate::refusal::{Code, Refusal};
use crate::scope::Scopes;
use crate::secret::Digest;
use crate::time::{Seconds, Timestamp};

pub use refresh_token::{LINEAGE_RANDOM, Lineage};

/// Every grant type of the token endpoint.
pub static GRANTS: &[&dyn Grant] = &[
    &authorization_code::AuthorizationCode,
    &client_credentials::ClientCredentials,
    &refresh_token::RefreshToken,
    &token_exchange::TokenExchange,
];

/// One grant type.
pub trait Grant: Sync {
    /// The `grant_type` value.
    fn name(&self) -> &'static str;

    /// Which facts the decision wants, from the request alone.
    fn needs(&self, params: &Params) -> Result<Needs, Refusal>;

    /// What to do, or why not.
    fn decide(&self, params: &Params, facts: &Facts<'_>, now: Timestamp) -> Result<Plan, Refusal>;
}

/// Finds a grant type by name. Case matters; anything else is `unsupported_grant_type` (A41).
pub fn find(name: &str) -> Result<&'static dyn Grant, Refusal> {
    GRANTS.iter().find(|grant| grant.name() == name).copied().ok_or_else(|| {
        Refusal::new(Code::UnsupportedGrantType, "no such grant type")
            .on("grant_type")
            .with("grant_type", name)
    })
}

/// What a decision must know beyond the client.
#[derive(Debug)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// The authorization a code names.
    Code(credential::Presented),
    /// The refresh family a token names.
    Family(credential::Presented),
}

/// What is true when a grant is decided.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The authenticated client.
    pub client: &'a Client,
    /// What the door promises about refresh tokens.
    pub terms: Terms,
    /// The key that the request proved to hold (RFC 9449), as its thumbprint.
    pub jkt: Option<&'a str>,
    /// The authorization a code names, if known.
    pub code: Option<&'a Authorization>,
    /// The presented code or refresh token, if one was needed.
    pub presented: Option<&'a credential::Presented>,
    /// The family it names, if known.
    pub family: Option<&'a Family>,
}

/// What a family of clients is promised about refresh tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terms {
    /// RFC 6749: no refresh token for `client_credentials` (§4.4.3).
    Standard,
    /// Every answer carries one, kept under this rule.
    EveryAnswer(Rule),
}

/// How a refresh family behaves, fixed when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// The token stays; the client proves itself each time.
    Keep,
    /// Each use replaces the token; reuse ends the family (RFC 9700 §4.14).
    Rotate,
    /// As `Rotate`, and the token alone is enough: the family's contract sends no secret.
    RotateBearer,
}

impl Rule {
    /// The word in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Rotate => "rotate",
            Self::RotateBearer => "rotate-bearer",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Keep, Self::Rotate, Self::RotateBearer]
            .into_iter()
            .find(|rule| rule.as_str() == word)
    }
}

/// A refresh family as stored.
#[derive(Clone, Debug)]
pub struct Family {
    /// Its id, which is also its grant's.
    pub id: TokenId,
    /// Whose it is.
    pub client: crate::id::ClientId,
    /// What it may give.
    pub scopes: Scopes,
    /// For whom its access tokens are; empty means the issuer.
    pub audience: String,
    /// How it behaves.
    pub rule: Rule,
    /// Marks every secret the family ever had.
    pub lineage: Lineage,
    /// The digest of the token that works now.
    pub head: Digest,
    /// The digest of the token before it.
    pub previous: Option<Digest>,
    /// When `previous` was spent.
    pub rotated_at: Option<Timestamp>,
    /// The head sealed under a key only `previous` yields, while the grace window lasts.
    pub successor: Option<Vec<u8>>,
    /// The end if unused.
    pub idle_ends_at: Timestamp,
    /// The end in any case.
    pub ends_at: Timestamp,
    /// When it or an ancestor was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it began.
    pub issued_at: Timestamp,
    /// What a person agreed to, where it began with a code.
    pub authorization: Option<Box<Authorization>>,
}

/// What to issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The access token's scopes.
    pub scopes: Scopes,
    /// Its audience; empty means the issuer.
    pub audience: String,
    /// Its lifetime.
    pub ttl: Seconds,
    /// What becomes of refresh tokens.
    pub refresh: Refresh,
    /// The code to spend in the same commit; its id becomes that of the grant.
    pub code: Option<TokenId>,
    /// The key the access token is bound to.
    pub jkt: Option<String>,
}

/// What becomes of refresh tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// None is involved.
    None,
    /// A new family begins.
    Begin {
        /// Its behaviour.
        rule: Rule,
        /// Its end if unused.
        idle_ends_at: Timestamp,
        /// Its end in any case.
        ends_at: Timestamp,
    },
    /// The head is replaced; the write is guarded by `from`.
    Rotate {
        /// Which family.
        family: TokenId,
        /// The head that must still be the head.
        from: Digest,
        /// The new end if unused.
        idle_ends_at: Timestamp,
        /// Whether a successor is kept for the grace window.
        grace: Seconds,
        /// Marks the new secret.
        lineage: Lineage,
    },
    /// The grace window: the same successor again.
    Repeat {
        /// Which family.
        family: TokenId,
        /// To be opened with a key from the presented token.
        successor: Vec<u8>,
    },
    /// The token stays as it is.
    Keep {
        /// Which family.
        family: TokenId,
        /// The new idle end, when it moved enough to be written.
        idle_ends_at: Option<Timestamp>,
    },
}

/// Checks a requested scope against what may be given (RFC 6749 §3.3).
fn narrow(requested: Option<&str>, allowed: &Scopes) -> Result<Scopes, Refusal> {
    let Some(requested) = requested else { return Ok(allowed.default_grant()) };
    let scopes = Scopes::parse(requested)
        .map_err(|reason| Refusal::new(Code::InvalidScope, reason).on("scope"))?;
    if let Some(extra) = scopes.beyond(allowed) {
        return Err(Refusal::new(Code::InvalidScope, "scope is wider than allowed")
            .on("scope")
            .with("scope", extra)
            .with("allowed", allowed.as_str()));
    }
    Ok(scopes)
}

/// Checks `resource` (RFC 8707 §2): only the audience the client is registered for.
fn target(params: &Params, audience: &str) -> Result<(), Refusal> {
    match params.get("resource") {
        Some(resource) if resource != audience => {
            Err(Refusal::new(Code::InvalidTarget, "resource is not the client's audience")
                .on("resource")
                .with("resource", resource)
                .with("audience", audience))
        }
        _ => Ok(()),
    }
}

/// The key an access token will be bound to: whichever was proved, and none only where the client
/// may do without (RFC 9449 §5).
fn bind(facts: &Facts<'_>) -> Result<Option<String>, Refusal> {
    if facts.jkt.is_none() && facts.client.must_bind() {
        let reason = "DPoP proof is missing, and this client's tokens are bound to a key";
        return Err(Refusal::request(reason).on(dpop::HEADER));
    }
    Ok(facts.jkt.map(str::to_owned))
}

fn listed(client: &Client, grant: &dyn Grant) -> Result<(), Refusal> {
    if client.may_use(grant.name()) {
        return Ok(());
    }
    Err(Refusal::new(Code::UnauthorizedClient, "grant type is not registered for this client")
        .with("grant_type", grant.name())
        .with("registered", client.grant_types.join(" ")))
}

#[cfg(test)]
mod tests;
