//! Key sets that clients register or publish (RFC 7517 §5): no panic, bounded, and a key that is
//! read is written back as the same key.
#![no_main]

use keyhaven_protocol::jose::jwk::Jwk;
use keyhaven_protocol::jose::jwk_set::JwkSet;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|document: &[u8]| {
    let _ = JwkSet::parse(document);
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(document) else { return };
    if let Ok(Some(key)) = Jwk::parse(&value) {
        let again = Jwk::parse(&key.to_value());
        assert!(again.is_ok_and(|again| {
            again.is_some_and(|a| a.key().thumbprint() == key.key().thumbprint())
        }));
    }
});
