//! Signing out: a page that asks first, for a link alone must not do it (A66), and one that says it
//! is done.

use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};

use super::parts::Form;
use super::sample::Sample;
use super::under_way::query;
use crate::app::Shared;
use crate::http::browser::{Browser, drop_session};
use crate::http::page;
use crate::http::same_origin::{Posted, form_token};
use crate::operations::Failure;
use crate::operations::end_session::target_of;
use crate::operations::sessions::{sign_out, sign_out_everywhere};

const DONE: &str = "/logged-out";
const DONE_EVERYWHERE: &str = "/logged-out?where=everywhere";

/// `GET /logout`
pub async fn show_logout(State(app): State<Shared>, browser: Browser) -> Response {
    let signed_in = match browser.signed_in(&app).await {
        Ok(signed_in) => signed_in,
        Err(failure) => return page::refused(&app, failure, &browser.origin),
    };
    let (Some(signed_in), Some(sid)) = (signed_in, &browser.sid) else {
        return page::see_other(DONE);
    };
    let account = signed_in.person.user.email.clone();
    let view = Logout { form: Form::fresh(form_token(sid)), account, handle: None };
    page::render(&view).into_response()
}

/// `POST /logout`
pub async fn confirm_logout(State(app): State<Shared>, posted: Posted) -> Response {
    let everywhere = posted.form.get("where") == Some("everywhere");
    let ended: Result<Option<String>, Failure> = async {
        let Some(signed_in) = posted.browser.signed_in(&app).await? else { return Ok(None) };
        let sealed = posted.form.get("request");
        let target =
            sealed.map(|sealed| target_of(&app, signed_in.session.id, sealed)).transpose()?;
        if everywhere {
            sign_out_everywhere(&app, &signed_in, &posted.browser.origin).await?;
        } else {
            sign_out(&app, &signed_in, &posted.browser.origin).await?;
        }
        Ok(target)
    }
    .await;
    let target = match ended {
        Ok(target) => target,
        Err(failure) => return page::refused(&app, failure, &posted.browser.origin),
    };
    let done = if everywhere { DONE_EVERYWHERE } else { DONE };
    let mut response = page::see_other(target.as_deref().unwrap_or(done));
    drop_session(response.headers_mut());
    response
}

/// `GET /logged-out`
pub async fn show_logged_out(uri: Uri) -> Response {
    let everywhere = query(&uri).get("where") == Some("everywhere");
    page::render(&LoggedOut { everywhere }).into_response()
}

/// Asking.
#[derive(Debug, Template)]
#[template(path = "logout.html")]
pub struct Logout {
    /// Its form.
    pub form: Form,
    /// Who is signed in.
    pub account: String,
    /// The stored request of an app that wants it, if one does.
    pub handle: Option<String>,
}

impl Sample for Logout {
    const NAME: &'static str = "logout";

    fn sample() -> Self {
        let account = "ada@northwind.example".to_owned();
        Self { form: Form::sample(), account, handle: None }
    }
}

/// Done.
#[derive(Debug, Template)]
#[template(path = "logged_out.html")]
pub struct LoggedOut {
    /// Whether all sessions ended.
    pub everywhere: bool,
}

impl Sample for LoggedOut {
    const NAME: &'static str = "logged-out";

    fn sample() -> Self {
        Self { everywhere: false }
    }

    fn others() -> Vec<(&'static str, Self)> {
        vec![("everywhere", Self { everywhere: true })]
    }
}
