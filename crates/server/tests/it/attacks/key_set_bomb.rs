//! A55 and A56 at a client's keys: no URL that leads inside is taken, and a key set that is a bomb, or
//! holds what must never be sent, is refused before anything is made of it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::house::House;

async fn registered(house: &House, settings: Value) -> u16 {
    let mut body = json!({ "name": "C", "auth_method": "private_key_jwt" });
    body.as_object_mut().expect("an object").extend(settings.as_object().expect("one").clone());
    let answer = house.post("/v1/clients", body).await;
    answer.status.as_u16()
}

fn rsa(bits: usize) -> Value {
    json!({ "kty": "RSA", "n": URL_SAFE_NO_PAD.encode(vec![0xc1; bits / 8]), "e": "AQAB" })
}

#[tokio::test]
async fn a55_no_key_set_is_fetched_from_inside() {
    let house = House::new().await;
    for url in [
        "http://127.0.0.1/jwks",
        "https://10.0.0.1/jwks",
        "https://169.254.169.254/jwks",
        "https://[::1]/jwks",
    ] {
        assert_eq!(registered(&house, json!({ "jwks_uri": url })).await, 400, "{url}");
    }
}

#[tokio::test]
async fn a56_a_key_set_that_is_a_bomb_is_refused() {
    let house = House::new().await;
    let many = vec![rsa(2_048); 21];
    assert_eq!(registered(&house, json!({ "jwks": { "keys": many } })).await, 400);
    let flood = vec![json!({ "kty": "EC" }); 10_000];
    let status = registered(&house, json!({ "jwks": { "keys": flood } })).await;
    assert!(matches!(status, 400 | 413), "{status}");
}

#[tokio::test]
async fn a56_keys_too_large_too_small_or_too_secret_are_refused() {
    let house = House::new().await;
    let private = json!({
        "kty": "EC", "crv": "P-256", "d": "AAAA",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    });
    for (what, key) in [
        ("16384 bits", rsa(16_384)),
        ("512 bits", rsa(512)),
        ("a secret key", json!({ "kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0" })),
        ("private parts", private),
    ] {
        let status = registered(&house, json!({ "jwks": { "keys": [key] } })).await;
        assert_eq!(status, 400, "{what}");
    }
}
