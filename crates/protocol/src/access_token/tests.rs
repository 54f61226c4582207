//! What makes an access token: each case changes one thing about a good one and names the rule.

use aws_lc_rs::hmac;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::id::Id;
use crate::jose::algorithm::Algorithm;
use crate::jose::base64url;
use crate::jose::forge;
use crate::jose::jwk_set::JwkSet;

const NOW: Timestamp = Timestamp(1_800_000_000);
const ISSUER: &str = "https://auth.test";
const API: &str = "https://api.test";
const EXPECTED: Expected<'_> = Expected { issuer: ISSUER, audience: Some(API) };

fn claims() -> Claims<'static> {
    Claims {
        iss: ISSUER.into(),
        sub: "user".into(),
        aud: API.into(),
        exp: Timestamp(NOW.0 + 600),
        iat: NOW,
        jti: TokenId(Id::v7(1, [1; 10])),
        client_id: "kh_client_a".into(),
        scope: "/ping.read /accounts.read".into(),
        org: Some(OrganizationId(Id::v7(2, [2; 10]))),
        gid: Some(GrantId(Id::v7(3, [3; 10]))),
        jkt: None,
    }
}

fn signer(algorithm: Algorithm) -> Signer {
    let stored = forge::key(algorithm).to_pkcs8().unwrap();
    Signer::new(Arc::new(SigningKey::from_pkcs8(algorithm, &stored).unwrap()))
}

fn our_keys() -> KeySet {
    let keys = Algorithm::ALL.map(|algorithm| forge::key(algorithm).jwk().clone());
    KeySet::prepare(&JwkSet::new(keys.to_vec())).unwrap()
}

fn header(algorithm: Algorithm) -> Value {
    json!({"typ": "at+jwt", "alg": algorithm.name(), "kid": forge::key(algorithm).kid()})
}

fn payload() -> Value {
    serde_json::from_slice(&claims().to_json()).unwrap()
}

fn read(token: &str, now: Timestamp) -> Result<Claims<'static>, &'static str> {
    verify(token, &our_keys(), EXPECTED, now)
}

/// A token whose claims were edited before it was honestly signed.
fn check(edit: impl FnOnce(&mut Map<String, Value>), now: Timestamp, expected: &str) {
    let mut payload = payload();
    edit(payload.as_object_mut().unwrap());
    let key = forge::key(Algorithm::EdDsa);
    let token = forge::signed(&header(Algorithm::EdDsa).to_string(), &payload.to_string(), key);
    assert_eq!(read(&token, now), Err(expected), "{payload}");
}

/// A token whose header was edited before it was honestly signed.
fn check_header(edit: impl FnOnce(&mut Value), expected: &str) {
    let mut header = header(Algorithm::EdDsa);
    edit(&mut header);
    let key = forge::key(Algorithm::EdDsa);
    let token = forge::signed(&header.to_string(), &payload().to_string(), key);
    assert_eq!(read(&token, NOW), Err(expected), "{header}");
}

/// A finished token whose text was edited.
fn check_text(edit: impl FnOnce(&mut Vec<String>), expected: &str) {
    let token = signer(Algorithm::EdDsa).sign(&claims()).unwrap();
    let mut parts: Vec<String> = token.reveal().split('.').map(str::to_owned).collect();
    edit(&mut parts);
    assert_eq!(read(&parts.join("."), NOW), Err(expected));
}

#[test]
fn a_token_of_every_algorithm_reads_back() {
    for algorithm in Algorithm::ALL {
        let token = signer(algorithm).sign(&claims()).unwrap();
        assert_eq!(read(token.reveal(), NOW), Ok(claims()), "{algorithm}");
    }
}

#[test]
fn a_token_has_the_header_and_claims_of_rfc_9068() {
    let token = signer(Algorithm::Es256).sign(&claims()).unwrap();
    let parts: Vec<Vec<u8>> =
        token.reveal().split('.').map(|part| base64url::decode(part).unwrap()).collect();
    let part = |at: usize| serde_json::from_slice::<Value>(&parts[at]).unwrap();
    assert_eq!(part(0), header(Algorithm::Es256));
    let expected = json!({
        "iss": ISSUER, "sub": "user", "aud": API, "exp": 1_800_000_600, "iat": 1_800_000_000,
        "jti": "00000000-0001-7101-8101-010101010101", "client_id": "kh_client_a",
        "scope": "/ping.read /accounts.read",
        "org": "00000000-0002-7202-8202-020202020202",
        "gid": "00000000-0003-7303-8303-030303030303",
    });
    assert_eq!(part(1), expected);
    assert_eq!(parts[2].len(), 64);
}

#[test]
fn optional_claims_may_be_absent() {
    let bare = Claims { scope: "".into(), org: None, gid: None, ..claims() };
    let members: Map<String, Value> = serde_json::from_slice(&bare.to_json()).unwrap();
    assert!(["scope", "org", "gid"].iter().all(|name| !members.contains_key(*name)));
    let token = signer(Algorithm::EdDsa).sign(&bare).unwrap();
    assert_eq!(read(token.reveal(), NOW), Ok(bare));
}

#[test]
fn the_long_form_of_typ_is_accepted() {
    let mut header = header(Algorithm::EdDsa);
    header["typ"] = "application/at+jwt".into();
    let key = forge::key(Algorithm::EdDsa);
    let token = forge::signed(&header.to_string(), &payload().to_string(), key);
    assert_eq!(read(&token, NOW), Ok(claims()));
}

#[test]
fn another_kind_of_token_is_refused() {
    check_header(|header| header["typ"] = "JWT".into(), "an ID token is not an access token");
    check_header(|header| header["typ"] = "jwt".into(), "an ID token is not an access token");
    check_header(|header| header["typ"] = "dpop+jwt".into(), "typ is not at+jwt");
    check_header(|header| header["typ"] = "logout+jwt".into(), "typ is not at+jwt");
    let none = "token has no typ, so it is not an access token";
    check_header(|header| drop(header.as_object_mut().unwrap().remove("typ")), none);
}

#[test]
fn the_header_selects_only_a_known_key_and_its_algorithm() {
    check_header(|header| header["kid"] = "x".into(), "kid names no known key");
    check_header(|header| drop(header.as_object_mut().unwrap().remove("kid")), "kid is missing");
    check_header(|header| header["alg"] = "ES256".into(), "alg does not fit the key");
    check_header(|header| header["alg"] = "PS256".into(), "alg does not fit the key");
    let other = forge::key(Algorithm::Es256).kid();
    check_header(|header| header["kid"] = other.into(), "alg does not fit the key");
    check_header(
        |header| header["crit"] = json!(["exp"]),
        "JWS header has an unknown crit extension",
    );
    check_header(|header| header["b64"] = false.into(), "JWS payload is not base64url (b64)");
}

#[test]
fn a_key_in_the_header_is_not_used() {
    let attacker = SigningKey::generate(Algorithm::EdDsa).unwrap();
    for kid in [attacker.kid(), forge::key(Algorithm::EdDsa).kid()] {
        let header = json!({
            "typ": "at+jwt", "alg": "EdDSA", "kid": kid, "jwk": attacker.jwk().to_value(),
            "jku": "https://e.test/jwks", "x5u": "https://e.test/x5u", "x5c": ["AA=="],
        });
        let token = forge::signed(&header.to_string(), &payload().to_string(), &attacker);
        let expected = if kid == attacker.kid() {
            "kid names no known key"
        } else {
            "signature does not verify"
        };
        assert_eq!(read(&token, NOW), Err(expected));
    }
}

#[test]
fn an_hmac_keyed_with_the_public_key_is_refused() {
    for algorithm in Algorithm::ALL {
        let public = forge::key(algorithm).jwk().to_value().to_string();
        let hmac = |input: &[u8]| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, public.as_bytes());
            hmac::sign(&key, input).as_ref().to_vec()
        };
        let mut header = header(algorithm);
        let honest = forge::with_signature(&header.to_string(), &payload().to_string(), hmac);
        assert_eq!(read(&honest, NOW), Err("signature does not verify"));
        header["alg"] = "HS256".into();
        let confused = forge::with_signature(&header.to_string(), &payload().to_string(), hmac);
        assert_eq!(read(&confused, NOW), Err("JWS alg is not allowed"));
    }
}

#[test]
fn an_unsigned_token_is_refused() {
    for alg in ["none", "None", "NONE", "nOnE"] {
        let mut header = header(Algorithm::EdDsa);
        header["alg"] = alg.into();
        let (header, payload) = (header.to_string(), payload().to_string());
        let empty = forge::with_signature(&header, &payload, |_| Vec::new());
        assert_eq!(read(&empty, NOW), Err("JWS has an empty part"));
        let filled = forge::with_signature(&header, &payload, |_| vec![0; 64]);
        assert_eq!(read(&filled, NOW), Err("JWS alg is not allowed"));
    }
    let header = header(Algorithm::Es256).to_string();
    // CVE-2022-21449: r = s = 0.
    let zeros = forge::with_signature(&header, &payload().to_string(), |_| vec![0; 64]);
    assert_eq!(read(&zeros, NOW), Err("signature does not verify"));
}

#[test]
fn a_damaged_token_is_refused() {
    check_text(|parts| parts.truncate(2), "JWS does not have three parts");
    check_text(|parts| parts.push("AA".into()), "JWS does not have three parts");
    check_text(|parts| parts[2].clear(), "JWS has an empty part");
    check_text(|parts| parts[2].truncate(44), "signature does not verify");
    check_text(|parts| parts[2].truncate(45), "JWS signature is not canonical base64url");
    check_text(|parts| parts[2].push('='), "JWS signature is not canonical base64url");
    check_text(|parts| parts[2].push('\n'), "JWS signature is not canonical base64url");
    check_text(|parts| parts.swap(1, 2), "signature does not verify");
    check_text(|parts| parts.swap(0, 1), "JWS alg is missing");
    check_text(|parts| parts[1] = base64url::encode(b"{}"), "signature does not verify");
    check_text(|parts| parts[0].push_str("AA"), "trailing bytes after JSON");
    check_text(|parts| parts[1] = "A".repeat(16 * 1024), "JWS longer than 16 KiB");
}

#[test]
fn another_issuer_or_audience_is_refused() {
    check(|claims| claims["iss"] = "https://auth.test/".into(), NOW, "iss is not this issuer");
    check(|claims| claims["iss"] = "https://AUTH.test".into(), NOW, "iss is not this issuer");
    check(|claims| claims["aud"] = "https://b.test".into(), NOW, "aud is another resource");
    check(|claims| claims["aud"] = "".into(), NOW, "aud is another resource");
}

#[test]
fn any_audience_is_accepted_where_none_is_expected() {
    let token = signer(Algorithm::EdDsa).sign(&claims()).unwrap();
    let expected = Expected { audience: None, ..EXPECTED };
    assert_eq!(verify(token.reveal(), &our_keys(), expected, NOW), Ok(claims()));
}

#[test]
fn a_token_holds_from_its_issue_to_its_expiry() {
    let read_at = |seconds: i64| {
        let token = signer(Algorithm::EdDsa).sign(&claims()).unwrap();
        read(token.reveal(), Timestamp(NOW.0 + seconds)).map(|_| ())
    };
    assert_eq!(read_at(599), Ok(()));
    assert_eq!(read_at(600), Err("token expired"));
    assert_eq!(read_at(-10), Ok(()));
    assert_eq!(read_at(-11), Err("token was issued in the future"));
    assert_eq!(read_at(i64::MIN), Err("token was issued in the future"));
}

#[test]
fn a_missing_or_mistyped_claim_is_refused() {
    let cases = [
        ("iss", "iss is missing or not a string"),
        ("sub", "sub is missing or not a string"),
        ("aud", "aud is missing or not a single string"),
        ("exp", "exp is missing or not whole seconds"),
        ("iat", "iat is missing or not whole seconds"),
        ("jti", "jti is missing or not an id"),
        ("client_id", "client_id is missing or not a string"),
    ];
    for (name, reason) in cases {
        check(|claims| drop(claims.remove(name)), NOW, reason);
        for value in [json!(null), json!(true), json!([]), json!({}), json!([API])] {
            check(|claims| claims[name] = value, NOW, reason);
        }
    }
    for name in ["exp", "iat"] {
        let reason = cases.iter().find(|case| case.0 == name).unwrap().1;
        for value in [json!("1800000600"), json!(1.8e9), json!(-1), json!(u64::MAX), json!(1e300)] {
            check(|claims| claims[name] = value, NOW, reason);
        }
    }
    check(|claims| claims["scope"] = json!(["a"]), NOW, "scope is not a string");
    check(|claims| claims["org"] = 1.into(), NOW, "org is not an id");
    check(|claims| claims["gid"] = "x".into(), NOW, "gid is not an id");
    check(|claims| claims["jti"] = "x".into(), NOW, "jti is missing or not an id");
}

#[test]
fn a_bound_token_names_its_key() {
    let bound = Claims { jkt: Some("x".into()), ..claims() };
    let members: serde_json::Value = serde_json::from_slice(&bound.to_json()).unwrap();
    assert_eq!(members["cnf"], json!({"jkt": "x"}));
    assert_eq!(Claims::parse(&bound.to_json()), Ok(bound));
    let reason = "token is bound to a key in a way that is not known";
    for cnf in
        [json!({}), json!({"x5t#S256": "x"}), json!({"jkt": "x", "jku": "y"}), json!({"jkt": 1})]
    {
        check(|claims| drop(claims.insert("cnf".into(), cnf)), NOW, reason);
    }
    check(|claims| drop(claims.insert("cnf".into(), json!("x"))), NOW, "cnf is not an object");
}

#[test]
fn a_claim_twice_is_refused() {
    let key = forge::key(Algorithm::EdDsa);
    let payload =
        String::from_utf8(claims().to_json()).unwrap().replacen('{', "{\"sub\":\"root\",", 1);
    let token = forge::signed(&header(Algorithm::EdDsa).to_string(), &payload, key);
    assert_eq!(read(&token, NOW), Err("duplicate key in JSON"));
}

proptest! {
    #[test]
    fn claims_of_any_text_read_back(texts: [String; 5], exp in 0_i64.., iat in 0_i64..) {
        let [iss, sub, aud, client_id, scope] = texts.map(|text| Cow::Owned(text.replace('\0', "")));
        let exp = Timestamp(exp);
        let claims = Claims { iss, sub, aud, exp, iat: Timestamp(iat), client_id, scope, ..claims() };
        prop_assert_eq!(Claims::parse(&claims.to_json()), Ok(claims));
    }

    #[test]
    fn one_wrong_character_is_refused(at in 0_usize..1000, with in "[A-Za-z0-9_.-]") {
        let good = signer(Algorithm::EdDsa).sign(&claims()).unwrap();
        let mut text = good.reveal().to_owned();
        let at = at % text.len();
        text.replace_range(at..=at, &with);
        prop_assume!(text != good.reveal());
        prop_assert!(read(&text, NOW).is_err());
    }

    #[test]
    fn any_text_is_read_without_panic(text in ".*", payload: Vec<u8>) {
        let _ = read(&text, NOW);
        let _ = Claims::parse(&payload);
    }
}
