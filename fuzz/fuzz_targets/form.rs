//! `application/x-www-form-urlencoded` (RFC 6749 Appendix B): no panic, and what is read obeys the
//! rules that refuse the rest.
#![no_main]

use keyhaven_protocol::params::{MAX_BODY, Params};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let Ok(params) = Params::parse_form(body) else { return };
    assert!(body.len() <= MAX_BODY);
    let mut names: Vec<&str> = params.iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "a parameter twice");
    let again = Params::from_pairs(params.iter());
    assert!(again.is_ok_and(|again| again.iter().eq(params.iter())), "the same rules for both");
});
