//! `Authorization: Basic` (RFC 7617, RFC 6749 §2.3.1): no panic, visible ASCII only.
#![no_main]

use keyhaven_protocol::basic::parse_basic;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|header: &str| {
    let Ok(pair) = parse_basic(header) else { return };
    let visible = |text: &str| text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    assert!(visible(&pair.client_id) && visible(pair.client_secret.reveal()));
});
