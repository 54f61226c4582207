//! Access tokens as JWT (RFC 9068): signing ours and verifying what claims to be ours.
//!
//! Everything is fixed here: `typ` is `at+jwt`, one audience, the claims below and their types.
//! Whether the grant behind a sound token still lives is the revocation graph's matter, not ours.

use std::borrow::Cow;
use std::io::Write as _;
use std::sync::Arc;

use crate::id::{GrantId, OrganizationId, TokenId};
use crate::jose::SKEW;
use crate::jose::claims::ClaimSet;
use crate::jose::compact::{self, parse_compact};
use crate::jose::signing_key::{KeyError, SigningKey};
use crate::jose::verifying_key::KeySet;
use crate::json::push_string;
use crate::secret::Secret;
use crate::time::Timestamp;

const TYP: &str = "at+jwt";

/// The claims of an access token, by their names on the wire (RFC 9068 §2.2). Borrowed while
/// signing, owned when verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims<'a> {
    /// Who issued it: us.
    pub iss: Cow<'a, str>,
    /// Whom it speaks for: a user, or the client itself.
    pub sub: Cow<'a, str>,
    /// The one resource server it is for.
    pub aud: Cow<'a, str>,
    /// From when on it is dead.
    pub exp: Timestamp,
    /// When it was made.
    pub iat: Timestamp,
    /// Its own id.
    pub jti: TokenId,
    /// The client it was issued to.
    pub client_id: Cow<'a, str>,
    /// What it permits, space-separated; empty means no `scope` claim.
    pub scope: Cow<'a, str>,
    /// The organization it acts in (our own claim).
    pub org: Option<OrganizationId>,
    /// The grant it hangs on in the revocation graph (our own claim).
    pub gid: Option<GrantId>,
    /// The key it is bound to, by thumbprint: `cnf` with `jkt` (RFC 9449 §6.1).
    pub jkt: Option<Cow<'a, str>>,
}

/// Signs tokens with one key, the headers of those that are issued most encoded once.
#[derive(Clone, Debug)]
pub struct Signer {
    key: Arc<SigningKey>,
    header_segment: String,
    id_token_header: String,
}

impl Signer {
    /// Prepares `key`.
    #[must_use]
    pub fn new(key: Arc<SigningKey>) -> Self {
        let header_segment = compact::header_segment(TYP, &key);
        let id_token_header = compact::header_segment("JWT", &key);
        Self { key, header_segment, id_token_header }
    }

    /// The token that carries `claims`.
    pub fn sign(&self, claims: &Claims<'_>) -> Result<Secret, KeyError> {
        compact::sign(&self.header_segment, &claims.to_json(), &self.key)
    }

    /// The ID token with this payload (OpenID Connect Core §2).
    pub(crate) fn sign_id_token(&self, payload: &[u8]) -> Result<Secret, KeyError> {
        compact::sign(&self.id_token_header, payload, &self.key)
    }

    /// The key it signs with, for other kinds of token.
    #[must_use]
    pub const fn shared_key(&self) -> &Arc<SigningKey> {
        &self.key
    }

    /// The key it signs with.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }
}

/// What a token must say to be accepted.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Our issuer URL, exactly.
    pub issuer: &'a str,
    /// The resource server that asks; `None` where any audience may be asked about, such as
    /// introspection by the issuer itself.
    pub audience: Option<&'a str>,
}

/// The claims of `token` if it is an access token of ours that holds now, or the rule it broke.
pub fn verify(
    token: &str,
    keys: &KeySet,
    expected: Expected<'_>,
    now: Timestamp,
) -> Result<Claims<'static>, &'static str> {
    let jws = parse_compact(token)?;
    if !jws.header.typ_is(TYP) {
        // An ID token has typ JWT or none (OpenID Connect Core §2).
        return Err(match &jws.header.typ {
            None => "token has no typ, so it is not an access token",
            Some(_) if jws.header.typ_is("JWT") => "an ID token is not an access token",
            Some(_) => "typ is not at+jwt",
        });
    }
    let kid = jws.header.kid.as_deref().ok_or("kid is missing")?;
    keys.find(kid, jws.header.algorithm)?.verify(jws.signing_input, &jws.signature)?;
    let claims = Claims::parse(&jws.payload)?;
    if claims.iss != expected.issuer {
        return Err("iss is not this issuer");
    }
    if expected.audience.is_some_and(|audience| claims.aud != audience) {
        return Err("aud is another resource");
    }
    if claims.exp <= now {
        return Err("token expired");
    }
    if claims.iat > now.plus(SKEW) {
        return Err("token was issued in the future");
    }
    Ok(claims)
}

impl Claims<'_> {
    /// Written by hand: this runs for every token issued, and the order never changes.
    fn to_json(&self) -> Vec<u8> {
        let texts = [&self.iss, &self.sub, &self.aud, &self.client_id, &self.scope];
        let room = 256 + texts.iter().map(|text| text.len()).sum::<usize>();
        let mut out = Vec::with_capacity(room);
        out.extend_from_slice(b"{\"iss\":");
        push_string(&mut out, &self.iss);
        out.extend_from_slice(b",\"sub\":");
        push_string(&mut out, &self.sub);
        out.extend_from_slice(b",\"aud\":");
        push_string(&mut out, &self.aud);
        out.extend_from_slice(b",\"exp\":");
        push_seconds(&mut out, self.exp);
        out.extend_from_slice(b",\"iat\":");
        push_seconds(&mut out, self.iat);
        out.extend_from_slice(b",\"jti\":\"");
        out.extend_from_slice(&self.jti.0.hyphenated());
        out.extend_from_slice(b"\",\"client_id\":");
        push_string(&mut out, &self.client_id);
        if !self.scope.is_empty() {
            out.extend_from_slice(b",\"scope\":");
            push_string(&mut out, &self.scope);
        }
        if let Some(organization) = self.org {
            out.extend_from_slice(b",\"org\":\"");
            out.extend_from_slice(&organization.0.hyphenated());
            out.push(b'"');
        }
        if let Some(grant) = self.gid {
            out.extend_from_slice(b",\"gid\":\"");
            out.extend_from_slice(&grant.0.hyphenated());
            out.push(b'"');
        }
        if let Some(jkt) = &self.jkt {
            out.extend_from_slice(b",\"cnf\":{\"jkt\":");
            push_string(&mut out, jkt);
            out.push(b'}');
        }
        out.push(b'}');
        out
    }

    fn parse(payload: &[u8]) -> Result<Claims<'static>, &'static str> {
        let claims = ClaimSet::parse(payload)?;
        let owned = |text: &str| Cow::Owned(text.to_owned());
        let org = claims.optional_text("org", "org is not an id")?;
        let gid = claims.optional_text("gid", "gid is not an id")?;
        let scope = claims.optional_text("scope", "scope is not a string")?;
        Ok(Claims {
            iss: owned(claims.text("iss", "iss is missing or not a string")?),
            sub: owned(claims.text("sub", "sub is missing or not a string")?),
            aud: owned(claims.text("aud", "aud is missing or not a single string")?),
            exp: claims.time("exp", "exp is missing or not whole seconds")?,
            iat: claims.time("iat", "iat is missing or not whole seconds")?,
            jti: claims
                .text("jti", "jti is missing or not an id")
                .and_then(|jti| TokenId::parse(jti).ok_or("jti is missing or not an id"))?,
            client_id: owned(claims.text("client_id", "client_id is missing or not a string")?),
            scope: owned(scope.unwrap_or_default()),
            org: org.map(|id| OrganizationId::parse(id).ok_or("org is not an id")).transpose()?,
            gid: gid.map(|id| GrantId::parse(id).ok_or("gid is not an id")).transpose()?,
            jkt: parse_jkt(&claims)?,
        })
    }
}

/// The one confirmation we know. Another one binds the token in a way that nobody here can check, so
/// it must not pass for a bearer token (RFC 7800 §3.1).
fn parse_jkt(claims: &ClaimSet) -> Result<Option<Cow<'static, str>>, &'static str> {
    let Some(cnf) = claims.value("cnf") else { return Ok(None) };
    let members = cnf.as_object().ok_or("cnf is not an object")?;
    match (members.len(), members.get("jkt").and_then(serde_json::Value::as_str)) {
        (1, Some(jkt)) => Ok(Some(Cow::Owned(jkt.to_owned()))),
        _ => Err("token is bound to a key in a way that is not known"),
    }
}

fn push_seconds(out: &mut Vec<u8>, time: Timestamp) {
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{}", time.0);
}

#[cfg(test)]
mod tests;
