//! Signing in with another service: on the way there, and coming back.
//!
//! The answer to the form is a page that goes on by itself, not a redirect: browsers apply the
//! policy's `form-action` to redirects after a form, and the page's policy names nobody but us.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use keyhaven_protocol::id::Id;
use keyhaven_protocol::params::Params;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::secret::Secret;

use super::sample::Sample;
use super::under_way::{Step, UnderWay, go_on};
use crate::app::{App, Shared};
use crate::http::browser::Browser;
use crate::http::page::{self, Answer};
use crate::http::same_origin::Posted;
use crate::operations::Failure;
use crate::operations::sign_in::new_browser;
use crate::operations::upstream_sign_in::{Came, finish_visit, start_sign_in};

/// `POST /login/with/{provider}`
pub async fn leave_for_upstream(
    State(app): State<Shared>,
    Path(provider): Path<String>,
    posted: Posted,
) -> Answer {
    let step = Step::of(&app, posted).await?;
    let url = start(&app, &provider, &step.under_way).await;
    let url = url.map_err(|failure| step.refused(&app, failure))?;
    Ok(page::render(&Leaving { url }).into_response())
}

async fn start(app: &App, provider: &str, under_way: &UnderWay) -> Result<String, Failure> {
    let handle = Secret::from(under_way.handle.as_str());
    start_sign_in(app, known(provider)?, &under_way.pending, &handle, &under_way.browser).await
}

/// `GET /login/with/{provider}/callback`: the other service's answer (RFC 6749 §4.1.2).
pub async fn come_from_upstream(
    State(app): State<Shared>,
    Path(provider): Path<String>,
    browser: Browser,
    uri: Uri,
) -> Response {
    match finish(&app, &provider, &browser, &uri).await {
        Ok(Came::SignedIn(next)) => go_on(&app, next),
        Ok(Came::Linked) => page::see_other("/account?done=linked"),
        Err(failure) => page::refused(&app, failure, &browser.origin),
    }
}

async fn finish(
    app: &Shared,
    provider: &str,
    browser: &Browser,
    uri: &Uri,
) -> Result<Came, Failure> {
    let session = browser.signed_in(app).await?;
    let none = new_browser(app);
    let visitor = browser.visitor(browser.browser.as_ref().unwrap_or(&none), session.as_deref());
    let query = Params::parse_form(uri.query().unwrap_or_default().as_bytes());
    finish_visit(app, known(provider)?, query, visitor, session.as_deref()).await
}

fn known(provider: &str) -> Result<Id, Refusal> {
    Id::parse(provider).ok_or_else(|| Refusal::request("no such provider"))
}

/// On the way.
#[derive(Debug, Template)]
#[template(path = "leaving.html")]
pub struct Leaving {
    /// Where to.
    pub url: String,
}

impl Leaving {
    /// The host one goes to.
    fn host(&self) -> &str {
        let rest = self.url.split("://").nth(1).unwrap_or_default();
        rest.split(['/', '?']).next().unwrap_or_default()
    }
}

impl Sample for Leaving {
    const NAME: &'static str = "leaving";

    fn sample() -> Self {
        Self { url: "https://accounts.google.example/authorize?state=sample".to_owned() }
    }
}
