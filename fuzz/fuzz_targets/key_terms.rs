//! What a key says: amounts, units, rate limits, origins and addresses. What is read is written back
//! as what was meant.
#![no_main]

use keyhaven_protocol::allow_list::AllowList;
use keyhaven_protocol::amount::{MOST, Unit};
use keyhaven_protocol::rate_limit;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let unit = Unit::parse(text).or_else(|_| Unit::parse("USD"));
    if let Ok(unit) = unit {
        assert!(Unit::parse(unit.as_str()).is_ok_and(|again| again == unit));
        for amount in [unit.parse_limit(text), unit.parse_cost(text)].into_iter().flatten() {
            assert!((0..=MOST).contains(&amount.0));
            assert_eq!(unit.parse_cost(&unit.show(amount)), Ok(amount));
        }
    }
    if let Ok(limits) = rate_limit::parse_list(text) {
        let written = rate_limit::list_text(&limits);
        assert!(rate_limit::parse_list(&written).is_ok_and(|again| again == limits), "{written}");
    }
    let (origins, networks) = text.split_once('|').unwrap_or((text, ""));
    if let Ok(list) = AllowList::parse(origins.split_whitespace(), networks.split_whitespace()) {
        let networks: Vec<String> = list.networks().collect();
        let again = AllowList::parse(list.origins(), networks.iter().map(String::as_str));
        assert!(again.is_ok_and(|again| again.is_within(&list) && list.is_within(&again)));
    }
});
