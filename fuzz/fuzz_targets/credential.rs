//! Our own credentials: what parses is spelled in the one way we spell it.
#![no_main]

use keyhaven_protocol::credential::{mint, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Some(presented) = parse(text) else { return };
    let ours = mint(presented.kind, presented.id, &presented.bytes);
    assert_eq!(ours.reveal(), text, "a second spelling");
});
