//! How long to wait before the next attempt, and whether there is one.

use std::time::{Duration, SystemTime};

use reqwest::header::HeaderMap;

use crate::options::Retries;
use crate::send::{Operation, Repeat};

/// Whether an answer is worth another attempt; the server's own word wins.
pub(crate) fn is_worth(
    operation: &Operation,
    codes: Option<&[String]>,
    status: u16,
    headers: &HeaderMap,
) -> bool {
    match headers.get("x-should-retry").map(reqwest::header::HeaderValue::as_bytes) {
        Some(b"true") => return true,
        Some(b"false") => return false,
        _ => {}
    }
    match codes {
        Some(codes) => codes.iter().any(|code| fits(code, status)),
        None if status == 500 => operation.repeat == Repeat::Safe,
        None => matches!(status, 408 | 425 | 429 | 502 | 503 | 504),
    }
}

/// `429`, `5XX`.
fn fits(code: &str, status: u16) -> bool {
    let status = status.to_string();
    code.len() == status.len()
        && code.chars().zip(status.chars()).all(|(one, other)| one == other || one == 'X')
}

/// Anywhere between nothing and a bound that grows (full jitter), but never less than told.
pub(crate) fn delay(retries: &Retries, tried: u32, told: Option<Duration>) -> Duration {
    let grown = retries.exponent.powi(i32::try_from(tried).unwrap_or(i32::MAX).saturating_sub(1));
    let bound = retries.initial_interval.as_secs_f64() * grown;
    let bound = bound.min(retries.max_interval.as_secs_f64()).max(0.0);
    Duration::from_secs_f64(fastrand::f64() * bound).max(told.unwrap_or_default())
}

/// How long the server wants to be left alone.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    if let Some(ms) = text("retry-after-ms").and_then(|ms| ms.parse().ok()) {
        return Some(Duration::from_millis(ms));
    }
    let told = text("retry-after")?;
    if let Ok(seconds) = told.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(told).ok()?;
    Some(at.duration_since(SystemTime::now()).unwrap_or_default())
}
