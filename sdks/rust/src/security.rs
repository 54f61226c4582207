//! Which credential goes along. Asked anew for every attempt.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use reqwest::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue};

use crate::error::{Error, Kind};
use crate::secret::Secret;
use crate::tokens::{Token, TokenSource};

/// A way in; its key is the name of its credential.
#[derive(Debug)]
pub(crate) struct Scheme {
    pub(crate) key: &'static str,
    /// `bearer`, `basic`, `header` or `cookie`.
    pub(crate) kind: &'static str,
    /// The header or cookie.
    pub(crate) name: &'static str,
}

/// Credentials. A call's own take the place of the client's.
///
/// ```
/// use keyhaven_sdk::Security;
/// let both = Security::bearer("kh_access_secret").and("session", "kh_session_secret");
/// assert!(!format!("{both:?}").contains("secret"));
/// ```
#[derive(Clone, Default)]
pub struct Security {
    named: BTreeMap<String, Secret>,
    bearer: Option<Secret>,
    basic: Option<(String, Secret)>,
    source: Option<Arc<dyn TokenSource>>,
}

impl fmt::Debug for Security {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Security").finish_non_exhaustive()
    }
}

impl Security {
    /// A token for every operation that takes a bearer.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Security;
    /// let security = Security::bearer("kh_access_…");
    /// ```
    #[must_use]
    pub fn bearer(token: impl Into<Secret>) -> Self {
        Self { bearer: Some(token.into()), ..Self::default() }
    }

    /// The id and the secret of an OAuth client.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Security;
    /// let security = Security::basic("kh_client_…", "kh_secret_…");
    /// ```
    #[must_use]
    pub fn basic(id: impl Into<String>, secret: impl Into<Secret>) -> Self {
        Self { basic: Some((id.into(), secret.into())), ..Self::default() }
    }

    /// Tokens of a source.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Security;
    /// # use keyhaven_sdk::tokens::ClientCredentials;
    /// # let source = ClientCredentials::new("https://auth.example.com", "id", "secret").build();
    /// let security = Security::source(source);
    /// ```
    #[must_use]
    pub fn source(source: Arc<dyn TokenSource>) -> Self {
        Self { source: Some(source), ..Self::default() }
    }

    /// The credential of one scheme, by the name it has in the document (`session`).
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Security;
    /// let security = Security::named("administrator", "kh_access_…");
    /// ```
    #[must_use]
    pub fn named(scheme: impl Into<String>, credential: impl Into<Secret>) -> Self {
        Self::default().and(scheme, credential)
    }

    /// Another scheme's credential beside those.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Security;
    /// let security = Security::named("session", "kh_session_…").and("key", "kh_key_…");
    /// ```
    #[must_use]
    pub fn and(mut self, scheme: impl Into<String>, credential: impl Into<Secret>) -> Self {
        self.named.insert(scheme.into(), credential.into());
        self
    }

    pub(crate) fn forget(&self, token: &Token) {
        if let Some(source) = &self.source {
            source.invalidate(token);
        }
    }

    /// Puts the first satisfied alternative on `headers`; answers with the source's token it used.
    pub(crate) async fn authorize(
        &self,
        alternatives: &[&[Scheme]],
        headers: &mut HeaderMap,
    ) -> Result<Option<Token>, Error> {
        for alternative in alternatives {
            let mut found = Vec::new();
            let mut used = None;
            for scheme in *alternative {
                match self.credential(scheme, &mut used).await? {
                    Some(pair) => found.push(pair),
                    None => break,
                }
            }
            if found.len() == alternative.len() {
                headers.extend(found);
                return Ok(used);
            }
        }
        if alternatives.is_empty() {
            return Ok(None);
        }
        let names: Vec<&str> = alternatives.iter().copied().flatten().map(|one| one.key).collect();
        Err(Error::local(Kind::InvalidRequest, format!("no credential: {}", names.join(" or "))))
    }

    async fn credential(
        &self,
        scheme: &Scheme,
        used: &mut Option<Token>,
    ) -> Result<Option<(HeaderName, HeaderValue)>, Error> {
        let named = self.named.get(scheme.key);
        let (name, text) = match scheme.kind {
            "basic" => {
                let Some((id, secret)) = self.basic.as_ref() else { return Ok(None) };
                (AUTHORIZATION, format!("Basic {}", basic(id, secret)))
            }
            "bearer" => {
                let value = match named.or(self.bearer.as_ref()) {
                    Some(value) => value.clone(),
                    None => match &self.source {
                        None => return Ok(None),
                        Some(source) => {
                            let token = source.token().await?;
                            used.insert(token).access_token.clone()
                        }
                    },
                };
                let scheme = used.as_ref().map_or("Bearer", Token::scheme);
                (
                    AUTHORIZATION,
                    format!("{scheme} {}", value.reveal().trim_start_matches("Bearer ")),
                )
            }
            "cookie" => {
                let Some(value) = named else { return Ok(None) };
                (COOKIE, format!("{}={}", scheme.name, value.reveal()))
            }
            _ => {
                let Some(value) = named else { return Ok(None) };
                let name = HeaderName::from_bytes(scheme.name.as_bytes());
                (name.map_err(Error::invalid)?, value.reveal().to_owned())
            }
        };
        let mut value = HeaderValue::from_str(&text).map_err(Error::invalid)?;
        value.set_sensitive(true);
        Ok(Some((name, value)))
    }
}

/// RFC 6749 §2.3.1: both halves are form-encoded before they meet.
pub(crate) fn basic(id: &str, secret: &Secret) -> String {
    let form =
        |text: &str| -> String { form_urlencoded::byte_serialize(text.as_bytes()).collect() };
    base64(format!("{}:{}", form(id), form(secret.reveal())).as_bytes())
}

/// Base64 with padding (RFC 4648 §4).
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let at = |index: usize| u32::from(three.get(index).copied().unwrap_or(0));
        let bits = (at(0) << 16) | (at(1) << 8) | at(2);
        for letter in 0..4 {
            let shown = letter <= three.len();
            let index = (bits >> (18 - 6 * letter)) & 63;
            text.push(if shown { char::from(LETTERS[index as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_halves_are_form_encoded() {
        assert_eq!(basic("id:odd", &Secret::from("a b%")), "aWQlM0FvZGQ6YStiJTI1");
        assert_eq!(base64(b"a"), "YQ==");
        assert_eq!(base64(b"ab"), "YWI=");
    }
}
