//! Cookies (RFC 6265): what a request carries, and how ours are set and cleared. A name that comes
//! twice counts as absent: somebody tossed one in from a neighbouring host (V3.3).

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::Seconds;

/// The login cookie of our own pages, and no other.
pub const SESSION: &str = "__Host-sid";

/// What pending sign-ins are bound to.
pub const BROWSER: &str = "__Host-browser";

/// What authorization requests under way are bound to. It outlives a sign-in, and opens nothing.
pub const REQUESTS: &str = "__Host-requests";

/// What makes a browser a known device.
pub const DEVICE: &str = "__Host-device";

/// Longer values are nobody's.
const MOST_BYTES: usize = 512;

/// The value of the only cookie with this name; an empty value counts as no cookie.
#[must_use]
pub fn find(headers: &HeaderMap, name: &str) -> Option<Secret> {
    let mut found = None;
    for header in headers.get_all(COOKIE) {
        for pair in header.as_bytes().split(|byte| *byte == b';') {
            let pair = pair.trim_ascii();
            let Some(rest) = pair.strip_prefix(name.as_bytes()) else { continue };
            let Some(value) = rest.strip_prefix(b"=") else { continue };
            if found.replace(value).is_some() {
                return None;
            }
        }
    }
    let value = std::str::from_utf8(found?).ok()?;
    (!value.is_empty() && value.len() <= MOST_BYTES).then(|| Secret::from(value))
}

/// A cookie of our own pages: for this host only, never for scripts, not with requests that other
/// sites start (SameSite=Lax still lets links lead here). Without `life` it goes with the browser.
#[must_use]
pub fn set(name: &str, value: &Secret, life: Option<Seconds>) -> HeaderValue {
    let life = life.map(|life| format!("; Max-Age={}", life.0)).unwrap_or_default();
    let value = value.reveal();
    header(&format!("{name}={value}; Path=/{life}; HttpOnly; Secure; SameSite=Lax"))
}

/// Makes the browser forget a cookie of our pages.
#[must_use]
pub fn clear(name: &str) -> HeaderValue {
    header(&format!("{name}=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"))
}

/// Our own values have unreserved characters only, so this never comes to nothing.
pub(crate) fn header(text: &str) -> HeaderValue {
    let mut value = HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lines: &[&str], expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, line.parse().unwrap());
        }
        let found = find(&headers, "__Host-sid");
        assert_eq!(found.as_ref().map(Secret::reveal), expected, "{lines:?}");
    }

    #[test]
    fn the_only_cookie_of_a_name_is_found() {
        check(&["a=b; __Host-sid=x; c"], Some("x"));
        check(&["a=b", "__Host-sid=x=y"], Some("x=y"));
    }

    #[test]
    fn a_name_that_comes_twice_is_no_cookie() {
        check(&["__Host-sid=x; __Host-sid=x"], None);
        check(&["__Host-sid=x", "__Host-sid=y"], None);
        check(&["__Host-sid=x;__Host-sid="], None);
    }

    #[test]
    fn empty_and_similar_names_are_no_cookie() {
        check(&[""], None);
        check(&["__Host-sid="], None);
        check(&["__host-sid=x"], None);
        check(&["x__Host-sid=x; __Host-sidx=x"], None);
        check(&[&format!("__Host-sid={}", "x".repeat(513))], None);
    }

    #[test]
    fn our_cookies_are_bound_to_the_host_and_kept_from_scripts() {
        let set = set(SESSION, &Secret::from("x"), Some(Seconds(60)));
        let expected = "__Host-sid=x; Path=/; Max-Age=60; HttpOnly; Secure; SameSite=Lax";
        assert_eq!(set.to_str().unwrap(), expected);
    }
}
