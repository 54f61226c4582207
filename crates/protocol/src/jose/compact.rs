//! The compact serialisation of a JWS (RFC 7515 §3.1, §5), taken apart strictly and put together.
//!
//! Taking apart believes nothing: the caller still verifies. `jku`, `x5u`, `x5c` and `jwk` are not
//! even read, so no header brings its own key (RFC 8725 §3.10). Extensions that must be understood
//! are refused, since we understand none.

use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::base64url;
use super::signing_key::{KeyError, SigningKey};
use crate::json;
use crate::secret::Secret;

/// The longest token looked at, checked before anything is decoded.
pub const MAX_TOKEN: usize = 16 * 1024;
const MAX_KID: usize = 256;

/// A JWS taken apart, not yet verified.
#[derive(Clone, Debug)]
pub struct Compact<'a> {
    /// What the header says, as far as it may say anything.
    pub header: Header,
    /// The bytes the signature covers.
    pub signing_input: &'a [u8],
    /// The decoded payload.
    pub payload: Vec<u8>,
    /// The decoded signature.
    pub signature: Vec<u8>,
}

/// The header members that matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// `alg`; the caller compares it with the key's.
    pub algorithm: Algorithm,
    /// `typ`, as sent.
    pub typ: Option<String>,
    /// `kid`, which only looks up a known set.
    pub kid: Option<String>,
}

impl Header {
    /// Whether `typ` is the media type `application/<name>`, in its short or long form, in any case
    /// (RFC 7515 §4.1.9).
    #[must_use]
    pub fn typ_is(&self, name: &str) -> bool {
        let Some(typ) = &self.typ else { return false };
        let long = "application/";
        typ.eq_ignore_ascii_case(name)
            || (typ.len() == long.len() + name.len()
                && typ.is_ascii()
                && typ[..long.len()].eq_ignore_ascii_case(long)
                && typ[long.len()..].eq_ignore_ascii_case(name))
    }
}

/// Takes a token apart, or names the rule it broke.
pub fn parse_compact(token: &str) -> Result<Compact<'_>, &'static str> {
    if token.len() > MAX_TOKEN {
        return Err("JWS longer than 16 KiB");
    }
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err("JWS does not have three parts");
    };
    if header.is_empty() || payload.is_empty() || signature.is_empty() {
        return Err("JWS has an empty part");
    }
    let signing_input = &token.as_bytes()[..header.len() + 1 + payload.len()];
    let header = base64url::decode(header).ok_or("JWS header is not canonical base64url")?;
    Ok(Compact {
        header: parse_header(&header)?,
        signing_input,
        payload: base64url::decode(payload).ok_or("JWS payload is not canonical base64url")?,
        signature: base64url::decode(signature)
            .ok_or("JWS signature is not canonical base64url")?,
    })
}

fn parse_header(bytes: &[u8]) -> Result<Header, &'static str> {
    let value = json::parse_within(MAX_TOKEN, bytes)?;
    let members = value.as_object().ok_or("JWS header is not an object")?;
    if members.contains_key("crit") {
        return Err("JWS header has an unknown crit extension");
    }
    if members.get("b64").is_some_and(|b64| *b64 != true) {
        return Err("JWS payload is not base64url (b64)");
    }
    let alg = text(members, "alg", "JWS alg is not a string")?.ok_or("JWS alg is missing")?;
    let kid = text(members, "kid", "JWS kid is not a string")?;
    if kid.is_some_and(|kid| kid.len() > MAX_KID) {
        return Err("JWS kid longer than 256 bytes");
    }
    Ok(Header {
        algorithm: Algorithm::parse(alg).ok_or("JWS alg is not allowed")?,
        typ: text(members, "typ", "JWS typ is not a string")?.map(str::to_owned),
        kid: kid.map(str::to_owned),
    })
}

fn text<'a>(
    members: &'a Map<String, Value>,
    name: &str,
    reason: &'static str,
) -> Result<Option<&'a str>, &'static str> {
    members.get(name).map(|value| value.as_str().ok_or(reason)).transpose()
}

/// The first segment of every token that `key` signs as `typ`, encoded once.
pub(crate) fn header_segment(typ: &str, key: &SigningKey) -> String {
    let mut header = b"{\"typ\":".to_vec();
    json::push_string(&mut header, typ);
    header.extend_from_slice(b",\"alg\":");
    json::push_string(&mut header, key.algorithm().name());
    header.extend_from_slice(b",\"kid\":");
    json::push_string(&mut header, key.kid());
    header.push(b'}');
    base64url::encode(&header)
}

/// Signs `payload` under a prepared header, in one buffer.
pub(crate) fn sign(
    header_segment: &str,
    payload: &[u8],
    key: &SigningKey,
) -> Result<Secret, KeyError> {
    let parts = [payload.len(), key.signature_len()].map(base64url::encoded_len);
    let mut token = String::with_capacity(header_segment.len() + parts[0] + parts[1] + 2);
    token.push_str(header_segment);
    token.push('.');
    base64url::push(&mut token, payload);
    let signature = key.sign(token.as_bytes())?;
    token.push('.');
    base64url::push(&mut token, &signature);
    Ok(Secret::new(token))
}

#[cfg(test)]
mod tests;
