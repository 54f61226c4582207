//! Client authentication at our own endpoints (RFC 6749 §2.3, RFC 7523 §2.2).
//!
//! Exactly one method per request, and for form requests exactly the registered one. Anything
//! malformed is a failure, never "a public client". Adding a method is a file and a line here.

mod private_key_jwt;
mod public;
mod secret;

use crate::basic::BasicPair;
use crate::client::{Client, Standing};
use crate::id::ClientId;
use crate::params::Params;
use crate::refusal::Refusal;
use crate::secret::{Digest, Secret};
use crate::time::Timestamp;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What a request offers as proof, taken apart but not yet believed.
#[derive(Debug)]
pub enum Presented {
    /// HTTP Basic.
    Basic(ClientId, Secret),
    /// `client_id` and `client_secret` in the body.
    Post(ClientId, Secret),
    /// `client_assertion`.
    Assertion(ClientId, Box<crate::client_assertion::Assertion>),
    /// `client_id` alone.
    Public(ClientId),
}

/// Whose manners a request follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manners {
    /// Form bodies: RFC 6749, the registered method and no other.
    Standard,
    /// JSON families whose contract carries a secret in Basic, in the body, or the same in both.
    Json,
}

/// What a successful authentication still asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// The assertion id that must be spent in the same commit, or before the answer.
    pub spend: Option<Spend>,
}

/// A thing that may be used once, until the instant when it would be refused anyway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spend {
    /// Digest of client and assertion id.
    pub digest: Digest,
    /// When it may be forgotten.
    pub until: Timestamp,
}

impl Presented {
    /// The client it claims to come from.
    #[must_use]
    pub const fn client_id(&self) -> ClientId {
        match self {
            Self::Basic(id, _) | Self::Post(id, _) | Self::Assertion(id, _) | Self::Public(id) => {
                *id
            }
        }
    }

    /// The key of the client's that is needed to judge it: `Some(None)` for one without a name, `None`
    /// when no key is.
    #[must_use]
    pub fn signed_by(&self) -> Option<Option<&str>> {
        match self {
            Self::Assertion(_, assertion) => Some(assertion.kid()),
            _ => None,
        }
    }

    /// Collects the proof of a request from its `Authorization: Basic` pair, if any, and its body.
    pub fn gather(
        basic: Option<BasicPair>,
        params: &Params,
        manners: Manners,
    ) -> Result<Self, Refusal> {
        let body_id = params.get("client_id");
        let body_secret = params.get("client_secret");
        if let Some(jwt) = params.get("client_assertion") {
            return Self::gather_assertion(basic.as_ref(), jwt, params);
        }
        if params.get("client_assertion_type").is_some() {
            return Err(Refusal::missing("client_assertion"));
        }
        let Some(basic) = basic else {
            let id = body_id
                .ok_or_else(|| Refusal::client("no client authentication in the request"))?;
            let id = parse_id(id)?;
            return Ok(body_secret.map_or(Self::Public(id), |secret| Self::Post(id, secret.into())));
        };
        let agree = body_secret.is_none_or(|secret| secret == basic.client_secret.reveal());
        if body_secret.is_some() && (manners == Manners::Standard || !agree) {
            return Err(Refusal::request("two client credentials in one request"));
        }
        if body_id.is_some_and(|id| id != basic.client_id) {
            return Err(Refusal::request("client_id differs from the Basic user name"));
        }
        Ok(Self::Basic(parse_id(&basic.client_id)?, basic.client_secret))
    }

    fn gather_assertion(
        basic: Option<&BasicPair>,
        jwt: &str,
        params: &Params,
    ) -> Result<Self, Refusal> {
        if basic.is_some() || params.get("client_secret").is_some() {
            return Err(Refusal::request("two client credentials in one request"));
        }
        if params.get("client_assertion_type") != Some(ASSERTION_TYPE) {
            return Err(Refusal::request("client_assertion_type is not jwt-bearer")
                .on("client_assertion_type"));
        }
        let assertion = crate::client_assertion::parse(jwt).map_err(Refusal::client)?;
        let id = parse_id(assertion.claimed_client_id())?;
        if params.get("client_id").is_some_and(|given| given != assertion.claimed_client_id()) {
            return Err(Refusal::client("client_id differs from the assertion's subject"));
        }
        Ok(Self::Assertion(id, Box::new(assertion)))
    }

    /// Judges the proof against what is known of the client. `audiences` are the values an
    /// assertion may name. The standing of the client is judged last, so a stranger learns nothing.
    pub fn authenticate(
        &self,
        client: Option<&Client>,
        manners: Manners,
        audiences: &[&str],
        now: Timestamp,
    ) -> Result<Proof, Refusal> {
        let Some(client) = client else {
            return Err(
                Refusal::client("unknown client").with("client_id", self.client_id().to_string())
            );
        };
        let proof = match self {
            Self::Basic(_, given) => secret::judge(client, secret::Way::Basic, given, manners, now),
            Self::Post(_, given) => secret::judge(client, secret::Way::Post, given, manners, now),
            Self::Assertion(_, assertion) => {
                private_key_jwt::judge(client, assertion, audiences, now)
            }
            Self::Public(_) => public::judge(client),
        }
        .map_err(|refusal| refusal.with("client_id", client.public_id.clone()))?;
        match client.standing {
            Standing::Active => Ok(proof),
            Standing::Disabled => Err(Refusal::client("client is disabled")),
            Standing::OrganizationDisabled => {
                Err(Refusal::client("the client's organization is disabled"))
            }
        }
    }
}

fn parse_id(text: &str) -> Result<ClientId, Refusal> {
    ClientId::parse_public(text).ok_or_else(|| Refusal::client("client_id is not one of ours"))
}

#[cfg(test)]
pub(crate) mod tests;
