//! The providers we know by name: where they are and what to ask them for. Everything else about
//! them is read from their own metadata, except for GitHub, which has none.

/// A provider known by name, or any issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preset {
    /// Any OpenID provider, by its issuer URL.
    Generic,
    /// Google.
    Google,
    /// GitHub: OAuth 2.0 and a user interface, no ID tokens.
    Github,
    /// Microsoft Entra, one tenant: its issuer names the tenant, so it can be compared.
    Microsoft,
    /// GitLab, hosted or one's own.
    Gitlab,
}

impl Preset {
    /// Each of them.
    pub const ALL: [Self; 5] =
        [Self::Generic, Self::Google, Self::Github, Self::Microsoft, Self::Gitlab];

    /// The word in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Google => "google",
            Self::Github => "github",
            Self::Microsoft => "microsoft",
            Self::Gitlab => "gitlab",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.as_str() == word)
    }

    /// The issuer, where the preset knows it.
    #[must_use]
    pub const fn issuer(self) -> Option<&'static str> {
        match self {
            Self::Google => Some("https://accounts.google.com"),
            Self::Github => Some("https://github.com"),
            Self::Gitlab => Some("https://gitlab.com"),
            Self::Generic | Self::Microsoft => None,
        }
    }

    /// The scopes that are asked for.
    #[must_use]
    pub const fn scopes(self) -> &'static str {
        match self {
            Self::Github => "read:user user:email",
            Self::Generic | Self::Google | Self::Microsoft | Self::Gitlab => "openid profile email",
        }
    }

    /// The name on the button, unless the operator chose another.
    #[must_use]
    pub const fn label(self) -> Option<&'static str> {
        match self {
            Self::Generic => None,
            Self::Google => Some("Google"),
            Self::Github => Some("GitHub"),
            Self::Microsoft => Some("Microsoft"),
            Self::Gitlab => Some("GitLab"),
        }
    }
}

/// Reads an issuer (OpenID Connect Discovery §2, RFC 8414 §2): `https`, or `http` for a provider that
/// the operator lets us reach on its own network; no query, fragment, user name or template.
pub fn parse_issuer(text: &str) -> Result<&str, &'static str> {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .ok_or("an issuer begins with https://")?;
    if text.len() > 512 {
        return Err("an issuer has at most 512 bytes");
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("an issuer has visible ASCII characters only");
    }
    if text.contains(['?', '#', '@', '{', '}', '\\', '"', '<', '>']) {
        return Err("an issuer has no query, fragment, user name or template");
    }
    let host = rest.split('/').next().unwrap_or_default();
    if host.is_empty() || host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err("an issuer has a host, in lower case");
    }
    let dots = rest.split('/').skip(1).any(|segment| matches!(segment, "." | ".."));
    if dots { Err("an issuer has no dot segment") } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_read_back_and_have_sound_issuers() {
        for preset in Preset::ALL {
            assert_eq!(Preset::parse(preset.as_str()), Some(preset));
            if let Some(issuer) = preset.issuer() {
                assert_eq!(parse_issuer(issuer), Ok(issuer));
            }
        }
    }

    #[test]
    fn an_issuer_can_be_compared() {
        for text in ["https://idp.test", "https://idp.test/", "https://idp.test:8443/realms/x"] {
            assert_eq!(parse_issuer(text), Ok(text));
        }
        let refused = |text: &str, rule| assert_eq!(parse_issuer(text), Err(rule), "{text}");
        let extra = "an issuer has no query, fragment, user name or template";
        refused("ftp://idp.test", "an issuer begins with https://");
        refused("https://idp.test?x", extra);
        refused("https://a@idp.test", extra);
        refused("https://login.test/{tenantid}/v2.0", extra);
        refused("https://idp.test/ü", "an issuer has visible ASCII characters only");
        refused("https://", "an issuer has a host, in lower case");
        refused("https://IDP.test", "an issuer has a host, in lower case");
        refused("https://idp.test/../x", "an issuer has no dot segment");
        refused(&format!("https://{}", "a".repeat(520)), "an issuer has at most 512 bytes");
    }
}
