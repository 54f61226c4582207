//! Client authentication by a signed assertion, `private_key_jwt` (RFC 7523 §3, OpenID Connect Core
//! §9, with the tightening of draft-ietf-oauth-rfc7523bis: one audience, the issuer).
//!
//! In two steps, because the assertion itself names the client whose keys must verify it. Spending
//! the `jti` is the store's part: until that has happened, a verified assertion may be a replay.

use crate::jose::SKEW;
use crate::jose::algorithm::Algorithm;
use crate::jose::claims::ClaimSet;
use crate::jose::compact::{Header, parse_compact};
use crate::jose::verifying_key::KeySet;
use crate::time::{Seconds, Timestamp};

/// The longest life of an assertion, which is also how long its `jti` must be remembered.
const MAX_LIFETIME: Seconds = Seconds(300);
/// The width of the column that remembers it.
const MAX_JTI: usize = 255;

/// An assertion taken apart, not yet believed.
#[derive(Clone, Debug)]
pub struct Assertion {
    header: Header,
    signing_input: Vec<u8>,
    signature: Vec<u8>,
    claims: ClaimSet,
    subject: String,
}

/// A verified assertion: authentic, and in time. The client is authenticated once `jti` is spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Spend it once per client.
    pub jti: String,
    /// Until when a replay would be accepted, so until when `jti` must stay spent.
    pub expires_at: Timestamp,
}

/// Takes the `client_assertion` parameter apart.
pub fn parse(jwt: &str) -> Result<Assertion, &'static str> {
    let jws = parse_compact(jwt)?;
    let header = jws.header;
    let is_client_assertion =
        header.typ.is_none() || header.typ_is("JWT") || header.typ_is("client-authentication+jwt");
    if !is_client_assertion {
        return Err("assertion typ is another kind of token");
    }
    let claims = ClaimSet::parse(&jws.payload)?;
    let subject = claims.text("sub", "assertion sub is missing or not a string")?.to_owned();
    Ok(Assertion {
        header,
        signing_input: jws.signing_input.to_vec(),
        signature: jws.signature,
        claims,
        subject,
    })
}

impl Assertion {
    /// Who it claims to be: good for finding the client's registration, and for nothing else.
    #[must_use]
    pub fn claimed_client_id(&self) -> &str {
        &self.subject
    }

    /// The key it says it was signed with.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// Whether `client_id` made this for us, now. `keys` are the client's own; `registered` is the
    /// `token_endpoint_auth_signing_alg` of its registration. The cheap rules come before the
    /// signature, so that a flood of bad assertions stays cheap.
    pub fn verify(
        &self,
        keys: &KeySet,
        registered: Option<Algorithm>,
        client_id: &str,
        audiences: &[&str],
        now: Timestamp,
    ) -> Result<Verified, &'static str> {
        let iss = self.claims.text("iss", "assertion iss is missing or not a string")?;
        if iss != client_id || self.subject != client_id {
            return Err("assertion iss and sub are not the client");
        }
        let aud = self.claims.text("aud", "assertion aud is missing or not a single string")?;
        if !audiences.contains(&aud) {
            return Err("assertion aud is another server");
        }
        let expires_at = self.expires_at(now)?;
        let jti = self.claims.text("jti", "assertion jti is missing or not a string")?;
        if jti.is_empty() || jti.len() > MAX_JTI {
            return Err("assertion jti is empty or longer than 255 bytes");
        }
        self.verify_signature(keys, registered)?;
        Ok(Verified { jti: jti.to_owned(), expires_at })
    }

    /// Clocks may differ by [`SKEW`] where the client's may run ahead. An `exp` that has passed here
    /// gets no leeway: `jti` is forgotten then.
    fn expires_at(&self, now: Timestamp) -> Result<Timestamp, &'static str> {
        let exp = self.claims.time("exp", "assertion exp is missing or not whole seconds")?;
        let nbf = self.claims.optional_time("nbf", "assertion nbf is not whole seconds")?;
        let iat = self.claims.optional_time("iat", "assertion iat is not whole seconds")?;
        if exp <= now {
            return Err("assertion expired");
        }
        if exp > now.plus(MAX_LIFETIME).plus(SKEW) {
            return Err("assertion lives longer than 5 minutes");
        }
        if nbf.is_some_and(|nbf| nbf > now.plus(SKEW)) {
            return Err("assertion is not valid yet");
        }
        if iat.is_some_and(|iat| iat > now.plus(SKEW)) {
            return Err("assertion was issued in the future");
        }
        Ok(exp)
    }

    fn verify_signature(
        &self,
        keys: &KeySet,
        registered: Option<Algorithm>,
    ) -> Result<(), &'static str> {
        let algorithm = self.header.algorithm;
        if registered.is_some_and(|registered| registered != algorithm) {
            return Err("assertion alg is not the registered one");
        }
        let key = match &self.header.kid {
            Some(kid) => keys.find(kid, algorithm),
            None => keys.find_only(algorithm),
        }?;
        key.verify(&self.signing_input, &self.signature)
    }
}

#[cfg(test)]
mod tests;
