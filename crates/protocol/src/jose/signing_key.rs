//! Our private keys: made, sealed as PKCS#8 by whoever stores them, and signed with.
//!
//! The one exception to "no randomness in the rules" is here. The crypto library draws key material,
//! ECDSA nonces and PSS salts from its own generator and takes no caller's bytes; passing any in
//! would be a promise it ignores. Everything else in this crate is handed its random bytes.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use zeroize::Zeroizing;

use super::algorithm::Algorithm;
use super::jwk::{Jwk, PublicKey};
use super::rsa_public_key;

/// A private key that could not be made, read or used. Always our failure, never a caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyError(pub &'static str);

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for KeyError {}

/// A private key bound to one algorithm; its `kid` is the RFC 7638 thumbprint.
pub struct SigningKey {
    pair: Pair,
    jwk: Jwk,
    kid: String,
}

enum Pair {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Ps256(RsaKeyPair),
    Rs256(RsaKeyPair),
}

impl SigningKey {
    /// Makes a key for `algorithm`; RSA keys have 2048 bits. RSA takes up to a second.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let failed = |_| KeyError("key generation failed");
        Self::of(match algorithm {
            Algorithm::Es256 => Pair::Es256(
                EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?,
            ),
            Algorithm::EdDsa => Pair::EdDsa(Ed25519KeyPair::generate().map_err(failed)?),
            Algorithm::Ps256 => {
                Pair::Ps256(RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?)
            }
            Algorithm::Rs256 => {
                Pair::Rs256(RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?)
            }
        })
    }

    /// Reads what [`Self::to_pkcs8`] wrote.
    pub fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, KeyError> {
        let rejected = |_| KeyError("not a PKCS#8 private key of its algorithm");
        Self::of(match algorithm {
            Algorithm::Es256 => Pair::Es256(
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
                    .map_err(rejected)?,
            ),
            Algorithm::EdDsa => Pair::EdDsa(Ed25519KeyPair::from_pkcs8(pkcs8).map_err(rejected)?),
            Algorithm::Ps256 => Pair::Ps256(RsaKeyPair::from_pkcs8(pkcs8).map_err(rejected)?),
            Algorithm::Rs256 => Pair::Rs256(RsaKeyPair::from_pkcs8(pkcs8).map_err(rejected)?),
        })
    }

    /// The private key as PKCS#8, to be sealed at once; the copy is wiped when dropped.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let failed = |_| KeyError("key export failed");
        let bytes = match &self.pair {
            Pair::Es256(pair) => pair.to_pkcs8v1().map_err(failed)?.as_ref().to_vec(),
            Pair::EdDsa(pair) => pair.to_pkcs8().map_err(failed)?.as_ref().to_vec(),
            Pair::Ps256(pair) | Pair::Rs256(pair) => {
                AsDer::<Pkcs8V1Der<'_>>::as_der(pair).map_err(failed)?.as_ref().to_vec()
            }
        };
        Ok(Zeroizing::new(bytes))
    }

    /// The raw signature over `signing_input`: r‖s for ES256 (RFC 7518 §3.4).
    pub fn sign(&self, signing_input: &[u8]) -> Result<Vec<u8>, KeyError> {
        let failed = |_| KeyError("signing failed");
        match &self.pair {
            Pair::Es256(pair) => {
                let signature = pair.sign(&library_randomness(), signing_input).map_err(failed)?;
                Ok(signature.as_ref().to_vec())
            }
            Pair::EdDsa(pair) => {
                Ok(pair.try_sign(signing_input).map_err(failed)?.as_ref().to_vec())
            }
            Pair::Ps256(pair) => sign_rsa(pair, &RSA_PSS_SHA256, signing_input),
            Pair::Rs256(pair) => sign_rsa(pair, &RSA_PKCS1_SHA256, signing_input),
        }
    }

    /// What it signs with.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self.pair {
            Pair::Es256(_) => Algorithm::Es256,
            Pair::EdDsa(_) => Algorithm::EdDsa,
            Pair::Ps256(_) => Algorithm::Ps256,
            Pair::Rs256(_) => Algorithm::Rs256,
        }
    }

    /// How many bytes a signature takes.
    pub(crate) fn signature_len(&self) -> usize {
        match &self.pair {
            Pair::Es256(_) | Pair::EdDsa(_) => 64,
            Pair::Ps256(pair) | Pair::Rs256(pair) => pair.public_modulus_len(),
        }
    }

    /// The public half, as published.
    #[must_use]
    pub const fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    /// The thumbprint by which headers name it.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    fn of(pair: Pair) -> Result<Self, KeyError> {
        let (algorithm, public) = match &pair {
            Pair::Es256(pair) => (Algorithm::Es256, p256(pair.public_key().as_ref())),
            Pair::EdDsa(pair) => (Algorithm::EdDsa, ed25519(pair.public_key().as_ref())),
            Pair::Ps256(pair) => (Algorithm::Ps256, rsa(pair.public_key().as_ref())),
            Pair::Rs256(pair) => (Algorithm::Rs256, rsa(pair.public_key().as_ref())),
        };
        let public = public.ok_or(KeyError("public key of unknown form"))?;
        let kid = public.thumbprint();
        let jwk = Jwk::named_by_thumbprint(public, algorithm);
        Ok(Self { pair, jwk, kid })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {})", self.algorithm(), self.kid)
    }
}

fn sign_rsa(
    pair: &RsaKeyPair,
    padding: &'static dyn RsaEncoding,
    signing_input: &[u8],
) -> Result<Vec<u8>, KeyError> {
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(padding, &library_randomness(), signing_input, &mut signature)
        .map_err(|_| KeyError("signing failed"))?;
    Ok(signature)
}

#[expect(
    clippy::disallowed_methods,
    reason = "an argument the library ignores: it always uses its own generator"
)]
fn library_randomness() -> SystemRandom {
    SystemRandom::new()
}

/// An uncompressed point: 4, x, y (SEC 1 §2.3.3).
fn p256(point: &[u8]) -> Option<PublicKey> {
    let (x, y) = point.strip_prefix(&[4])?.split_at_checked(32)?;
    Some(PublicKey::P256 { x: x.try_into().ok()?, y: y.try_into().ok()? })
}

fn ed25519(point: &[u8]) -> Option<PublicKey> {
    Some(PublicKey::Ed25519 { x: point.try_into().ok()? })
}

fn rsa(der: &[u8]) -> Option<PublicKey> {
    rsa_public_key::decode(der).map(|(n, e)| PublicKey::Rsa { n, e })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::base64url;
    use crate::jose::forge;
    use crate::jose::verifying_key::VerifyingKey;

    fn verify(key: &SigningKey, input: &[u8], signature: &[u8]) -> Result<(), &'static str> {
        VerifyingKey::new(key.jwk().key(), key.algorithm(), None)?.verify(input, signature)
    }

    #[test]
    fn every_algorithm_signs_what_its_public_key_verifies() {
        for algorithm in Algorithm::ALL {
            let key = forge::key(algorithm);
            let signature = key.sign(b"input").unwrap();
            assert_eq!(signature.len(), key.signature_len(), "{algorithm}");
            assert_eq!(verify(key, b"input", &signature), Ok(()), "{algorithm}");
            let refused = Err("signature does not verify");
            assert_eq!(verify(key, b"inpux", &signature), refused, "{algorithm}");
            assert_eq!(verify(key, b"input", &signature[1..]), refused, "{algorithm}");
            assert_eq!(verify(key, b"input", &[]), refused, "{algorithm}");
        }
    }

    #[test]
    fn a_stored_key_comes_back_as_itself() {
        for algorithm in Algorithm::ALL {
            let key = forge::key(algorithm);
            let stored = key.to_pkcs8().unwrap();
            let back = SigningKey::from_pkcs8(algorithm, &stored).unwrap();
            assert_eq!((back.kid(), back.jwk()), (key.kid(), key.jwk()));
            assert_eq!(verify(key, b"input", &back.sign(b"input").unwrap()), Ok(()));
        }
    }

    #[test]
    fn a_key_of_another_type_or_damaged_is_refused() {
        let rejected = Some(KeyError("not a PKCS#8 private key of its algorithm"));
        let stored = forge::key(Algorithm::Es256).to_pkcs8().unwrap();
        for algorithm in [Algorithm::EdDsa, Algorithm::Ps256, Algorithm::Rs256] {
            assert_eq!(SigningKey::from_pkcs8(algorithm, &stored).err(), rejected);
        }
        assert_eq!(SigningKey::from_pkcs8(Algorithm::Es256, &stored[1..]).err(), rejected);
        assert_eq!(SigningKey::from_pkcs8(Algorithm::Es256, b"").err(), rejected);
    }

    #[test]
    fn the_two_rsa_paddings_do_not_verify_each_other() {
        let key = forge::key(Algorithm::Ps256);
        let signature = key.sign(b"input").unwrap();
        let other = VerifyingKey::new(key.jwk().key(), Algorithm::Rs256, None).unwrap();
        assert_eq!(other.verify(b"input", &signature), Err("signature does not verify"));
    }

    #[test]
    fn a_key_does_not_print_its_private_half() {
        let key = forge::key(Algorithm::EdDsa);
        assert_eq!(format!("{key:?}"), format!("SigningKey(EdDSA {})", key.kid()));
    }

    #[test]
    fn the_key_of_rfc_8037_signs_its_published_example() {
        let seed = base64url::decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        // PKCS#8 version 1 of an Ed25519 seed (RFC 8410 §7).
        let prefix = [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];
        let pkcs8 = [&prefix[..], &seed].concat();
        let key = SigningKey::from_pkcs8(Algorithm::EdDsa, &pkcs8).unwrap();
        assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let input = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        assert_eq!(
            base64url::encode(&key.sign(input).unwrap()),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
    }
}
