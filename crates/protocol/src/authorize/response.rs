//! The answer to an authorization request: in the redirect's query (RFC 6749 §4.1.2) or as a form
//! that the browser posts (OAuth 2.0 Form Post Response Mode), always with `iss` (RFC 9207 §2).

use crate::redirect_uri::origin;
use crate::refusal::Refusal;
use crate::secret::Secret;

/// How the answer travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    #[default]
    Query,
    /// Posted by a form that submits itself.
    FormPost,
}

impl ResponseMode {
    /// Every mode, as metadata lists them.
    pub const ALL: [Self; 2] = [Self::Query, Self::FormPost];

    /// The registered word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::FormPost => "form_post",
        }
    }

    /// Reads the word. `fragment` and `web_message` would hand codes to scripts (A09).
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == word)
    }
}

/// Where an answer goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The matched redirect URI.
    pub redirect_uri: String,
    /// Whether the request named it, so that the token request must too (RFC 6749 §4.1.3).
    pub was_sent: bool,
    /// How the answer travels.
    pub response_mode: ResponseMode,
    /// The client's own note.
    pub state: Option<String>,
}

/// An answer ready to be sent.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The redirect URI as matched.
    pub redirect_uri: String,
    /// How it travels.
    pub response_mode: ResponseMode,
    /// Its parameters in order.
    pub params: Vec<(&'static str, String)>,
}

impl Target {
    /// The answer that carries a code.
    #[must_use]
    pub fn code(&self, code: &Secret, issuer: &str) -> Answer {
        self.answer(vec![("code", code.reveal().to_owned())], issuer)
    }

    /// The answer that says no. `description` is what the client's developer may read.
    #[must_use]
    pub fn error(&self, refusal: &Refusal, description: String, issuer: &str) -> Answer {
        let params =
            vec![("error", refusal.code.as_str().to_owned()), ("error_description", description)];
        self.answer(params, issuer)
    }

    fn answer(&self, mut params: Vec<(&'static str, String)>, issuer: &str) -> Answer {
        if let Some(state) = &self.state {
            params.push(("state", state.clone()));
        }
        params.push(("iss", issuer.to_owned()));
        Answer {
            redirect_uri: self.redirect_uri.clone(),
            response_mode: self.response_mode,
            params,
        }
    }
}

impl Answer {
    /// The URL of a redirect in query mode: the registered query stays (RFC 6749 §3.1.2).
    #[must_use]
    pub fn location(&self) -> String {
        with_query(&self.redirect_uri, &self.params)
    }

    /// The origin a page must be allowed to post or redirect to.
    #[must_use]
    pub fn origin(&self) -> &str {
        origin(&self.redirect_uri)
    }
}

/// `uri` with more query parameters.
#[must_use]
pub fn with_query(uri: &str, params: &[(&'static str, String)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(params);
    if params.is_empty() {
        return uri.to_owned();
    }
    let separator = match uri.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{uri}{separator}{}", form.finish())
}
