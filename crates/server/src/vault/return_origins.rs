//! Where a user may be sent after a flow: this server, or an origin an operator configured, compared
//! whole. What a request names is only ever chosen from these (no open redirect).

use keyhaven_protocol::connection::Sharing;
use keyhaven_protocol::connection::callback::Word;
use keyhaven_protocol::id::ConnectorId;
use url::{Position, Url};

/// The longest URL to return to.
const LONGEST_URL: usize = 2_048;

/// The allowed origins and the paths of the pages there.
#[derive(Clone, Debug)]
pub struct ReturnOrigins {
    own: String,
    origins: Vec<String>,
    private_path: String,
    team_path: String,
}

impl ReturnOrigins {
    /// This server's `own` origin and the configured ones.
    #[must_use]
    pub fn new(own: &str, origins: Vec<String>, private_path: &str, team_path: &str) -> Self {
        let tidy = |path: &str| path.trim_end_matches('/').to_owned();
        Self {
            own: own.to_owned(),
            origins,
            private_path: tidy(private_path),
            team_path: tidy(team_path),
        }
    }

    /// The base a request asks for, as an origin that is allowed; the first configured one, or this
    /// server's, when it asks for none.
    #[must_use]
    pub fn allow(&self, asked: Option<&str>) -> Option<String> {
        let Some(asked) = asked.filter(|asked| !asked.is_empty()) else {
            return Some(self.origins.first().unwrap_or(&self.own).clone());
        };
        let origin = origin_of(asked)?;
        let known = self.origins.iter().chain(std::iter::once(&self.own));
        known.into_iter().find(|known| **known == origin).cloned()
    }

    /// A whole URL that a request asks to return to, if its origin is allowed.
    #[must_use]
    pub fn allow_url(&self, asked: &str) -> Option<String> {
        let url = Url::parse(asked).ok()?;
        let bare = url.username().is_empty() && url.password().is_none();
        if !bare || url.fragment().is_some() || asked.len() > LONGEST_URL {
            return None;
        }
        self.allow(Some(&url[..Position::BeforePath]))?;
        Some(url.into())
    }

    /// Where a success leads.
    #[must_use]
    pub fn success(&self, base: &str, sharing: Sharing, connector: ConnectorId) -> String {
        let path = if sharing.is_of_a_team() { &self.team_path } else { &self.private_path };
        format!("{base}{path}/{connector}")
    }

    /// Where a failure leads: a fixed word, and nothing of anybody else's.
    #[must_use]
    pub fn failure(&self, base: &str, sharing: Sharing, word: Word) -> String {
        match word {
            Word::InvalidToken => {
                let path =
                    if sharing.is_of_a_team() { &self.team_path } else { &self.private_path };
                format!("{base}{path}?oauth_error={}", word.as_str())
            }
            word => format!("{base}/connectors/oauth/callback?oauth_error={}", word.as_str()),
        }
    }
}

/// Scheme, host and port of a base URL that is nothing more: no user, path, query or fragment.
pub fn origin_of(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let bare = url.username().is_empty() && url.password().is_none();
    let alone = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let sound = matches!(url.scheme(), "https" | "http") && url.has_host();
    (bare && alone && sound).then(|| url[..Position::BeforePath].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins() -> ReturnOrigins {
        let hub = vec!["https://hub.example".to_owned()];
        ReturnOrigins::new("https://keys.example", hub, "/me/connector", "/team/connector/")
    }

    #[test]
    fn only_whole_origins_are_allowed() {
        let origins = origins();
        for asked in ["https://hub.example", "https://hub.example/", "https://HUB.example:443"] {
            assert_eq!(
                origins.allow(Some(asked)).as_deref(),
                Some("https://hub.example"),
                "{asked}"
            );
        }
        assert_eq!(
            origins.allow(Some("https://keys.example")).as_deref(),
            Some("https://keys.example")
        );
        for asked in [
            "https://hub.example.evil.example",
            "https://hub.example@evil.example",
            "https://evil.example/https://hub.example",
            "http://hub.example",
            "https://hub.example:8443",
            "https://hub.example/path",
            "https://hub.example?x",
            "//hub.example",
            "javascript:alert(1)",
            "hub.example",
        ] {
            assert_eq!(origins.allow(Some(asked)), None, "{asked}");
        }
    }

    #[test]
    fn a_whole_url_returns_to_an_allowed_origin_only() {
        let asked = "https://hub.example/settings?tab=apps";
        assert_eq!(origins().allow_url(asked).as_deref(), Some(asked));
        for asked in [
            "https://evil.example/settings",
            "https://ada@hub.example/settings",
            "https://hub.example/settings#top",
            "/settings",
            "javascript:alert(1)",
        ] {
            assert_eq!(origins().allow_url(asked), None, "{asked}");
        }
    }

    #[test]
    fn without_a_wish_the_first_configured_origin_counts() {
        assert_eq!(origins().allow(None).as_deref(), Some("https://hub.example"));
        let none = ReturnOrigins::new("https://keys.example", Vec::new(), "/a", "/b");
        assert_eq!(none.allow(Some("")).as_deref(), Some("https://keys.example"));
    }
}
