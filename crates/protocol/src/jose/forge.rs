//! Tests only: one key per algorithm, and tokens with any header over any payload, so that the
//! attacks can be written down. Not compiled into the library.

use std::sync::LazyLock;

use super::algorithm::Algorithm;
use super::base64url;
use super::signing_key::SigningKey;

/// The modulus of the key in RFC 7638 §3.1.
pub(crate) const RFC_7638_N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

static KEYS: LazyLock<[SigningKey; 4]> = LazyLock::new(|| {
    Algorithm::ALL.map(|algorithm| match SigningKey::generate(algorithm) {
        Ok(key) => key,
        Err(error) => panic!("{algorithm}: {error}"),
    })
});

/// The test key of `algorithm`. Made once: RSA keys take long, and no test changes a key.
pub(crate) fn key(algorithm: Algorithm) -> &'static SigningKey {
    &KEYS[Algorithm::ALL.iter().position(|other| *other == algorithm).unwrap_or(0)]
}

/// A token with this header and payload, honestly signed by `key`.
pub(crate) fn signed(header: &str, payload: &str, key: &SigningKey) -> String {
    with_signature(header, payload, |input| key.sign(input).unwrap_or_default())
}

/// A token with this header and payload and whatever `sign` makes of the signing input.
pub(crate) fn with_signature(
    header: &str,
    payload: &str,
    sign: impl FnOnce(&[u8]) -> Vec<u8>,
) -> String {
    let mut token = base64url::encode(header.as_bytes());
    token.push('.');
    base64url::push(&mut token, payload.as_bytes());
    let signature = sign(token.as_bytes());
    token.push('.');
    base64url::push(&mut token, &signature);
    token
}
