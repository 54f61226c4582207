//! What the browser says it did (WebAuthn Level 3 §5.8.1): which ceremony, for which challenge, on
//! which origin. The authenticator signs its digest.

use serde_json::Value;
use subtle::ConstantTimeEq;

use super::Expected;
use crate::jose::base64url;
use crate::json;
use crate::secret::Digest;

const MAX_BYTES: usize = 4 * 1024;

/// Checks `clientDataJSON` and returns its SHA-256 (§7.1 steps 5 to 11, §7.2 steps 8 to 12).
pub(super) fn check(
    bytes: &[u8],
    ceremony: &str,
    expected: &Expected<'_>,
) -> Result<Digest, &'static str> {
    let data = json::parse_within(MAX_BYTES, bytes)?;
    let text = |name: &str| data.get(name).and_then(Value::as_str);
    if text("type") != Some(ceremony) {
        return Err("clientDataJSON is of another ceremony");
    }
    let challenge = text("challenge").and_then(base64url::decode).unwrap_or_default();
    if !bool::from(challenge.as_slice().ct_eq(expected.challenge.as_slice())) {
        return Err("clientDataJSON has another challenge");
    }
    if text("origin") != Some(expected.origin) {
        return Err("clientDataJSON has another origin");
    }
    match data.get("crossOrigin") {
        None | Some(Value::Bool(false)) => {}
        Some(_) => return Err("clientDataJSON is from a foreign frame"),
    }
    if data.get("topOrigin").is_some() {
        return Err("clientDataJSON is from a foreign frame");
    }
    Ok(Digest::of(bytes))
}
