//! JSON bodies (RFC 8259): whatever the strict reader takes, the general one reads the same way.
#![no_main]

use keyhaven_protocol::json;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let Ok(value) = json::parse(body) else { return };
    let general = serde_json::from_slice::<serde_json::Value>(body);
    assert_eq!(general.ok(), Some(value), "two parsers disagree");
});
