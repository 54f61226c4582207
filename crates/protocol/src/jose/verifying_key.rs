//! Public keys parsed once and kept ready (aws-lc's `ParsedPublicKey`), each bound to one algorithm:
//! the header of a token never chooses how a key is used (RFC 8725 §3.1).

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, VerificationAlgorithm,
};

use super::algorithm::Algorithm;
use super::jwk::PublicKey;
use super::jwk_set::JwkSet;
use super::rsa_public_key;

/// A public key ready to verify with one algorithm.
#[derive(Clone, Debug)]
pub struct VerifyingKey {
    algorithm: Algorithm,
    kid: Option<String>,
    key: ParsedPublicKey,
}

impl VerifyingKey {
    /// Prepares `key` for `algorithm`, which must be one its type can do.
    pub fn new(
        key: &PublicKey,
        algorithm: Algorithm,
        kid: Option<&str>,
    ) -> Result<Self, &'static str> {
        let key = match (key, algorithm) {
            (PublicKey::P256 { x, y }, Algorithm::Es256) => {
                parsed(&ECDSA_P256_SHA256_FIXED, &[&[4], &x[..], &y[..]].concat())
            }
            (PublicKey::Ed25519 { x }, Algorithm::EdDsa) => parsed(&ED25519, x),
            (PublicKey::Rsa { n, e }, Algorithm::Ps256) => {
                parsed(&RSA_PSS_2048_8192_SHA256, &rsa_public_key::encode(n, e))
            }
            (PublicKey::Rsa { n, e }, Algorithm::Rs256) => {
                parsed(&RSA_PKCS1_2048_8192_SHA256, &rsa_public_key::encode(n, e))
            }
            _ => Err("alg does not fit the key"),
        }?;
        Ok(Self { algorithm, kid: kid.map(str::to_owned), key })
    }

    /// The one algorithm it verifies.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether `signature` is this key's over `signing_input`.
    pub fn verify(&self, signing_input: &[u8], signature: &[u8]) -> Result<(), &'static str> {
        self.key.verify_sig(signing_input, signature).map_err(|_| "signature does not verify")
    }
}

fn parsed(
    algorithm: &'static dyn VerificationAlgorithm,
    bytes: &[u8],
) -> Result<ParsedPublicKey, &'static str> {
    ParsedPublicKey::new(algorithm, bytes).map_err(|_| "public key is not sound")
}

/// The keys of one issuer or client: the only ones its tokens may be verified with.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<VerifyingKey>,
}

impl KeySet {
    /// Prepares every key of `set` for everything it may verify.
    pub fn prepare(set: &JwkSet) -> Result<Self, &'static str> {
        let mut keys = Vec::with_capacity(set.keys().len());
        for jwk in set.keys() {
            for algorithm in jwk.algorithms() {
                keys.push(VerifyingKey::new(jwk.key(), algorithm, jwk.kid())?);
            }
        }
        Ok(Self { keys })
    }

    /// Whether any key is called `kid`.
    #[must_use]
    pub fn has(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid.as_deref() == Some(kid))
    }

    /// The key called `kid`, if it verifies `algorithm`.
    pub fn find(&self, kid: &str, algorithm: Algorithm) -> Result<&VerifyingKey, &'static str> {
        let mut named = self.keys.iter().filter(|key| key.kid.as_deref() == Some(kid)).peekable();
        if named.peek().is_none() {
            return Err("kid names no known key");
        }
        named.find(|key| key.algorithm == algorithm).ok_or("alg does not fit the key")
    }

    /// The key for a header without `kid`: only when a single one fits, so that nobody's signature
    /// is tried against key after key.
    pub fn find_only(&self, algorithm: Algorithm) -> Result<&VerifyingKey, &'static str> {
        let mut fitting = self.keys.iter().filter(|key| key.algorithm == algorithm);
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key),
            (None, _) => Err("no known key fits alg"),
            (Some(_), Some(_)) => Err("kid is missing and several keys fit"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::forge;

    fn set(algorithms: &[Algorithm]) -> KeySet {
        let keys = algorithms.iter().map(|algorithm| forge::key(*algorithm).jwk().clone());
        KeySet::prepare(&JwkSet::new(keys.collect())).unwrap()
    }

    #[test]
    fn a_key_is_used_with_its_own_algorithm_only() {
        for algorithm in Algorithm::ALL {
            let key = forge::key(algorithm).jwk();
            let keys = set(&[algorithm]);
            for other in Algorithm::ALL {
                let found = keys.find(key.kid().unwrap(), other).map(VerifyingKey::algorithm);
                let expected =
                    if other == algorithm { Ok(other) } else { Err("alg does not fit the key") };
                assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn an_unknown_kid_finds_nothing() {
        let found = set(&Algorithm::ALL).find("x", Algorithm::Es256).map(VerifyingKey::algorithm);
        assert_eq!(found, Err("kid names no known key"));
    }

    #[test]
    fn without_kid_a_single_fitting_key_is_found() {
        let found = |set: &KeySet| set.find_only(Algorithm::Es256).map(VerifyingKey::algorithm);
        assert_eq!(found(&set(&Algorithm::ALL)), Ok(Algorithm::Es256));
        assert_eq!(found(&set(&[Algorithm::EdDsa])), Err("no known key fits alg"));
        let mut twice = set(&[Algorithm::Es256]);
        twice.keys.push(twice.keys[0].clone());
        assert_eq!(found(&twice), Err("kid is missing and several keys fit"));
    }

    #[test]
    fn a_key_of_another_type_is_not_prepared() {
        let key = forge::key(Algorithm::EdDsa).jwk().key();
        let prepared = VerifyingKey::new(key, Algorithm::Es256, None);
        assert_eq!(prepared.map(|key| key.algorithm()), Err("alg does not fit the key"));
    }
}
