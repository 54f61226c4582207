//! The `RateLimit` and `RateLimit-Policy` fields (draft-ietf-httpapi-ratelimit-headers-10): lists of
//! named limits as structured fields (RFC 9651). Names are checked when a limit is made, so they are
//! sound strings here.

use std::fmt::Write as _;

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::key_limits::Limit;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Says how far the limits are used up; nothing when there are none.
pub fn describe(limits: &[Limit], headers: &mut HeaderMap) {
    if limits.is_empty() {
        return;
    }
    let (mut now, mut policy) = (String::new(), String::new());
    for limit in limits {
        let joint = if now.is_empty() { "" } else { ", " };
        // Writing into a String cannot fail.
        let _ =
            write!(now, "{joint}\"{}\";r={};t={}", limit.name, limit.remaining, limit.resets_in);
        let _ = write!(policy, "{joint}\"{}\";q={};w={}", limit.name, limit.most, limit.window);
    }
    for (name, text) in [(LIMIT, now), (POLICY, policy)] {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_an_item_of_both_lists() {
        let limit = |name: &str, remaining| Limit {
            name: name.into(),
            most: 100,
            window: 60,
            remaining,
            resets_in: 7,
        };
        let mut headers = HeaderMap::new();
        describe(&[limit("burst", 50), limit("day", 0)], &mut headers);
        assert_eq!(headers["ratelimit"], "\"burst\";r=50;t=7, \"day\";r=0;t=7");
        assert_eq!(headers["ratelimit-policy"], "\"burst\";q=100;w=60, \"day\";q=100;w=60");
        describe(&[], &mut HeaderMap::new());
    }
}
