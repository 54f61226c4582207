//! The published keys of RFC 7515, 7638 and 8037, and every way to describe a key wrongly.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::jose::forge;

fn ec() -> Value {
    // RFC 7515 §A.3.1.
    json!({
        "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    })
}

fn okp() -> Value {
    // RFC 8037 §A.2.
    json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
}

fn rsa() -> Value {
    // RFC 7638 §3.1.
    json!({"kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29", "n": forge::RFC_7638_N})
}

fn check(mut key: Value, edit: impl FnOnce(&mut Value), expected: &str) {
    edit(&mut key);
    assert_eq!(Jwk::parse(&key), Err(expected), "{key}");
}

fn read(key: &Value) -> Jwk {
    Jwk::parse(key).expect("was refused").expect("was passed over")
}

#[test]
fn published_thumbprints_are_met() {
    let thumbprint = |key: &Value| read(key).key().thumbprint();
    assert_eq!(thumbprint(&rsa()), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    assert_eq!(thumbprint(&okp()), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn a_published_key_reads_back_as_it_was() {
    for mut key in [ec(), okp(), rsa()] {
        key["use"] = "sig".into();
        assert_eq!(read(&key).to_value(), key);
    }
}

#[test]
fn a_key_without_alg_may_do_all_its_type_can() {
    let mut key = rsa();
    assert_eq!(read(&key).algorithms().collect::<Vec<_>>(), [Algorithm::Rs256]);
    key.as_object_mut().unwrap().remove("alg");
    let both = [Algorithm::Ps256, Algorithm::Rs256];
    assert_eq!(read(&key).algorithms().collect::<Vec<_>>(), both);
}

#[test]
fn private_and_symmetric_keys_are_refused() {
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        check(rsa(), |key| key[name] = "AQAB".into(), "JWK holds a private or symmetric member");
    }
    check(okp(), |key| key["d"] = Value::Null, "JWK holds a private or symmetric member");
    check(okp(), |key| key["kty"] = "oct".into(), "JWK is symmetric");
}

#[test]
fn wrong_members_are_refused() {
    check(json!([]), |_| (), "JWK is not an object");
    check(json!({}), |_| (), "JWK kty is missing or not a string");
    check(ec(), |key| key["kty"] = 1.into(), "JWK kty is missing or not a string");
    check(ec(), |key| key["crv"] = Value::Null, "JWK crv is missing or not a string");
    check(ec(), |key| key["use"] = "tls".into(), "JWK use is neither sig nor enc");
    check(ec(), |key| key["use"] = 1.into(), "JWK use is not a string");
    check(ec(), |key| key["key_ops"] = "verify".into(), "JWK key_ops is not an array");
    check(ec(), |key| key["alg"] = 1.into(), "JWK alg is not a string");
    check(ec(), |key| key["alg"] = "RS256".into(), "JWK alg does not fit its kty");
    check(ec(), |key| key["alg"] = "EdDSA".into(), "JWK alg does not fit its kty");
    check(rsa(), |key| key["alg"] = "ES256".into(), "JWK alg does not fit its kty");
    check(ec(), |key| key["kid"] = 1.into(), "JWK kid is not a string");
    check(ec(), |key| key["kid"] = "".into(), "JWK kid is empty or longer than 256 bytes");
    let long = "k".repeat(257);
    check(ec(), |key| key["kid"] = long.into(), "JWK kid is empty or longer than 256 bytes");
}

#[test]
fn wrong_coordinates_are_refused() {
    let reason = "JWK coordinate is not 32 bytes of base64url";
    check(ec(), |key| key["x"] = "AQAB".into(), reason);
    check(ec(), |key| key["y"] = 1.into(), reason);
    check(okp(), |key| key["x"] = Value::Null, reason);
    check(okp(), |key| key["x"] = forge::RFC_7638_N.into(), reason);
    let padded = format!("{}=", okp()["x"].as_str().unwrap());
    check(okp(), |key| key["x"] = padded.into(), reason);
    let swapped = ec()["x"].clone();
    check(ec(), |key| key["y"] = swapped, "public key is not sound");
}

#[test]
fn rsa_sizes_are_bounded() {
    let n = |bits: usize| {
        let mut bytes = vec![0xff; bits.div_ceil(8)];
        bytes[0] >>= bytes.len() * 8 - bits;
        Value::String(base64url::encode(&bytes))
    };
    check(rsa(), |key| key["n"] = n(1024), "RSA key shorter than 2048 bits");
    check(rsa(), |key| key["n"] = n(2047), "RSA key shorter than 2048 bits");
    check(rsa(), |key| key["n"] = n(8193), "RSA key longer than 8192 bits");
    check(rsa(), |key| key["n"] = n(16384), "RSA key longer than 8192 bits");
    assert!(Jwk::parse(&json!({"kty": "RSA", "n": n(8192), "e": "AQAB"})).is_ok());
    let zeros = "RSA n is not a base64url number without leading zeros";
    check(rsa(), |key| key["n"] = "AAEAAQ".into(), zeros);
    check(rsa(), |key| key["n"] = "".into(), zeros);
    let exponent = "RSA exponent is even, 1 or longer than 32 bits";
    for e in ["AQ", "Ag", "AQAA", "AQAAAAE"] {
        check(rsa(), |key| key["e"] = e.into(), exponent);
    }
}

#[test]
fn keys_of_no_use_are_passed_over() {
    let passed_over = |mut key: Value, name: &str, value: Value| {
        key[name] = value;
        assert_eq!(Jwk::parse(&key), Ok(None), "{key}");
    };
    passed_over(rsa(), "use", "enc".into());
    passed_over(rsa(), "alg", "RSA-OAEP".into());
    passed_over(rsa(), "alg", "HS256".into());
    passed_over(ec(), "crv", "P-384".into());
    passed_over(okp(), "crv", "X25519".into());
    passed_over(ec(), "kty", "AKP".into());
    passed_over(ec(), "key_ops", json!(["encrypt"]));
}

proptest! {
    #[test]
    fn any_members_are_read_without_panic(
        kty in "EC|OKP|RSA|oct",
        crv in "P-256|Ed25519",
        numbers in prop::array::uniform4("[A-Za-z0-9_-]{0,8}|[A-Za-z0-9_-]{43}|[A-Za-z0-9_-]{342}"),
    ) {
        let [x, y, n, e] = numbers;
        let _ = Jwk::parse(&json!({"kty": kty, "crv": crv, "x": x, "y": y, "n": n, "e": e}));
    }
}
