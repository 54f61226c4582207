//! What an app asks when it wants a key, in the query and in the body: no panic, the callback is kept
//! byte for byte, and nothing in it leads elsewhere once the code is added.
#![no_main]

use keyhaven_protocol::amount::{MOST, Unit};
use keyhaven_protocol::hand_out::HandOut;
use keyhaven_protocol::params::Params;
use keyhaven_protocol::time::Timestamp;
use libfuzzer_sys::fuzz_target;

const NOW: Timestamp = Timestamp(1_764_244_800);

fuzz_target!(|bytes: &[u8]| {
    let Ok(unit) = Unit::parse("USD") else { return };
    if let Ok(body) = serde_json::from_slice(bytes) {
        HandOut::parse_body(&body, &unit, NOW).iter().for_each(look);
    }
    if let Ok(query) = Params::parse_form(bytes)
        && let Ok(asked) = HandOut::parse_query(&query, &unit, NOW)
    {
        assert_eq!(Some(&*asked.callback.url), query.get("callback_url"));
        look(&asked);
    }
});

fn look(asked: &HandOut) {
    assert!(asked.limit.is_none_or(|limit| (0..=MOST).contains(&limit.0)));
    assert!(asked.expires_at.is_none_or(|end| end > NOW));
    assert!(asked.label.as_ref().is_none_or(|label| !label.chars().any(char::is_control)));
    let answered = asked.callback.with(&[("code", "c&d"), ("state", "\r\n#")]);
    assert!(answered.starts_with(&asked.callback.url));
    assert!(!answered.contains(['\r', '\n', '#', ' ']), "{answered}");
    let (before, after) = (url::Url::parse(&asked.callback.url), url::Url::parse(&answered));
    let (Ok(before), Ok(after)) = (before, after) else { return };
    assert_eq!(before.origin(), after.origin(), "{answered}");
    assert!(after.query_pairs().any(|pair| pair == ("code".into(), "c&d".into())), "{answered}");
}
