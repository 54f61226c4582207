//! Where a code goes: https, or http to this computer (any port). The app is known by the origin of
//! that address and by nothing it says about itself.

use crate::redirect_uri::parse_redirect_uri;
use crate::secret::Digest;

/// A callback address, kept byte for byte, and the app behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// The address.
    pub url: String,
    /// The identity of the app: `https://notes.example`. Programs on this computer share one per
    /// host name, because their ports change.
    pub app: String,
}

impl Callback {
    /// Reads an address under the rules of registered redirect URIs; private schemes have no origin
    /// and so no identity.
    pub fn parse(url: &str) -> Result<Self, &'static str> {
        let url = parse_redirect_uri(url).map_err(told)?;
        let (scheme, rest) = url.split_once("://").ok_or(HTTPS)?;
        let authority = rest.split(['/', '?']).next().unwrap_or_default().to_ascii_lowercase();
        let app = match scheme {
            "https" => {
                let authority = authority.strip_suffix(":443").unwrap_or(&authority);
                format!("https://{authority}")
            }
            "http" => format!("http://{}", without_port(&authority)),
            _ => return Err(HTTPS),
        };
        Ok(Self { url, app })
    }

    /// Scheme, host and port: where the browser is sent, for the page's `form-action`.
    #[must_use]
    pub fn origin(&self) -> &str {
        let start = self.url.find("://").map_or(0, |at| at + 3);
        let end = self.url[start..].find(['/', '?']).map_or(self.url.len(), |at| start + at);
        &self.url[..end]
    }

    /// The host, as people are shown it.
    #[must_use]
    pub fn host(&self) -> &str {
        self.app.split_once("://").map_or(&self.app, |(_, host)| host)
    }

    /// Whether it is a program on the person's own computer, of which nothing is certain.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.app.starts_with("http://")
    }

    /// The number by which the family knows an app: made from its identity, so it stays the same
    /// everywhere; small enough for a JSON number.
    #[must_use]
    pub fn app_number(app: &str) -> i64 {
        let digest = Digest::of(app.as_bytes()).0;
        let mut number = [0; 8];
        number[2..].copy_from_slice(&digest[..6]);
        i64::from_be_bytes(number)
    }

    /// The address with parameters added to its query.
    #[must_use]
    pub fn with(&self, pairs: &[(&str, &str)]) -> String {
        let mut url = self.url.clone();
        let mut joint = match url.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some(_) => "&",
        };
        for (name, value) in pairs {
            let pair =
                form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
            url.push_str(joint);
            url.push_str(&pair);
            joint = "&";
        }
        url
    }
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, _)) if !authority.ends_with(']') => host,
        _ => authority,
    }
}

/// The same rule in the words of this family.
fn told(rule: &'static str) -> &'static str {
    match rule {
        "a redirect URI has scheme https, http to this computer, or one with a dot"
        | "an http redirect URI points at this computer: use https" => HTTPS,
        "a redirect URI has at most 2048 bytes" => "callback_url has at most 2048 bytes",
        "a redirect URI has no fragment" => "callback_url has no fragment",
        "a redirect URI has no user name" => "callback_url has no user name",
        _ => "callback_url is not an exact, absolute address",
    }
}

const HTTPS: &str = "callback_url is https, or http to localhost or 127.0.0.1";

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn app(url: &str, expected: &str) {
        let callback = Callback::parse(url).unwrap();
        assert_eq!((callback.url.as_str(), callback.app.as_str()), (url, expected));
    }

    #[test]
    fn an_app_is_the_origin_of_its_callback() {
        app("https://notes.example/cb?x=1", "https://notes.example");
        app("https://NOTES.example:443/cb", "https://notes.example");
        app("https://notes.example:3000/cb", "https://notes.example:3000");
        app("http://localhost:5173/cb", "http://localhost");
        app("http://127.0.0.1/cb", "http://127.0.0.1");
        app("http://[::1]:8080/cb", "http://[::1]");
    }

    #[test]
    fn a04_other_schemes_are_refused() {
        for url in [
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///x",
            "com.example.app:/cb",
            "http://notes.example/cb",
        ] {
            assert_eq!(Callback::parse(url), Err(HTTPS), "{url}");
        }
    }

    #[test]
    fn a01_what_two_parsers_read_differently_is_refused() {
        for url in [
            "https://a.test@e.test/cb",
            "https://a.test/cb#x",
            "https://a.test/../x",
            "https:\\\\a.test/cb",
            "//a.test/cb",
            "https://*.a.test/cb",
            "http://127.0.0.1.e.test/cb",
            "http://localhost@e.test/cb",
            "https://a.test/cb\r\nx: y",
            "",
        ] {
            assert!(Callback::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn parameters_join_what_is_there() {
        let with =
            |url: &str| Callback::parse(url).unwrap().with(&[("code", "a b"), ("state", "&")]);
        assert_eq!(with("https://a.test/cb"), "https://a.test/cb?code=a+b&state=%26");
        assert_eq!(with("https://a.test/cb?x=1"), "https://a.test/cb?x=1&code=a+b&state=%26");
        assert_eq!(with("https://a.test?"), "https://a.test?code=a+b&state=%26");
    }

    #[test]
    fn an_apps_number_is_a_whole_json_number() {
        let number = Callback::app_number("https://notes.example");
        assert_eq!(number, Callback::app_number("https://notes.example"));
        assert!(number > 0 && number < 1 << 53);
    }

    #[test]
    fn the_origin_keeps_the_port_of_a_local_program() {
        assert_eq!(
            Callback::parse("http://localhost:5173/cb").unwrap().origin(),
            "http://localhost:5173"
        );
        assert_eq!(Callback::parse("https://a.test?x").unwrap().origin(), "https://a.test");
    }
}
