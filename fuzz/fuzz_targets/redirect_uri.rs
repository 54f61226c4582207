//! Redirect URIs as registered (RFC 8252 §7): kept byte for byte, and nothing in them that two
//! parsers could read differently.
#![no_main]

use keyhaven_protocol::redirect_uri::{MAX_BYTES, parse_redirect_uri};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(kept) = parse_redirect_uri(text) else { return };
    assert_eq!(kept, text);
    assert!(text.len() <= MAX_BYTES && text.is_ascii());
    assert!(!text.contains(['#', '*', '\\', ' ', '\r', '\n']), "{text}");
    let scheme = text.split(':').next().unwrap_or_default().to_ascii_lowercase();
    assert!(!matches!(&*scheme, "javascript" | "data" | "file" | "vbscript"), "{text}");
});
