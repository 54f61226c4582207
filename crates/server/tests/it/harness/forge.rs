//! Tokens with any header over any payload, so that the attacks can be written down.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyhaven_protocol::jose::signing_key::SigningKey;
use serde_json::{Value, json};

use super::{AClient, ISSUER, Server};

/// A token with this header and payload and whatever `sign` makes of the signing input.
pub(crate) fn forged(
    header: &Value,
    payload: &Value,
    sign: impl FnOnce(&[u8]) -> Vec<u8>,
) -> String {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let mut token = encode(header.to_string().as_bytes());
    token.push('.');
    token.push_str(&encode(payload.to_string().as_bytes()));
    let signature = sign(token.as_bytes());
    token.push('.');
    token.push_str(&encode(&signature));
    token
}

/// A token honestly signed by `key`.
pub(crate) fn signed(header: &Value, payload: &Value, key: &SigningKey) -> String {
    forged(header, payload, |input| key.sign(input).expect("the key signs"))
}

/// A token authenticated with `secret` as HS256 does.
pub(crate) fn with_mac(header: &Value, payload: &Value, secret: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    forged(header, payload, |input| hmac::sign(&key, input).as_ref().to_vec())
}

/// The claims of a JWT, without looking at its signature.
pub(crate) fn claims_of(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a JWT has three parts");
    let payload = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    serde_json::from_slice(&payload).expect("JSON")
}

/// The JWK Set that publishes `key` alone.
pub(crate) fn key_set(key: &SigningKey) -> String {
    json!({ "keys": [key.jwk().to_value()] }).to_string()
}

/// The claims of a sound assertion of `client`, altered by the members of `edit`; `null` removes.
pub(crate) fn assertion_claims(server: &Server, client: &AClient, edit: Value) -> Value {
    let now = server.present.now();
    let mut claims = json!({
        "iss": client.id, "sub": client.id, "aud": ISSUER,
        "exp": now + 60, "iat": now, "jti": server.app().id().to_string(),
    });
    let Value::Object(edit) = edit else { panic!("an edit is an object") };
    for (name, value) in edit {
        if value.is_null() {
            claims.as_object_mut().expect("an object").remove(&name);
        } else {
            claims[name] = value;
        }
    }
    claims
}

/// A client assertion signed by `key`.
pub(crate) fn assertion(
    server: &Server,
    client: &AClient,
    key: &SigningKey,
    edit: Value,
) -> String {
    let header = json!({ "alg": key.algorithm().name(), "kid": key.kid(), "typ": "JWT" });
    signed(&header, &assertion_claims(server, client, edit), key)
}
