//! Signing in the compact form of a JWS (RFC 7515).

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PSS_SHA256,
    RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::error::{Error, Kind};

/// A private key. Its algorithm follows from it: P-256 is ES256, Ed25519 EdDSA, RSA PS256.
pub struct SigningKey(Pair);

enum Pair {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Ps256(Box<RsaKeyPair>),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("SigningKey").field(&self.algorithm()).finish()
    }
}

impl SigningKey {
    /// A key in PKCS #8 (DER).
    ///
    /// # Errors
    ///
    /// When it is none of P-256, Ed25519 or RSA.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # use keyhaven_sdk::SigningKey;
    /// # fn example() -> Result<(), Error> {
    /// let key = SigningKey::from_pkcs8(&std::fs::read("key.der").map_err(Error::client)?)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, Error> {
        if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der) {
            return Ok(Self(Pair::Es256(pair)));
        }
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8(der) {
            return Ok(Self(Pair::EdDsa(pair)));
        }
        let pair = RsaKeyPair::from_pkcs8(der).map_err(Error::invalid)?;
        Ok(Self(Pair::Ps256(Box::new(pair))))
    }

    /// A new key of P-256.
    ///
    /// # Errors
    ///
    /// When the system has no randomness.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # use keyhaven_sdk::SigningKey;
    /// # fn example() -> Result<(), Error> {
    /// let key = SigningKey::generate()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn generate() -> Result<Self, Error> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        Ok(Self(Pair::Es256(pair.map_err(Error::client)?)))
    }

    fn algorithm(&self) -> &'static str {
        match self.0 {
            Pair::Es256(_) => "ES256",
            Pair::EdDsa(_) => "EdDSA",
            Pair::Ps256(_) => "PS256",
        }
    }

    /// The public half (RFC 7517), for the key set that a client registers.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # use keyhaven_sdk::SigningKey;
    /// # fn example() -> Result<(), Error> {
    /// println!("{}", SigningKey::generate()?.jwk());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn jwk(&self) -> Value {
        match &self.0 {
            Pair::Es256(pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = point.get(1..).unwrap_or_default().split_at(32);
                json!({"kty": "EC", "crv": "P-256", "x": text(x), "y": text(y)})
            }
            Pair::EdDsa(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref())})
            }
            Pair::Ps256(pair) => {
                let (n, e) = integers(pair.public_key().as_ref()).unwrap_or_default();
                json!({"kty": "RSA", "n": text(n), "e": text(e)})
            }
        }
    }

    /// A signed token.
    pub(crate) fn sign(&self, mut header: Value, claims: &Value) -> Result<String, Error> {
        header["alg"] = json!(self.algorithm());
        let input = format!("{}.{}", text(header.to_string()), text(claims.to_string()));
        let message = input.as_bytes();
        let rng = SystemRandom::new();
        let failed = |_| Error::local(Kind::Client, "the key does not sign");
        let signature = match &self.0 {
            Pair::Es256(pair) => pair.sign(&rng, message).map_err(failed)?.as_ref().to_vec(),
            Pair::EdDsa(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Ps256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PSS_SHA256, &rng, message, &mut signature).map_err(failed)?;
                signature
            }
        };
        Ok(format!("{input}.{}", text(signature)))
    }
}

/// The two numbers of an RSA public key in DER (RFC 8017 §A.1.1), without leading zeros.
fn integers(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (inside, _) = element(der, 0x30)?;
    let (n, rest) = element(inside, 0x02)?;
    let (e, _) = element(rest, 0x02)?;
    Some((without_zeros(n), without_zeros(e)))
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// The content of one element of DER, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let rest = der.strip_prefix(&[tag])?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match *length {
        short @ 0..=0x7f => (usize::from(short), rest),
        long => {
            let (digits, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            (digits.iter().fold(0_usize, |sum, digit| sum << 8 | usize::from(*digit)), rest)
        }
    };
    rest.split_at_checked(length)
}

pub(crate) fn text(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A name that nothing else has.
pub(crate) fn new_id() -> Result<String, Error> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(Error::client)?;
    Ok(text(bytes))
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED, ED25519, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents,
        UnparsedPublicKey,
    };

    use super::*;

    fn opened(token: &str) -> (Value, String, Vec<u8>) {
        let parts: Vec<&str> = token.split('.').collect();
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
        let header = serde_json::from_slice(&decode(parts[0])).unwrap();
        (header, format!("{}.{}", parts[0], parts[1]), decode(parts[2]))
    }

    fn member(jwk: &Value, name: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap()
    }

    #[test]
    fn each_kind_of_key_signs_by_its_algorithm_and_its_jwk_verifies() {
        let p256 = SigningKey::generate().unwrap();
        let (header, input, signature) = opened(&p256.sign(json!({}), &json!({"a": 1})).unwrap());
        let jwk = p256.jwk();
        let point = [vec![4], member(&jwk, "x"), member(&jwk, "y")].concat();
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        assert_eq!(header["alg"], "ES256");
        assert!(key.verify(input.as_bytes(), &signature).is_ok());

        let rng = SystemRandom::new();
        let edwards = Ed25519KeyPair::generate_pkcs8(&rng).unwrap();
        let edwards = SigningKey::from_pkcs8(edwards.as_ref()).unwrap();
        let (header, input, signature) = opened(&edwards.sign(json!({}), &json!({})).unwrap());
        let key = UnparsedPublicKey::new(&ED25519, member(&edwards.jwk(), "x"));
        assert_eq!(header["alg"], "EdDSA");
        assert!(key.verify(input.as_bytes(), &signature).is_ok());

        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = rsa.as_der().unwrap();
        let rsa = SigningKey::from_pkcs8(der.as_ref()).unwrap();
        let (header, input, signature) = opened(&rsa.sign(json!({}), &json!({})).unwrap());
        let jwk = rsa.jwk();
        let key = RsaPublicKeyComponents { n: member(&jwk, "n"), e: member(&jwk, "e") };
        assert_eq!(header["alg"], "PS256");
        let verified = key.verify(&RSA_PSS_2048_8192_SHA256, input.as_bytes(), &signature);
        assert!(verified.is_ok());
        assert!(SigningKey::from_pkcs8(b"nothing").is_err());
    }
}
