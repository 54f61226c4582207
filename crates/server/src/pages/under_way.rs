//! The sign-in under way that a page belongs to: begun when the sign-in page is opened, found again
//! by its handle in the same browser, and what follows when a step of it succeeds.

use std::sync::Arc;

use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use keyhaven_protocol::continuation::Continuation;
use keyhaven_protocol::params::Params;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::secret::Secret;
use keyhaven_store::pending_sign_ins::PendingSignIn;
use keyhaven_store::sessions::SignedIn;

use super::parts::Form;
use crate::app::{App, Origin, Shared};
use crate::http::browser::{Browser, keep_browser, keep_session};
use crate::http::page::{self, Early, Page, Told};
use crate::http::same_origin::{Posted, form_token};
use crate::operations::Failure;
use crate::operations::authorize::led_from;
use crate::operations::sign_in::{Next, Opened, Visitor, begin, find, new_browser};

/// A sign-in under way in this browser.
pub struct UnderWay {
    /// Its handle.
    pub handle: String,
    /// What the browser's cookie holds.
    pub browser: Secret,
    /// The sign-in.
    pub pending: PendingSignIn,
    /// Where the browser is.
    pub origin: Origin,
}

/// The query of a page; one that cannot be read counts as empty.
#[must_use]
pub fn query(uri: &Uri) -> Params {
    let bytes = uri.query().unwrap_or_default().as_bytes();
    Params::parse_form(bytes).unwrap_or_default()
}

impl UnderWay {
    /// The sign-in that the query names; a new one, leading where the query says, if it names none
    /// that is still under way.
    pub async fn find_or_begin(
        app: &App,
        browser: &Browser,
        query: &Params,
    ) -> Result<Self, Failure> {
        if query.get("sign_in").is_some() {
            match Self::find(app, browser, query).await {
                Err(Failure::Refused(_)) => {}
                found => return found,
            }
        }
        let to = query.get("continue").and_then(|text| Continuation::parse(text).ok());
        let cookie = browser.browser.clone().unwrap_or_else(|| new_browser(app));
        let handle = begin(app, &cookie, to.unwrap_or_default(), &browser.origin).await?;
        Self::at(app, handle.reveal(), &cookie, browser).await
    }

    /// The sign-in that the query or the form names, in this browser.
    pub async fn find(app: &App, browser: &Browser, names: &Params) -> Result<Self, Failure> {
        let handle = names.get("sign_in").ok_or_else(|| Refusal::missing("sign_in"))?;
        let cookie = browser.browser.as_ref();
        let cookie = cookie.ok_or_else(|| Refusal::token("the browser began no sign-in"))?;
        Self::at(app, handle, cookie, browser).await
    }

    async fn at(
        app: &App,
        handle: &str,
        cookie: &Secret,
        browser: &Browser,
    ) -> Result<Self, Failure> {
        let pending = find(app, handle, cookie).await?;
        let (handle, origin) = (handle.to_owned(), browser.origin.clone());
        Ok(Self { handle, browser: cookie.clone(), pending, origin })
    }

    /// A form of this sign-in.
    #[must_use]
    pub fn form(&self) -> Form {
        Form::fresh(form_token(&self.browser)).of_sign_in(&self.handle)
    }

    /// A page whose forms may end where this sign-in leads in the end: at the app that asked for it,
    /// or at the dashboard whose `auth.login` began it.
    pub async fn leading(&self, app: &App, page: Page) -> Result<Page, Failure> {
        let continue_to = &self.pending.continue_to;
        if continue_to.as_str().starts_with("/rpc/auth.login") {
            return Ok(page.leading_to(app.settings.dashboard_origin()));
        }
        let led = led_from(app, continue_to).await?;
        Ok(match led {
            Some(led) => page.leading_to(&led.origin),
            None => page,
        })
    }

    /// A page that begins it: the browser keeps what it is bound to.
    #[must_use]
    pub fn show(&self, page: Page) -> Response {
        let mut response = page.into_response();
        keep_browser(response.headers_mut(), &self.browser);
        response
    }
}

/// A browser that shows a form of no sign-in: the form is bound to it all the same.
pub struct Visit {
    browser: Secret,
}

impl Visit {
    /// A visit of this browser.
    #[must_use]
    pub fn of(app: &App, browser: &Browser) -> Self {
        Self { browser: browser.browser.clone().unwrap_or_else(|| new_browser(app)) }
    }

    /// Its form.
    #[must_use]
    pub fn form(&self) -> Form {
        Form::fresh(form_token(&self.browser))
    }

    /// A page that begins it.
    #[must_use]
    pub fn show(&self, page: Page) -> Response {
        let mut response = page.into_response();
        keep_browser(response.headers_mut(), &self.browser);
        response
    }

    /// Who sends its form; a session the browser has ends when another begins.
    #[must_use]
    pub fn visitor<'a>(&'a self, browser: &'a Browser) -> Visitor<'a> {
        browser.visitor(&self.browser, None)
    }
}

/// A step of a sign-in, as its form was sent.
pub struct Step {
    /// The sign-in.
    pub under_way: UnderWay,
    posted: Posted,
    session: Option<Arc<SignedIn>>,
}

impl Step {
    /// The step of this form; the error page when its sign-in is over.
    pub async fn of(app: &Shared, posted: Posted) -> Result<Self, Early> {
        let browser = &posted.browser;
        let found =
            tokio::try_join!(UnderWay::find(app, browser, &posted.form), browser.signed_in(app),);
        match found {
            Ok((under_way, session)) => Ok(Self { under_way, posted, session }),
            Err(failure) => Err(page::refused(app, failure, &browser.origin).into()),
        }
    }

    /// Who sent it.
    #[must_use]
    pub fn visitor(&self) -> Visitor<'_> {
        self.posted.browser.visitor(&self.under_way.browser, self.session.as_deref())
    }

    /// What was typed into a field.
    #[must_use]
    pub fn typed(&self, name: &str) -> &str {
        self.posted.form.get(name).unwrap_or_default()
    }

    /// Its form again.
    #[must_use]
    pub fn form(&self) -> Form {
        self.under_way.form()
    }

    /// Notes a refusal for the form that is shown again.
    pub fn told(&self, app: &App, failure: Failure) -> Result<Told, Early> {
        page::told(app, failure, &self.posted.browser.origin)
    }

    /// The error page.
    #[must_use]
    pub fn refused(&self, app: &App, failure: Failure) -> Early {
        page::refused(app, failure, &self.posted.browser.origin).into()
    }
}

/// After a first factor: the destination, or the second factor.
#[must_use]
pub fn go_on(app: &App, next: Next) -> Response {
    match next {
        Next::SignedIn(opened) => arrive(app, &opened),
        Next::SecondFactor { handle, browser, .. } => {
            let mut response =
                page::see_other(&format!("/login/factor?sign_in={}", handle.reveal()));
            keep_browser(response.headers_mut(), &browser);
            response
        }
    }
}

/// After the last factor: a session, and the destination.
#[must_use]
pub fn arrive(app: &App, opened: &Opened) -> Response {
    let mut response = page::see_other(opened.continue_to.as_str());
    keep_session(response.headers_mut(), opened, app.settings.session_absolute);
    response
}
