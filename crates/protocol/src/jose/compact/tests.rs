//! Compact serialisations that break one rule each, and the published examples of RFC 7515.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::jose::jwk::Jwk;
use crate::jose::verifying_key::VerifyingKey;

fn token(header: &str) -> String {
    format!("{}.e30.AA", base64url::encode(header.as_bytes()))
}

fn check(token: &str, expected: &str) {
    assert_eq!(parse_compact(token).expect_err("was accepted"), expected, "{token}");
}

fn check_header(header: &str, expected: &str) {
    check(&token(header), expected);
}

fn typ(typ: &str) -> Header {
    Header { algorithm: Algorithm::Es256, typ: Some(typ.into()), kid: None }
}

#[test]
fn a_header_says_what_it_may() {
    let token = token(r#"{"alg":"EdDSA","typ":"JWT","kid":"k","jku":"https://e.test","jwk":{}}"#);
    let compact = parse_compact(&token).unwrap();
    let expected =
        Header { algorithm: Algorithm::EdDsa, typ: Some("JWT".into()), kid: Some("k".into()) };
    assert_eq!(compact.header, expected);
    assert_eq!((&*compact.payload, &*compact.signature), (&b"{}"[..], &[0][..]));
    assert_eq!(compact.signing_input, &token.as_bytes()[..token.len() - 3]);
}

#[test]
fn anything_but_three_full_parts_is_refused() {
    for token in ["", "a", "a.b", "a.b.c.d", "a.b.c.d.e", "{}"] {
        check(token, "JWS does not have three parts");
    }
    for token in ["..", ".e30.AA", "e30..AA", "e30.e30."] {
        check(token, "JWS has an empty part");
    }
}

#[test]
fn spellings_that_are_not_canonical_are_refused() {
    let header = base64url::encode(br#"{"alg":"ES256"}"#);
    check(&format!("{header}=.e30.AA"), "JWS header is not canonical base64url");
    check(&format!(" {header}.e30.AA"), "JWS header is not canonical base64url");
    check(&format!("{header}.e31.AA"), "JWS payload is not canonical base64url");
    check(&format!("{header}.e+0.AA"), "JWS payload is not canonical base64url");
    check(&format!("{header}.e30.AB"), "JWS signature is not canonical base64url");
    check(&format!("{header}.e30.AA=="), "JWS signature is not canonical base64url");
    check(&format!("{header}.e30.AA\n"), "JWS signature is not canonical base64url");
    check(&format!("{header}.e30.A"), "JWS signature is not canonical base64url");
}

#[test]
fn the_size_is_bounded_before_decoding() {
    check(&"!".repeat(16 * 1024 + 1), "JWS longer than 16 KiB");
    check(&"!".repeat(16 * 1024), "JWS does not have three parts");
}

#[test]
fn algorithms_outside_the_list_are_refused() {
    for alg in ["none", "None", "nOnE", "HS256", "HS384", "HS512", "ES256K", "RS512", ""] {
        check_header(&json!({ "alg": alg }).to_string(), "JWS alg is not allowed");
    }
    check_header("{}", "JWS alg is missing");
    check_header(r#"{"alg":null}"#, "JWS alg is not a string");
    check_header(r#"{"alg":["ES256"]}"#, "JWS alg is not a string");
}

#[test]
fn headers_that_break_a_rule_are_refused() {
    check_header(r#"{"alg":"ES256","alg":"ES256"}"#, "duplicate key in JSON");
    check_header(r#"{"alg":"ES256","jwk":{"a":1,"a":1}}"#, "duplicate key in JSON");
    check_header(r#"{"alg":"ES256","crit":["exp"]}"#, "JWS header has an unknown crit extension");
    check_header(r#"{"alg":"ES256","crit":[]}"#, "JWS header has an unknown crit extension");
    check_header(r#"{"alg":"ES256","b64":false}"#, "JWS payload is not base64url (b64)");
    check_header(r#"{"alg":"ES256","b64":null}"#, "JWS payload is not base64url (b64)");
    check_header(r#"{"alg":"ES256","typ":1}"#, "JWS typ is not a string");
    check_header(r#"{"alg":"ES256","kid":1}"#, "JWS kid is not a string");
    let long = json!({"alg": "ES256", "kid": "k".repeat(257)}).to_string();
    check_header(&long, "JWS kid longer than 256 bytes");
    check_header("[]", "JWS header is not an object");
    check_header("{} ", "JWS alg is missing");
    check_header("{}x", "trailing bytes after JSON");
}

#[test]
fn typ_is_a_media_type() {
    for sent in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
        assert!(typ(sent).typ_is("at+jwt"), "{sent}");
    }
    for sent in ["", "JWT", "at+jwt ", "application/", "text/at+jwt", "application/x/at+jwt"] {
        assert!(!typ(sent).typ_is("at+jwt"), "{sent}");
    }
    assert!(!typ("éééééé+at+jwt").typ_is("at+jwt"));
}

/// The payload both examples of RFC 7515 sign.
const PAYLOAD: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

fn verify(token: &str, key: &Value) -> Result<(), &'static str> {
    let compact = parse_compact(token)?;
    let jwk = Jwk::parse(key)?.ok_or("passed over")?;
    VerifyingKey::new(jwk.key(), compact.header.algorithm, None)?
        .verify(compact.signing_input, &compact.signature)
}

#[test]
fn the_es256_example_of_rfc_7515_verifies() {
    let key = json!({
        "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    });
    let signature =
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    assert_eq!(verify(&format!("eyJhbGciOiJFUzI1NiJ9.{PAYLOAD}.{signature}"), &key), Ok(()));
    let swapped = format!("eyJhbGciOiJFUzI1NiJ9.{signature}.{PAYLOAD}");
    assert_eq!(verify(&swapped, &key), Err("signature does not verify"));
}

#[test]
fn the_rs256_example_of_rfc_7515_verifies() {
    let key = json!({"kty": "RSA", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"});
    let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    assert_eq!(verify(&format!("eyJhbGciOiJSUzI1NiJ9.{PAYLOAD}.{signature}"), &key), Ok(()));
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in ".*", header: Vec<u8>, rest in "[A-Za-z0-9_.-]*") {
        let _ = parse_compact(&text);
        let _ = parse_compact(&format!("{}.{rest}", base64url::encode(&header)));
    }
}
