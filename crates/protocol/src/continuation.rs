//! Where a sign-in leads: a path on our own origin, or on another one that is configured (the
//! dashboard's). Parsed once, where it enters; whatever could leave the origin is refused (A65).
//!
//! A browser reads `\` as `/`, drops tabs and line feeds, and takes `//host` for another host, so
//! none of these may pass. What is kept is the text itself: path, query and fragment.

use std::fmt;

/// The longest continuation that is kept.
const MAX_BYTES: usize = 2_048;

/// A path, query and fragment that stay on the origin they are used on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continuation(String);

impl Continuation {
    /// Reads a path that begins with exactly one `/`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > MAX_BYTES {
            return Err("a destination has at most 2048 bytes");
        }
        if text.bytes().any(|byte| byte <= b' ' || byte == 0x7f || byte == b'\\')
            || !text.is_ascii()
        {
            return Err("a destination has visible ASCII characters and no backslash");
        }
        if !text.starts_with('/') || text.starts_with("//") {
            return Err("a destination begins with exactly one slash");
        }
        Ok(Self(text.to_owned()))
    }

    /// Reads a path, or a whole URL of `origin` (`scheme://host[:port]`): default ports do not
    /// matter, user information does not count as the host.
    pub fn parse_on(origin: &str, text: &str) -> Result<Self, &'static str> {
        if text.starts_with('/') {
            return Self::parse(text);
        }
        let (own, given) = (split_origin(origin), split_origin(text));
        match (own, given) {
            (Some((own, _)), Some((given, rest))) if own == given => {
                if rest.is_empty() || rest.starts_with(['?', '#']) {
                    return Self::parse(&format!("/{rest}"));
                }
                Self::parse(rest)
            }
            _ => Err("a destination stays on its own origin"),
        }
    }

    /// The text, as it goes into a `Location` behind an origin.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first segment of the path; empty for the root.
    #[must_use]
    pub fn first_segment(&self) -> &str {
        self.0[1..].split(['/', '?', '#']).next().unwrap_or_default()
    }
}

impl fmt::Display for Continuation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The root of the origin.
impl Default for Continuation {
    fn default() -> Self {
        Self("/".to_owned())
    }
}

/// Scheme, host and port in lower case, and what follows. The port is always written out.
fn split_origin(text: &str) -> Option<((String, String, u16), &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default = match scheme.as_str() {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    if authority.bytes().any(|byte| byte <= b' ' || byte == b'\\') {
        return None;
    }
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (authority, default),
    };
    if host.is_empty() {
        return None;
    }
    Some(((scheme, host.to_ascii_lowercase(), port), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DASHBOARD: &str = "https://app.example";

    #[track_caller]
    fn leads(text: &str, to: Option<&str>) {
        let parsed = Continuation::parse_on(DASHBOARD, text).ok();
        assert_eq!(parsed.as_ref().map(Continuation::as_str), to, "{text:?}");
    }

    #[test]
    fn paths_of_the_origin_pass_with_query_and_fragment() {
        leads("/", Some("/"));
        leads("/north-yard/x?a=1&b=//c#d", Some("/north-yard/x?a=1&b=//c#d"));
        leads("https://app.example/north", Some("/north"));
        leads("HTTPS://user:word@APP.example:443/north?x#y", Some("/north?x#y"));
        leads("https://app.example", Some("/"));
        leads("https://app.example?x", Some("/?x"));
    }

    #[test]
    fn every_spelling_that_leaves_the_origin_is_refused() {
        for text in [
            "//e.test",
            "/\\e.test",
            "\\\\e.test",
            "https:e.test",
            "https:/e.test",
            "https://e.test/",
            "https://app.example@e.test/",
            "https://app.example.e.test/",
            "https://app.example:444/",
            "http://app.example/",
            "https://app.example\\@e.test/",
            "https://app.example//e.test",
            "/\t/e.test",
            "/\n/e.test",
            "\t//e.test",
            " /x",
            "javascript:alert(1)",
            "data:text/html,x",
            "e.test",
            "",
            "/caf\u{e9}",
            "/x\u{7f}",
        ] {
            leads(text, None);
        }
        leads(&format!("/{}", "x".repeat(2_048)), None);
    }

    #[test]
    fn the_first_segment_is_what_names_an_organization() {
        let first = |text: &str| Continuation::parse(text).unwrap().first_segment().to_owned();
        assert_eq!(first("/north-yard/projects?x"), "north-yard");
        assert_eq!(first("/north-yard#x"), "north-yard");
        assert_eq!(first("/"), "");
    }
}
