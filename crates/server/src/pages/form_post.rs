//! The answer of an authorization request as a form that the browser posts to the client (OAuth 2.0
//! Form Post Response Mode). It submits itself; without scripts a button does. Values are escaped by
//! the template engine alone (A10).

use askama::Template;
use keyhaven_protocol::authorize::Answer;
use keyhaven_protocol::redirect_uri::shown_host;

use super::sample::Sample;

/// The page.
#[derive(Debug, Template)]
#[template(path = "form_post.html")]
pub struct FormPost {
    /// Where it is posted.
    pub action: String,
    /// The host people are shown.
    pub host: String,
    /// What is posted.
    pub params: Vec<(&'static str, String)>,
}

impl FormPost {
    /// The form of an answer.
    #[must_use]
    pub fn of(answer: &Answer) -> Self {
        Self {
            action: answer.redirect_uri.clone(),
            host: shown_host(&answer.redirect_uri).to_owned(),
            params: answer.params.clone(),
        }
    }
}

impl Sample for FormPost {
    const NAME: &'static str = "form-post";

    fn sample() -> Self {
        Self {
            action: "https://notebook.northwind.example/callback".to_owned(),
            host: "notebook.northwind.example".to_owned(),
            params: vec![("code", "code-of-a-sample".to_owned())],
        }
    }
}
