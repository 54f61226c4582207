//! The public key of a passkey, in COSE form (RFC 9052 §7, RFC 9053), bound to one of three
//! algorithms: ES256, EdDSA on Ed25519, RS256. It is stored as the bytes the authenticator sent.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    VerificationAlgorithm,
};

use super::cbor::{self, Item};
use crate::jose::rsa_public_key;

/// The COSE algorithm numbers we accept, in the order we ask for them.
pub const ALGORITHMS: [i64; 3] = [-7, -8, -257];

const NOT_SOUND: &str = "passkey public key is not sound";

/// A passkey's public key, ready to verify.
#[derive(Debug)]
pub(super) struct CredentialKey {
    algorithm: i64,
    key: ParsedPublicKey,
}

impl CredentialKey {
    /// Reads a stored or presented COSE key that is all of `bytes`.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        Self::of_item(&cbor::parse(bytes)?)
    }

    pub(super) fn of_item(item: &Item<'_>) -> Result<Self, &'static str> {
        let number = |key| item.at(key).and_then(Item::int);
        let bytes = |key| item.at(key).and_then(Item::bytes).ok_or(NOT_SOUND);
        let algorithm = number(3).ok_or("passkey key has no alg")?;
        let (kty, crv) = (number(1), number(-1));
        let key = match algorithm {
            -7 if (kty, crv) == (Some(2), Some(1)) => {
                let (x, y) = (bytes(-2)?, bytes(-3)?);
                if x.len() != 32 || y.len() != 32 {
                    return Err(NOT_SOUND);
                }
                parsed(&ECDSA_P256_SHA256_ASN1, &[&[4], x, y].concat())
            }
            -8 if (kty, crv) == (Some(1), Some(6)) => parsed(&ED25519, bytes(-2)?),
            -257 if kty == Some(3) => rsa(bytes(-1)?, bytes(-2)?),
            -7 | -8 | -257 => Err("passkey key type does not fit its alg"),
            _ => Err("passkey alg is not one we asked for"),
        }?;
        Ok(Self { algorithm, key })
    }

    /// Its COSE algorithm number.
    #[must_use]
    pub(super) const fn algorithm(&self) -> i64 {
        self.algorithm
    }

    /// Whether `signature` is this key's over `message`.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), &'static str> {
        self.key.verify_sig(message, signature).map_err(|_| "passkey signature does not verify")
    }
}

fn rsa(n: &[u8], e: &[u8]) -> Result<ParsedPublicKey, &'static str> {
    let plain = |number: &[u8]| number.first().is_some_and(|byte| *byte != 0);
    let odd = e.last().is_some_and(|byte| byte & 1 == 1);
    if !plain(n) || !plain(e) || n.len() > 1_024 || e.len() > 4 || e == [1] || !odd {
        return Err(NOT_SOUND);
    }
    parsed(&RSA_PKCS1_2048_8192_SHA256, &rsa_public_key::encode(n, e))
}

fn parsed(
    algorithm: &'static dyn VerificationAlgorithm,
    bytes: &[u8],
) -> Result<ParsedPublicKey, &'static str> {
    ParsedPublicKey::new(algorithm, bytes).map_err(|_| NOT_SOUND)
}
