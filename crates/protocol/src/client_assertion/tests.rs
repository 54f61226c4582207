//! What makes a client assertion: each case changes one thing about a good one and names the rule.

use aws_lc_rs::hmac;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::jose::forge;
use crate::jose::jwk_set::JwkSet;

const NOW: Timestamp = Timestamp(1_800_000_000);
const CLIENT: &str = "kh_client_a";
const ISSUER: &str = "https://auth.test";
const GOOD: Algorithm = Algorithm::EdDsa;

fn keys(algorithms: &[Algorithm]) -> KeySet {
    let keys = algorithms.iter().map(|algorithm| forge::key(*algorithm).jwk().clone());
    KeySet::prepare(&JwkSet::new(keys.collect())).unwrap()
}

fn header(algorithm: Algorithm) -> Value {
    json!({"alg": algorithm.name(), "kid": forge::key(algorithm).kid()})
}

fn claims() -> Value {
    json!({
        "iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "jti": "once",
        "iat": NOW.0, "nbf": NOW.0, "exp": NOW.0 + 300,
    })
}

fn signed(header: &Value, claims: &Value) -> String {
    forge::signed(&header.to_string(), &claims.to_string(), forge::key(GOOD))
}

fn judge(jwt: &str, now: Timestamp) -> Result<Verified, &'static str> {
    parse(jwt)?.verify(&keys(&Algorithm::ALL), Some(GOOD), CLIENT, &[ISSUER], now)
}

fn check(edit: impl FnOnce(&mut Map<String, Value>), now: Timestamp, expected: &str) {
    let mut claims = claims();
    edit(claims.as_object_mut().unwrap());
    assert_eq!(judge(&signed(&header(GOOD), &claims), now), Err(expected), "{claims}");
}

fn check_header(edit: impl FnOnce(&mut Value), expected: &str) {
    let mut header = header(GOOD);
    edit(&mut header);
    assert_eq!(judge(&signed(&header, &claims()), NOW), Err(expected), "{header}");
}

#[test]
fn a_good_assertion_of_every_algorithm_verifies() {
    let expected = Verified { jti: "once".into(), expires_at: Timestamp(NOW.0 + 300) };
    for algorithm in Algorithm::ALL {
        let header = header(algorithm).to_string();
        let jwt = forge::signed(&header, &claims().to_string(), forge::key(algorithm));
        let assertion = parse(&jwt).unwrap();
        assert_eq!(assertion.claimed_client_id(), CLIENT);
        for registered in [Some(algorithm), None] {
            let keys = keys(&Algorithm::ALL);
            let verified = assertion.verify(&keys, registered, CLIENT, &[ISSUER], NOW);
            assert_eq!(verified, Ok(expected.clone()), "{algorithm}");
        }
    }
}

#[test]
fn any_accepted_audience_will_do_and_no_other() {
    let jwt = signed(&header(GOOD), &claims());
    let verify = |audiences: &[&str]| {
        let keys = keys(&[GOOD]);
        parse(&jwt)?.verify(&keys, None, CLIENT, audiences, NOW).map(|_| ())
    };
    assert_eq!(verify(&["https://auth.test/oauth2/token", ISSUER]), Ok(()));
    assert_eq!(verify(&["https://auth.test/oauth2/token"]), Err("assertion aud is another server"));
    assert_eq!(verify(&[]), Err("assertion aud is another server"));
}

#[test]
fn the_typ_may_be_absent_jwt_or_its_own() {
    for typ in ["JWT", "jwt", "client-authentication+jwt", "application/client-authentication+jwt"]
    {
        let mut header = header(GOOD);
        header["typ"] = typ.into();
        assert!(judge(&signed(&header, &claims()), NOW).is_ok(), "{typ}");
    }
    for typ in ["at+jwt", "dpop+jwt", "logout+jwt", ""] {
        check_header(|header| header["typ"] = typ.into(), "assertion typ is another kind of token");
    }
}

#[test]
fn the_kid_may_be_absent_if_one_key_fits() {
    let mut header = header(GOOD);
    header.as_object_mut().unwrap().remove("kid");
    assert!(judge(&signed(&header, &claims()), NOW).is_ok());
    let two = [GOOD, Algorithm::Es256].map(|algorithm| forge::key(algorithm).jwk().clone());
    let doubled = [two.clone(), two].concat();
    let keys = KeySet::prepare(&JwkSet::new(doubled)).unwrap();
    let assertion = parse(&signed(&header, &claims())).unwrap();
    let verified = assertion.verify(&keys, Some(GOOD), CLIENT, &[ISSUER], NOW);
    assert_eq!(verified, Err("kid is missing and several keys fit"));
}

#[test]
fn only_the_clients_own_keys_and_registered_algorithm_count() {
    check_header(|header| header["kid"] = "x".into(), "kid names no known key");
    check_header(
        |header| header["alg"] = "ES256".into(),
        "assertion alg is not the registered one",
    );
    check_header(|header| header["alg"] = "none".into(), "JWS alg is not allowed");
    check_header(|header| header["alg"] = "HS256".into(), "JWS alg is not allowed");
    let other = forge::key(Algorithm::Es256).kid();
    check_header(|header| header["kid"] = other.into(), "alg does not fit the key");
    let stranger = crate::jose::signing_key::SigningKey::generate(GOOD).unwrap();
    for jwk in [Value::Null, stranger.jwk().to_value()] {
        let mut header = header(GOOD);
        header["jwk"] = jwk;
        let jwt = forge::signed(&header.to_string(), &claims().to_string(), &stranger);
        assert_eq!(judge(&jwt, NOW), Err("signature does not verify"));
    }
    let empty = parse(&signed(&header(GOOD), &claims())).unwrap();
    let verified = empty.verify(&KeySet::default(), None, CLIENT, &[ISSUER], NOW);
    assert_eq!(verified, Err("kid names no known key"));
}

#[test]
fn an_hmac_keyed_with_the_public_key_is_refused() {
    let public = forge::key(Algorithm::Rs256).jwk().to_value().to_string();
    for (alg, expected) in
        [("HS256", "JWS alg is not allowed"), ("RS256", "signature does not verify")]
    {
        let header = json!({"alg": alg, "kid": forge::key(Algorithm::Rs256).kid()});
        let jwt = forge::with_signature(&header.to_string(), &claims().to_string(), |input| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, public.as_bytes());
            hmac::sign(&key, input).as_ref().to_vec()
        });
        let verified = parse(&jwt).and_then(|assertion| {
            assertion.verify(&keys(&Algorithm::ALL), None, CLIENT, &[ISSUER], NOW)
        });
        assert_eq!(verified, Err(expected), "{alg}");
    }
}

#[test]
fn an_assertion_about_someone_else_is_refused() {
    check(|claims| claims["iss"] = "b".into(), NOW, "assertion iss and sub are not the client");
    check(|claims| claims["sub"] = "b".into(), NOW, "assertion iss and sub are not the client");
    let both = |claims: &mut Map<String, Value>| {
        claims["iss"] = "b".into();
        claims["sub"] = "b".into();
    };
    check(both, NOW, "assertion iss and sub are not the client");
}

#[test]
fn an_assertion_for_elsewhere_is_refused() {
    let single = "assertion aud is missing or not a single string";
    check(|claims| claims["aud"] = "https://e.test".into(), NOW, "assertion aud is another server");
    check(
        |claims| claims["aud"] = "https://auth.test/".into(),
        NOW,
        "assertion aud is another server",
    );
    check(|claims| claims["aud"] = json!([ISSUER]), NOW, single);
    check(|claims| claims["aud"] = json!([ISSUER, "https://e.test"]), NOW, single);
    check(|claims| drop(claims.remove("aud")), NOW, single);
}

#[test]
fn an_assertion_lives_five_minutes_at_most() {
    let exp = |seconds: i64| {
        move |claims: &mut Map<String, Value>| {
            claims["exp"] = (NOW.0 + seconds).into();
        }
    };
    check(exp(0), NOW, "assertion expired");
    check(exp(-1), NOW, "assertion expired");
    check(exp(311), NOW, "assertion lives longer than 5 minutes");
    check(|claims| claims["exp"] = i64::MAX.into(), NOW, "assertion lives longer than 5 minutes");
    for seconds in [1, 300, 310] {
        let mut claims = claims();
        exp(seconds)(claims.as_object_mut().unwrap());
        let expires_at = judge(&signed(&header(GOOD), &claims), NOW).map(|it| it.expires_at);
        assert_eq!(expires_at, Ok(Timestamp(NOW.0 + seconds)));
    }
}

#[test]
fn an_assertion_from_the_future_is_refused() {
    let early = |seconds: i64| Timestamp(NOW.0 - seconds);
    check(|claims| drop(claims.remove("nbf")), early(11), "assertion lives longer than 5 minutes");
    check(|claims| claims["nbf"] = (NOW.0 + 11).into(), NOW, "assertion is not valid yet");
    check(|claims| claims["iat"] = (NOW.0 + 11).into(), NOW, "assertion was issued in the future");
    assert!(judge(&signed(&header(GOOD), &claims()), early(10)).is_ok());
}

#[test]
fn a_missing_or_mistyped_claim_is_refused() {
    let required = [
        ("iss", "assertion iss is missing or not a string"),
        ("sub", "assertion sub is missing or not a string"),
        ("aud", "assertion aud is missing or not a single string"),
        ("exp", "assertion exp is missing or not whole seconds"),
        ("jti", "assertion jti is missing or not a string"),
    ];
    let optional = [
        ("nbf", "assertion nbf is not whole seconds"),
        ("iat", "assertion iat is not whole seconds"),
    ];
    for (name, reason) in required {
        check(|claims| drop(claims.remove(name)), NOW, reason);
    }
    for (name, reason) in required.into_iter().chain(optional) {
        for value in [json!(null), json!(true), json!([]), json!({})] {
            check(|claims| claims[name] = value, NOW, reason);
        }
    }
    for (name, reason) in [required[3], optional[0], optional[1]] {
        for value in [json!("1800000100"), json!(1_800_000_100.5), json!(1e300), json!(-1)] {
            check(|claims| claims[name] = value, NOW, reason);
        }
    }
    let jti = "assertion jti is empty or longer than 255 bytes";
    check(|claims| claims["jti"] = "".into(), NOW, jti);
    check(|claims| claims["jti"] = "j".repeat(256).into(), NOW, jti);
}

#[test]
fn iat_and_nbf_may_be_absent() {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove("iat");
    claims.as_object_mut().unwrap().remove("nbf");
    assert!(judge(&signed(&header(GOOD), &claims), NOW).is_ok());
}

#[test]
fn a_claim_twice_is_refused() {
    let payload = claims().to_string().replacen('{', "{\"aud\":\"https://e.test\",", 1);
    let jwt = forge::signed(&header(GOOD).to_string(), &payload, forge::key(GOOD));
    assert_eq!(judge(&jwt, NOW), Err("duplicate key in JSON"));
}

#[test]
fn a_damaged_assertion_is_refused() {
    let jwt = signed(&header(GOOD), &claims());
    assert_eq!(judge(&jwt[..jwt.len() - 2], NOW), Err("signature does not verify"));
    assert_eq!(judge(&format!("{jwt}="), NOW), Err("JWS signature is not canonical base64url"));
    assert_eq!(judge(&format!("{jwt}.AA"), NOW), Err("JWS does not have three parts"));
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in ".*", payload in ".*") {
        let _ = judge(&text, NOW);
        let _ = judge(&forge::signed(&header(GOOD).to_string(), &payload, forge::key(GOOD)), NOW);
    }
}
