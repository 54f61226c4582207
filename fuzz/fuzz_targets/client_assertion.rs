//! Client assertions (RFC 7523 §3): no panic on anything a stranger sends.
#![no_main]

use keyhaven_protocol::client_assertion;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|jwt: &str| {
    let _ = client_assertion::parse(jwt);
});
