//! When a token ends, in each of the ways that services write it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::{Seconds, Timestamp};
use serde_json::Value;

use crate::provider::{Expires, ExpiresAs};

/// How long a token lives from the moment of the reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lifetime {
    /// This long.
    Ends(Seconds),
    /// It does not end.
    Never,
    /// The reply does not say.
    #[default]
    Unsaid,
}

/// A century: nothing longer is meant, and sums stay far from the end of numbers.
const LONGEST: i64 = 100 * 366 * 86_400;

/// The first of `rules` whose value is there. Instants count from `present`, which is the other
/// side's clock where it says it: what they wrote with a clock is read with the same one.
pub(super) fn find(
    rules: &[Expires],
    object: &Value,
    token: Option<&Secret>,
    present: Timestamp,
) -> Lifetime {
    for rule in rules {
        let value = rule.at.as_ref().and_then(|pointer| object.pointer(pointer.as_str()));
        let found = match rule.form {
            ExpiresAs::None => return Lifetime::Never,
            ExpiresAs::JwtExp => token.and_then(|token| jwt_expiry(token.reveal())).map(Instant),
            ExpiresAs::Rfc3339 => value.and_then(rfc3339).map(Instant),
            ExpiresAs::Epoch => value.and_then(number).map(Instant),
            ExpiresAs::EpochMs => value.and_then(number).map(|ms| Instant(ms / 1000)),
            ExpiresAs::Seconds => match value.and_then(number) {
                // Mailchimp and Keycloak write 0 for "never"; a token that is born dead is nobody's.
                Some(0) => return Lifetime::Never,
                found => found.map(|seconds| Instant(present.0.saturating_add(seconds))),
            },
            ExpiresAs::Ms => {
                value.and_then(number).map(|ms| Instant(present.0.saturating_add(ms / 1000)))
            }
        };
        if let Some(Instant(at)) = found {
            let left = at.saturating_sub(present.0);
            return Lifetime::Ends(Seconds(left.clamp(0, LONGEST)));
        }
    }
    Lifetime::Unsaid
}

/// Seconds since 1970.
struct Instant(i64);

/// A number, or a text of one. Fractions are cut off.
fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(whole)),
        Value::String(text) => {
            let text = text.trim();
            text.parse().ok().or_else(|| text.parse::<f64>().ok().and_then(whole))
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "within the range where it is exact")]
    let cut = |number: f64| number as i64;
    (number.is_finite() && number.abs() < EXACT).then(|| cut(number))
}

fn rfc3339(value: &Value) -> Option<i64> {
    value.as_str()?.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
}

/// The `exp` of a JWT that is not verified: it is the API's to believe, ours only to schedule by.
fn jwt_expiry(token: &str) -> Option<i64> {
    number(claims(token)?.get("exp")?)
}

/// The claims of a JWT, unverified.
pub(super) fn claims(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    let bytes = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// The instant of an HTTP date (RFC 9110 §5.6.7).
#[must_use]
pub fn http_date(text: &str) -> Option<Timestamp> {
    let zoned = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Timestamp(zoned.timestamp().as_second()))
}
