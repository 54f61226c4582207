//! What makes a DPoP proof: each case changes one thing about a good one and names the rule.

use serde_json::{Map, json};

use super::*;
use crate::jose::forge;

const NOW: Timestamp = Timestamp(1_800_000_000);
const URL: &str = "https://issuer.test/oauth2/token";
const GOOD: Algorithm = Algorithm::Es256;

fn header() -> Value {
    json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": forge::key(GOOD).jwk().to_value()})
}

fn claims() -> Value {
    json!({"htm": "POST", "htu": URL, "iat": NOW.0, "jti": "once"})
}

fn judge(header: &Value, claims: &Value, token: Option<&str>) -> Result<Proof, String> {
    let proof = forge::signed(&header.to_string(), &claims.to_string(), forge::key(GOOD));
    let expected = Expected { method: "POST", url: URL, access_token: token };
    verify(&proof, expected, NOW).map_err(|refusal| {
        assert_eq!(refusal.code, Code::InvalidDpopProof);
        refusal.reason.into_owned()
    })
}

#[track_caller]
fn check(edit: impl FnOnce(&mut Map<String, Value>), expected: &str) {
    let mut claims = claims();
    edit(claims.as_object_mut().unwrap());
    assert_eq!(judge(&header(), &claims, None), Err(expected.into()), "{claims}");
}

#[track_caller]
fn check_header(edit: impl FnOnce(&mut Value), expected: &str) {
    let mut header = header();
    edit(&mut header);
    assert_eq!(judge(&header, &claims(), None), Err(expected.into()), "{header}");
}

#[test]
fn a_good_proof_names_its_key() {
    let proof = judge(&header(), &claims(), None).unwrap();
    assert_eq!(proof.jkt, forge::key(GOOD).kid());
    assert_eq!(proof.nonce, None);
    let mut with_query = claims();
    with_query["htu"] = format!("{URL}?a=b#c").into();
    assert_eq!(judge(&header(), &with_query, None), Ok(proof));
}

#[test]
fn the_address_counts_in_any_spelling_that_means_the_same() {
    for htu in ["HTTPS://Issuer.TEST/oauth2/token", "https://issuer.test:443/oauth2/token#x"] {
        let mut spelled = claims();
        spelled["htu"] = htu.into();
        assert!(judge(&header(), &spelled, None).is_ok(), "{htu}");
    }
    for htu in [
        "https://issuer.test/OAUTH2/token",
        "https://issuer.test/oauth2/token/",
        "https://issuer.test:80/oauth2/token",
        "http://issuer.test:443/oauth2/token",
        "https://issuer.test:4443/oauth2/token",
        "https://issuer.test",
        "issuer.test/oauth2/token",
    ] {
        check(|c| c["htu"] = htu.into(), "DPoP htu is another URL");
    }
}

#[test]
fn a43_a_proof_is_about_one_request() {
    check(|c| c["htm"] = "GET".into(), "DPoP htm is another method");
    check(|c| c["htm"] = "post".into(), "DPoP htm is another method");
    check(|c| c["htu"] = "https://issuer.test/other".into(), "DPoP htu is another URL");
    check(|c| c["htu"] = "http://issuer.test/oauth2/token".into(), "DPoP htu is another URL");
    check(|c| c["iat"] = (NOW.0 - 61).into(), "DPoP proof is not from this minute");
    check(|c| c["iat"] = (NOW.0 + 61).into(), "DPoP proof is not from this minute");
    check(|c| c["jti"] = "".into(), "DPoP jti is empty or longer than 255 bytes");
    check(|c| c["jti"] = "x".repeat(256).into(), "DPoP jti is empty or longer than 255 bytes");
    for (claim, reason) in [
        ("htm", "DPoP htm is missing or not a string"),
        ("htu", "DPoP htu is missing or not a string"),
        ("iat", "DPoP iat is missing or not whole seconds"),
        ("jti", "DPoP jti is missing or not a string"),
    ] {
        check(|c| drop(c.remove(claim)), reason);
    }
}

#[test]
fn a44_at_a_resource_it_names_the_token() {
    assert_eq!(judge(&header(), &claims(), Some("t")), Err("DPoP ath is missing".into()));
    let mut bound = claims();
    let hash = digest::digest(&digest::SHA256, b"t");
    bound["ath"] = base64url::encode(hash.as_ref()).into();
    assert!(judge(&header(), &bound, Some("t")).is_ok());
    assert_eq!(judge(&header(), &bound, Some("u")), Err("DPoP ath is of another token".into()));
}

#[test]
fn a45_malformed_proofs_are_refused() {
    check_header(|h| h["typ"] = "JWT".into(), "DPoP proof typ is not dpop+jwt");
    check_header(|h| h["alg"] = "HS256".into(), "JWS alg is not allowed");
    check_header(|h| h["alg"] = "none".into(), "JWS alg is not allowed");
    check_header(|h| h["alg"] = "EdDSA".into(), "alg does not fit the key");
    check_header(|h| drop(h.as_object_mut().unwrap().remove("jwk")), "DPoP proof has no jwk");
    check_header(|h| h["jwk"]["d"] = "AA".into(), "JWK holds a private or symmetric member");
    check_header(
        |h| h["jwk"] = json!({"kty": "oct", "k": "AA"}),
        "JWK holds a private or symmetric member",
    );
    let other = SigningKeyOf(Algorithm::EdDsa);
    check_header(|h| h["jwk"] = other.jwk(), "alg does not fit the key");
    let small = json!({"kty": "RSA", "n": "wQ".to_owned() + &"A".repeat(169), "e": "AQAB"});
    check_header(
        |h| {
            h["jwk"] = small;
            h["alg"] = "PS256".into();
        },
        "RSA key shorter than 2048 bits",
    );
    let large = json!({"kty": "RSA", "n": "w".to_owned() + &"A".repeat(1_000), "e": "AQAB"});
    check_header(
        |h| {
            h["jwk"] = large;
            h["alg"] = "PS256".into();
        },
        "DPoP key longer than 4096 bits",
    );
    check_header(|h| h["pad"] = "x".repeat(4_096).into(), "DPoP proof longer than 4096 bytes");
}

struct SigningKeyOf(Algorithm);

impl SigningKeyOf {
    fn jwk(&self) -> Value {
        forge::key(self.0).jwk().to_value()
    }
}

#[test]
fn a_proof_signed_by_another_key_than_it_shows_is_refused() {
    let another = crate::jose::signing_key::SigningKey::generate(GOOD).unwrap();
    let proof = forge::signed(&header().to_string(), &claims().to_string(), &another);
    let expected = Expected { method: "POST", url: URL, access_token: None };
    assert_eq!(verify(&proof, expected, NOW).unwrap_err().reason, "signature does not verify");
}

#[test]
fn a_nonce_is_good_for_some_minutes_and_only_under_its_key() {
    let key = NonceKey::new(&[7; 32]);
    let proof = |nonce: Option<String>| Proof {
        jkt: String::new(),
        once: Digest([0; 32]),
        until: NOW,
        nonce,
    };
    let reason = |proof: &Proof, key: &NonceKey, now| key.judge(proof, now).err().map(|r| r.reason);
    let good = proof(Some(key.nonce(NOW)));
    assert_eq!(reason(&good, &key, NOW), None);
    assert_eq!(reason(&good, &key, NOW.plus(Seconds(300))), None);
    assert_eq!(reason(&good, &key, NOW.minus(Seconds(60))), None);
    let old = Some("DPoP nonce is not of ours".into());
    assert_eq!(reason(&good, &key, NOW.plus(Seconds(400))), old);
    assert_eq!(reason(&good, &NonceKey::new(&[8; 32]), NOW), old);
    assert_eq!(reason(&proof(None), &key, NOW), Some("DPoP proof has no nonce".into()));
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in ".*") {
        let expected = Expected { method: "POST", url: URL, access_token: None };
        let _ = verify(&text, expected, NOW);
    }
}
