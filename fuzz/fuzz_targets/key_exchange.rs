//! Exchanging a code for a key: no verifier fits but the one the challenge was made from.
#![no_main]

use keyhaven_protocol::hand_out::challenge::Challenge;
use keyhaven_protocol::hand_out::exchange::{Exchange, IssuedCode};
use keyhaven_protocol::time::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|sent: (&str, &str, &str, Option<&str>, Option<&str>)| {
    let (code, verifier, challenge, method, asked) = sent;
    let Ok(Some(challenge)) = Challenge::parse(Some(challenge), method) else { return };
    let fits = challenge.fits(verifier);
    let issued = IssuedCode {
        challenge: Some(challenge),
        expires_at: Timestamp(2),
        spent_at: None,
        tries: 0,
    };
    let Ok(exchange) = Exchange::parse(Some(code), Some(verifier), asked) else { return };
    if exchange.decide(Some(&issued), Timestamp(1)).is_ok() {
        assert!(fits, "another verifier was let through");
    }
    let spent = IssuedCode { spent_at: Some(Timestamp(1)), ..issued };
    assert!(exchange.decide(Some(&spent), Timestamp(1)).is_err(), "a spent code");
});
