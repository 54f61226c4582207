//! Compact JWS (RFC 7515 §7.1): no panic; what is signed is a prefix of what was sent.
#![no_main]

use keyhaven_protocol::jose::compact::parse_compact;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|token: &str| {
    let Ok(parts) = parse_compact(token) else { return };
    assert!(token.as_bytes().starts_with(parts.signing_input));
    assert_eq!(token.bytes().filter(|byte| *byte == b'.').count(), 2);
});
