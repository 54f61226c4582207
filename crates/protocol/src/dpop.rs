//! DPoP (RFC 9449): a proof that whoever sends a request holds a key. The proof's own header brings
//! the key, the one place where a header may: nothing is believed of it but that it signed.
//!
//! Spending the `jti` is the store's part; until then a verified proof may be a replay (A43).

use aws_lc_rs::{digest, hmac};
use serde_json::Value;
use subtle::ConstantTimeEq;

use crate::jose::algorithm::Algorithm;
use crate::jose::base64url;
use crate::jose::claims::ClaimSet;
use crate::jose::compact::parse_compact;
use crate::jose::jwk::Jwk;
use crate::jose::verifying_key::VerifyingKey;
use crate::json;
use crate::refusal::{Code, Refusal};
use crate::secret::Digest;
use crate::time::{Seconds, Timestamp};

/// The header that carries a proof; refusals that are about the proof name it.
pub const HEADER: &str = "DPoP";
/// How far `iat` may be from now, both ways (security bar §2).
const WINDOW: Seconds = Seconds(60);
/// The longest proof; keys are small, and verification should stay cheap (A45).
const MAX_PROOF: usize = 4096;
const MAX_JTI: usize = 255;
/// RSA verification gets dear with size.
const MAX_RSA_BYTES: usize = 512;

/// What a proof must be about.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The method of the request.
    pub method: &'a str,
    /// Its URL, without query and fragment, as published.
    pub url: &'a str,
    /// The access token it goes with, at a resource (§4.3 rule 11).
    pub access_token: Option<&'a str>,
}

/// A verified proof. It counts once `spend` is spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The thumbprint of the key (RFC 7638).
    pub jkt: String,
    /// What makes it single-use: key and `jti`.
    pub once: Digest,
    /// Until when a replay would be accepted.
    pub until: Timestamp,
    /// The nonce it carries; still to be judged.
    pub nonce: Option<String>,
}

/// Reads and verifies a proof.
pub fn verify(proof: &str, expected: Expected<'_>, now: Timestamp) -> Result<Proof, Refusal> {
    verify_rules(proof, expected, now)
        .map_err(|reason| Refusal::new(Code::InvalidDpopProof, reason).on(HEADER))
}

fn verify_rules(
    proof: &str,
    expected: Expected<'_>,
    now: Timestamp,
) -> Result<Proof, &'static str> {
    if proof.len() > MAX_PROOF {
        return Err("DPoP proof longer than 4096 bytes");
    }
    let jws = parse_compact(proof)?;
    if !jws.header.typ_is("dpop+jwt") {
        return Err("DPoP proof typ is not dpop+jwt");
    }
    let jwk = parse_key(proof, jws.header.algorithm)?;
    let claims = ClaimSet::parse(&jws.payload)?;
    if claims.text("htm", "DPoP htm is missing or not a string")? != expected.method {
        return Err("DPoP htm is another method");
    }
    let htu = claims.text("htu", "DPoP htu is missing or not a string")?;
    if !is_same_address(htu, expected.url) {
        return Err("DPoP htu is another URL");
    }
    let iat = claims.time("iat", "DPoP iat is missing or not whole seconds")?;
    if iat > now.plus(WINDOW) || iat < now.minus(WINDOW) {
        return Err("DPoP proof is not from this minute");
    }
    let jti = claims.text("jti", "DPoP jti is missing or not a string")?;
    if jti.is_empty() || jti.len() > MAX_JTI {
        return Err("DPoP jti is empty or longer than 255 bytes");
    }
    let ath = claims.optional_text("ath", "DPoP ath is not a string")?;
    if let Some(token) = expected.access_token {
        let ath = ath.ok_or("DPoP ath is missing")?;
        let hash = digest::digest(&digest::SHA256, token.as_bytes());
        if !bool::from(ath.as_bytes().ct_eq(base64url::encode(hash.as_ref()).as_bytes())) {
            return Err("DPoP ath is of another token");
        }
    }
    let nonce = claims.optional_text("nonce", "DPoP nonce is not a string")?.map(str::to_owned);
    let key = VerifyingKey::new(jwk.key(), jws.header.algorithm, None)?;
    key.verify(jws.signing_input, &jws.signature)?;
    let jkt = jwk.key().thumbprint();
    let once = Digest::of(format!("dpop\n{jkt}\n{jti}").as_bytes());
    Ok(Proof { jkt, once, until: iat.plus(WINDOW).plus(WINDOW), nonce })
}

/// The public key in the header. The rest of the header was judged by the compact parser.
fn parse_key(proof: &str, algorithm: Algorithm) -> Result<Jwk, &'static str> {
    let header = proof.split('.').next().unwrap_or_default();
    let header = base64url::decode(header).ok_or("JWS header is not canonical base64url")?;
    let header = json::parse_within(MAX_PROOF, &header)?;
    let jwk = header.get("jwk").ok_or("DPoP proof has no jwk")?;
    if jwk.get("n").and_then(Value::as_str).is_some_and(|n| n.len() > MAX_RSA_BYTES * 4 / 3 + 2) {
        return Err("DPoP key longer than 4096 bits");
    }
    let jwk = Jwk::parse(jwk)?.ok_or("DPoP jwk is no key for signatures")?;
    if !jwk.algorithms().any(|fits| fits == algorithm) {
        return Err("alg does not fit the key");
    }
    Ok(jwk)
}

/// Whether `htu` is `url` but for its query and fragment, and for the spellings that mean the same
/// (RFC 9449 §4.3, RFC 3986 §6.2.2.1 and §6.2.3): case in scheme and host, the scheme's own port.
fn is_same_address(htu: &str, url: &str) -> bool {
    let htu = &htu[..htu.find(['?', '#']).unwrap_or(htu.len())];
    htu == url || parts(htu).is_some_and(|htu| parts(url) == Some(htu))
}

/// Scheme and authority in their plainest spelling, and the path as it is.
fn parts(url: &str) -> Option<(String, String, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (scheme, authority) = (scheme.to_ascii_lowercase(), authority.to_ascii_lowercase());
    let own_port = if scheme == "https" { ":443" } else { ":80" };
    let host = authority.strip_suffix(own_port).unwrap_or(&authority).to_owned();
    Some((scheme, host, path))
}

/// Server nonces (RFC 9449 §8): nothing is stored, for a nonce is its own date under our key, good
/// on every node.
#[derive(Clone)]
pub struct NonceKey(hmac::Key);

impl std::fmt::Debug for NonceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NonceKey(•••)")
    }
}

/// A nonce is good for this long, and a fresh one comes with every answer.
const NONCE_LIFE: Seconds = Seconds(300);
/// Nonces change at this pace.
const NONCE_STEP: i64 = 60;

impl NonceKey {
    /// Takes 32 random bytes.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The nonce of this minute.
    #[must_use]
    pub fn nonce(&self, now: Timestamp) -> String {
        self.of_step(now.0.div_euclid(NONCE_STEP))
    }

    /// Whether a proof carries one of the last minutes.
    pub fn judge(&self, proof: &Proof, now: Timestamp) -> Result<(), Refusal> {
        let Some(nonce) = &proof.nonce else {
            return Err(Refusal::new(Code::UseDpopNonce, "DPoP proof has no nonce"));
        };
        let step = now.0.div_euclid(NONCE_STEP);
        let steps = NONCE_LIFE.0 / NONCE_STEP;
        // One ahead: the node that gave it may have a faster clock.
        let fits = (-1..=steps)
            .any(|age| self.of_step(step - age).as_bytes().ct_eq(nonce.as_bytes()).into());
        if fits {
            Ok(())
        } else {
            Err(Refusal::new(Code::UseDpopNonce, "DPoP nonce is not of ours"))
        }
    }

    fn of_step(&self, step: i64) -> String {
        let tag = hmac::sign(&self.0, &step.to_be_bytes());
        base64url::encode(&tag.as_ref()[..16])
    }
}

#[cfg(test)]
mod tests;
