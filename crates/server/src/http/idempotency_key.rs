//! The `Idempotency-Key` of a request and the mark of an answer that was given before. What is kept
//! under a key, for whom and for how long is the business of whoever reads it.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;

/// The header, as refusals name it.
pub const NAME: &str = "Idempotency-Key";
const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The value of the header, if it was sent; else the rule it breaks.
pub fn parse(headers: &HeaderMap) -> Result<Option<&str>, &'static str> {
    let mut sent = headers.get_all(HEADER).iter();
    let Some(name) = sent.next() else { return Ok(None) };
    if sent.next().is_some() {
        return Err("may be sent once");
    }
    let name = name.to_str().map_err(|_| "has visible ASCII characters only")?;
    if name.is_empty() || name.len() > 255 || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("has 1 to 255 visible ASCII characters");
    }
    Ok(Some(name))
}

/// Says that this answer was given before.
pub fn mark_replayed(response: &mut Response) {
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
}
