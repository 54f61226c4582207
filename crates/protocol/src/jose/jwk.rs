//! Public keys as JSON (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2) and their thumbprint (RFC 7638).
//! Private and symmetric keys are never read or written here.

use aws_lc_rs::digest;
use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::base64url;
use super::verifying_key::VerifyingKey;

const MIN_RSA_BITS: usize = 2048;
/// Beyond this a verification costs milliseconds, which strangers would make us spend.
const MAX_RSA_BITS: usize = 8192;
const MAX_KID: usize = 256;

/// The members that only private or symmetric keys have (RFC 7518 §6.2.2, §6.3.2, §6.4).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The numbers of a public key. A value made by [`Jwk::parse`] is a sound key: on its curve, within
/// the sizes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// A point on P-256.
    P256 {
        /// The x coordinate, big-endian.
        x: [u8; 32],
        /// The y coordinate, big-endian.
        y: [u8; 32],
    },
    /// An Ed25519 public key.
    Ed25519 {
        /// The encoded point.
        x: [u8; 32],
    },
    /// An RSA public key; both numbers big-endian without leading zeros.
    Rsa {
        /// The modulus.
        n: Vec<u8>,
        /// The exponent.
        e: Vec<u8>,
    },
}

/// A public key, how it is called and what it may verify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwk {
    key: PublicKey,
    algorithm: Option<Algorithm>,
    kid: Option<String>,
}

impl Jwk {
    /// The public key of a signing key: bound to one algorithm, named by its thumbprint.
    #[must_use]
    pub fn named_by_thumbprint(key: PublicKey, algorithm: Algorithm) -> Self {
        let kid = Some(key.thumbprint());
        Self { key, algorithm: Some(algorithm), kid }
    }

    /// Reads one key. `None` for a sound description of a key that cannot verify for us, such as an
    /// encryption key or another curve, which RFC 7517 §5 says to pass over.
    pub fn parse(value: &Value) -> Result<Option<Self>, &'static str> {
        let members = value.as_object().ok_or("JWK is not an object")?;
        if PRIVATE.iter().any(|name| members.contains_key(*name)) {
            return Err("JWK holds a private or symmetric member");
        }
        let kty = required(members, "kty", "JWK kty is missing or not a string")?;
        if kty == "oct" {
            return Err("JWK is symmetric");
        }
        let kid = parse_kid(members)?;
        if !is_for_signatures(members)? {
            return Ok(None);
        }
        let Some(key) = PublicKey::parse(kty, members)? else { return Ok(None) };
        let algorithm = match optional(members, "alg", "JWK alg is not a string")? {
            None => None,
            Some(name) => match Algorithm::parse(name) {
                None => return Ok(None),
                Some(algorithm) if key.algorithms().contains(&algorithm) => Some(algorithm),
                Some(_) => return Err("JWK alg does not fit its kty"),
            },
        };
        // The library checks what numbers alone cannot show: that the point is on the curve.
        VerifyingKey::new(&key, key.algorithms()[0], None)?;
        Ok(Some(Self { key, algorithm, kid: kid.map(str::to_owned) }))
    }

    /// The key as it is published, `use` always `sig`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut members = self.key.members();
        members.insert("use".into(), "sig".into());
        if let Some(algorithm) = self.algorithm {
            members.insert("alg".into(), algorithm.name().into());
        }
        if let Some(kid) = &self.kid {
            members.insert("kid".into(), kid.as_str().into());
        }
        Value::Object(members)
    }

    /// The numbers.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The name by which a header refers to it.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// What it may verify: its `alg`, or everything its type can do when it names none.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        let only = self.algorithm;
        let fits = move |algorithm: &Algorithm| only.is_none_or(|only| only == *algorithm);
        self.key.algorithms().iter().copied().filter(fits)
    }
}

impl PublicKey {
    /// The algorithms a key of this type can verify.
    #[must_use]
    pub const fn algorithms(&self) -> &'static [Algorithm] {
        match self {
            Self::P256 { .. } => &[Algorithm::Es256],
            Self::Ed25519 { .. } => &[Algorithm::EdDsa],
            Self::Rsa { .. } => &[Algorithm::Ps256, Algorithm::Rs256],
        }
    }

    /// The base64url SHA-256 thumbprint (RFC 7638 §3): the same for every spelling of the key.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        // serde_json may keep insertion order; RFC 7638 §3.3 wants the names in lexical order.
        let members = self.members();
        let mut names: Vec<&String> = members.keys().collect();
        names.sort();
        let pairs: Vec<String> =
            names.into_iter().map(|name| format!("\"{name}\":{}", members[name])).collect();
        let text = format!("{{{}}}", pairs.join(","));
        base64url::encode(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
    }

    fn parse(kty: &str, members: &Map<String, Value>) -> Result<Option<Self>, &'static str> {
        let curve = || required(members, "crv", "JWK crv is missing or not a string");
        Ok(match kty {
            "EC" if curve()? == "P-256" => {
                Some(Self::P256 { x: coordinate(members, "x")?, y: coordinate(members, "y")? })
            }
            "OKP" if curve()? == "Ed25519" => Some(Self::Ed25519 { x: coordinate(members, "x")? }),
            "RSA" => Some(parse_rsa(members)?),
            _ => None,
        })
    }

    /// The members that RFC 7638 §3.2 counts, with `kty`.
    fn members(&self) -> Map<String, Value> {
        let (kty, numbers): (&str, Vec<(&str, Value)>) = match self {
            Self::P256 { x, y } => {
                ("EC", vec![("crv", "P-256".into()), ("x", text(x)), ("y", text(y))])
            }
            Self::Ed25519 { x } => ("OKP", vec![("crv", "Ed25519".into()), ("x", text(x))]),
            Self::Rsa { n, e } => ("RSA", vec![("n", text(n)), ("e", text(e))]),
        };
        let mut members: Map<String, Value> =
            numbers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        members.insert("kty".into(), kty.into());
        members
    }
}

fn parse_rsa(members: &Map<String, Value>) -> Result<PublicKey, &'static str> {
    let n = number(members, "n", "RSA n is not a base64url number without leading zeros")?;
    let e = number(members, "e", "RSA e is not a base64url number without leading zeros")?;
    let bits = n.len() * 8 - n[0].leading_zeros() as usize;
    if bits < MIN_RSA_BITS {
        return Err("RSA key shorter than 2048 bits");
    }
    if bits > MAX_RSA_BITS {
        return Err("RSA key longer than 8192 bits");
    }
    // A long exponent makes verification as dear as signing; 1 and even ones make no RSA key.
    let odd = e.last().is_some_and(|byte| byte & 1 == 1);
    if e.len() > 4 || e == [1] || !odd {
        return Err("RSA exponent is even, 1 or longer than 32 bits");
    }
    Ok(PublicKey::Rsa { n, e })
}

fn coordinate(members: &Map<String, Value>, name: &str) -> Result<[u8; 32], &'static str> {
    let reason = "JWK coordinate is not 32 bytes of base64url";
    let bytes = base64url::decode(required(members, name, reason)?).ok_or(reason)?;
    bytes.try_into().map_err(|_| reason)
}

fn number(
    members: &Map<String, Value>,
    name: &str,
    reason: &'static str,
) -> Result<Vec<u8>, &'static str> {
    let bytes = base64url::decode(required(members, name, reason)?).ok_or(reason)?;
    if bytes.first().is_none_or(|&byte| byte == 0) { Err(reason) } else { Ok(bytes) }
}

fn is_for_signatures(members: &Map<String, Value>) -> Result<bool, &'static str> {
    let for_signatures = match optional(members, "use", "JWK use is not a string")? {
        None | Some("sig") => true,
        Some("enc") => false,
        Some(_) => return Err("JWK use is neither sig nor enc"),
    };
    let may_verify = match members.get("key_ops") {
        None => true,
        Some(Value::Array(operations)) => operations.iter().any(|operation| operation == "verify"),
        Some(_) => return Err("JWK key_ops is not an array"),
    };
    Ok(for_signatures && may_verify)
}

/// The `kid` of a key that may be of no use otherwise.
pub(super) fn parse_kid(members: &Map<String, Value>) -> Result<Option<&str>, &'static str> {
    match optional(members, "kid", "JWK kid is not a string")? {
        Some(kid) if kid.is_empty() || kid.len() > MAX_KID => {
            Err("JWK kid is empty or longer than 256 bytes")
        }
        kid => Ok(kid),
    }
}

fn required<'a>(
    members: &'a Map<String, Value>,
    name: &str,
    reason: &'static str,
) -> Result<&'a str, &'static str> {
    optional(members, name, reason)?.ok_or(reason)
}

fn optional<'a>(
    members: &'a Map<String, Value>,
    name: &str,
    reason: &'static str,
) -> Result<Option<&'a str>, &'static str> {
    members.get(name).map(|value| value.as_str().ok_or(reason)).transpose()
}

fn text(bytes: &[u8]) -> Value {
    Value::String(base64url::encode(bytes))
}

#[cfg(test)]
mod tests;
