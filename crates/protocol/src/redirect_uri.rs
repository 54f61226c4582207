//! Redirect URIs as they are registered (RFC 6749 §3.1.2, RFC 8252 §7): absolute, exact, and without
//! anything that two parsers could read differently; and how a request's is matched with them.

/// The longest redirect URI.
pub const MAX_BYTES: usize = 2048;

/// Reads a redirect URI for registration. It is kept byte for byte: matching is byte equality.
pub fn parse_redirect_uri(text: &str) -> Result<String, &'static str> {
    if text.len() > MAX_BYTES {
        return Err("a redirect URI has at most 2048 bytes");
    }
    if !text.bytes().all(is_uri_char) || !escapes_are_whole(text) {
        return Err("a redirect URI has only the characters of RFC 3986");
    }
    if text.contains('#') {
        return Err("a redirect URI has no fragment");
    }
    if text.contains('*') {
        return Err("a redirect URI is exact, it has no pattern");
    }
    let Some((scheme, rest)) = text.split_once(':') else {
        return Err("a redirect URI is absolute");
    };
    match scheme {
        "https" => parse_authority(rest).map(|_| ())?,
        "http" => {
            if !matches!(parse_authority(rest)?, "127.0.0.1" | "[::1]" | "localhost") {
                return Err("an http redirect URI points at this computer: use https");
            }
        }
        _ => parse_private_scheme(scheme, rest)?,
    }
    if has_dot_segment(rest) {
        return Err("a redirect URI has no dot segments");
    }
    Ok(text.to_owned())
}

/// Whether the `redirect_uri` of a request is the registered one: byte equality, except that a
/// loopback address may come with any port (RFC 8252 §7.3). `localhost` is among them because
/// deployed native clients use it.
#[must_use]
pub fn matches(registered: &str, sent: &str) -> bool {
    registered == sent
        || without_loopback_port(registered)
            .is_some_and(|kept| without_loopback_port(sent) == Some(kept))
}

/// Host and the rest of an `http` loopback address whose port, if any, is sound.
fn without_loopback_port(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let host = ["127.0.0.1", "[::1]", "localhost"].into_iter().find(|h| rest.starts_with(*h))?;
    let rest = &rest[host.len()..];
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (port, path) = rest.split_at(end);
    let sound = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
    sound.then_some((host, path))
}

/// What a `form-action` source list calls the target of a redirect (CSP Level 3 §2.3.1): the
/// origin, or the scheme alone where there is none.
#[must_use]
pub fn origin(uri: &str) -> &str {
    let Some((scheme, rest)) = uri.split_once("://") else {
        return uri.split_once(':').map_or(uri, |(scheme, _)| &uri[..=scheme.len()]);
    };
    if !matches!(scheme, "http" | "https") {
        return &uri[..=scheme.len()];
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    &uri[..scheme.len() + 3 + end]
}

/// The host people are shown, or the scheme of an app on this device.
#[must_use]
pub fn shown_host(uri: &str) -> &str {
    match uri.split_once("://") {
        Some((_, rest)) => &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())],
        None => uri.split_once(':').map_or(uri, |(scheme, _)| scheme),
    }
}

/// The host behind `//`.
fn parse_authority(rest: &str) -> Result<&str, &'static str> {
    let rest = rest.strip_prefix("//").ok_or("a redirect URI is absolute")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let authority = &rest[..end];
    if authority.contains('@') {
        return Err("a redirect URI has no user name");
    }
    let host_end = match authority.find(']') {
        Some(bracket) => bracket + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(host_end);
    if !is_host(host) {
        return Err("a redirect URI names a host");
    }
    if !port.is_empty() && !port.strip_prefix(':').is_some_and(is_port) {
        return Err("a redirect URI's port is a number");
    }
    Ok(host)
}

fn is_port(digits: &str) -> bool {
    digits.bytes().all(|byte| byte.is_ascii_digit())
        && digits.parse::<u16>().is_ok_and(|port| port > 0)
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= 253 && host.split('.').all(label)
}

/// Private-use schemes are reversed domain names (RFC 8252 §7.1): the dot keeps `javascript:`,
/// `data:` and `file:` out (A04).
fn parse_private_scheme(scheme: &str, rest: &str) -> Result<(), &'static str> {
    let known = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'.' | b'-');
    let sound = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(known)
        && scheme.split('.').count() > 1
        && scheme.split('.').all(|label| !label.is_empty());
    if !sound {
        return Err("a redirect URI has scheme https, http to this computer, or one with a dot");
    }
    if !rest.starts_with('/') {
        return Err("a redirect URI of a private scheme has a path");
    }
    if rest.starts_with("//") {
        parse_authority(rest)?;
    }
    Ok(())
}

fn has_dot_segment(rest: &str) -> bool {
    let path = rest.split('?').next().unwrap_or(rest);
    path.split('/').any(|segment| {
        let plain = segment.replace("%2e", ".").replace("%2E", ".");
        plain == "." || plain == ".."
    })
}

const fn is_uri_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b':'
                | b'/'
                | b'?'
                | b'#'
                | b'['
                | b']'
                | b'@'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
                | b'%'
        )
}

fn escapes_are_whole(text: &str) -> bool {
    text.split('%')
        .skip(1)
        .all(|rest| rest.len() >= 2 && rest.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, reason: &str) {
        assert_eq!(parse_redirect_uri(text), Err(reason), "{text}");
    }

    #[test]
    fn exact_addresses_are_kept_byte_for_byte() {
        for text in [
            "https://a.test/cb",
            "https://a.test",
            "https://a.test:8443/cb?x=1%20y",
            "http://127.0.0.1/cb",
            "http://[::1]:9/cb",
            "http://localhost:3000/cb",
            "com.example.app:/cb",
        ] {
            assert_eq!(parse_redirect_uri(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn a02_a_pattern_as_redirect_is_refused() {
        refused("https://a.test/.*", "a redirect URI is exact, it has no pattern");
        refused("https://*.test/", "a redirect URI is exact, it has no pattern");
    }

    #[test]
    fn a04_script_schemes_are_refused() {
        let reason = "a redirect URI has scheme https, http to this computer, or one with a dot";
        refused("javascript:alert(1)", reason);
        refused("data:text/html,x", reason);
        refused("file:///etc/passwd", reason);
        refused("myapp:/cb", reason);
        refused("JAVASCRIPT.x:/cb", reason);
    }

    #[test]
    fn what_two_parsers_read_differently_is_refused() {
        refused("https://a.test@e.test/cb", "a redirect URI has no user name");
        refused("https://a.test/cb#x", "a redirect URI has no fragment");
        refused("https://a.test/../x", "a redirect URI has no dot segments");
        refused("https://a.test/%2e%2E/x", "a redirect URI has no dot segments");
        refused("https:\\\\a.test/cb", "a redirect URI has only the characters of RFC 3986");
        refused("https://a.test/c b", "a redirect URI has only the characters of RFC 3986");
        refused("https://a.test/%2", "a redirect URI has only the characters of RFC 3986");
        refused("https:a.test/cb", "a redirect URI is absolute");
        refused("//a.test/cb", "a redirect URI is absolute");
        refused("https:///cb", "a redirect URI names a host");
        refused("https://a..test/cb", "a redirect URI names a host");
        refused("https://a.test:0/cb", "a redirect URI's port is a number");
        refused("https://a.test:99999/cb", "a redirect URI's port is a number");
        refused("https://a.test:+80/cb", "a redirect URI's port is a number");
        refused("http://[::1]x80/cb", "a redirect URI's port is a number");
        refused("com.example.app:cb", "a redirect URI of a private scheme has a path");
    }

    #[test]
    fn a01_a_near_miss_is_no_match() {
        let registered = "https://a.test/cb";
        assert!(matches(registered, registered));
        for sent in [
            "https://a.test/CB",
            "https://A.test/cb",
            "https://a.test/cb/",
            "https://a.test/cb/../x",
            "https://a.test/cb%2f",
            "https://a.test/cb?x=1",
            "https://a.test/cb#x",
            "https://a.test:443/cb",
            "https://a.test@e.test/cb",
            "http://a.test/cb",
            "",
        ] {
            assert!(!matches(registered, sent), "{sent}");
        }
    }

    #[test]
    fn a03_only_the_port_of_a_loopback_address_may_differ() {
        for host in ["127.0.0.1", "[::1]", "localhost"] {
            let registered = format!("http://{host}/cb");
            assert!(matches(&registered, &format!("http://{host}:9/cb")));
            assert!(matches(&format!("http://{host}:9/cb"), &format!("http://{host}:65535/cb")));
            for sent in [
                format!("http://{host}:9/other"),
                format!("http://{host}:9/cb?x"),
                format!("http://{host}:/cb"),
                format!("http://{host}:0/cb"),
                format!("http://{host}:99999/cb"),
                format!("http://{host}:9@e.test/cb"),
                format!("http://{host}.e.test/cb"),
                format!("https://{host}:9/cb"),
            ] {
                assert!(!matches(&registered, &sent), "{sent}");
            }
        }
        assert!(!matches("http://127.0.0.1/cb", "http://localhost:9/cb"));
        assert!(!matches("https://a.test/cb", "https://a.test:9/cb"));
    }

    #[test]
    fn the_target_of_a_redirect_is_named_for_pages() {
        assert_eq!(origin("https://a.test:8443/cb?x"), "https://a.test:8443");
        assert_eq!(origin("http://[::1]:9"), "http://[::1]:9");
        assert_eq!(origin("com.example.app:/cb"), "com.example.app:");
        assert_eq!(origin("com.example.app://x/cb"), "com.example.app:");
        assert_eq!(shown_host("https://a.test/cb"), "a.test");
        assert_eq!(shown_host("com.example.app:/cb"), "com.example.app");
    }

    #[test]
    fn http_is_for_this_computer_only() {
        let reason = "an http redirect URI points at this computer: use https";
        refused("http://a.test/cb", reason);
        refused("http://127.0.0.1.e.test/cb", reason);
    }
}
