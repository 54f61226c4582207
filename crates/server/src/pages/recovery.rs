//! A forgotten password: asking for the link, and choosing a new one. Recovery never removes a
//! second factor.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use keyhaven_protocol::secret::Secret;

use super::notice::Notice;
use super::parts::{Field, Form};
use super::sample::Sample;
use super::under_way::Visit;
use crate::app::Shared;
use crate::http::browser::{Browser, drop_session};
use crate::http::page::{self, Answer, Page, Told};
use crate::http::same_origin::Posted;
use crate::operations::recovery::{recover, request_recovery};

/// `GET /recover`
pub async fn show_recover(State(app): State<Shared>, browser: Browser) -> Response {
    let visit = Visit::of(&app, &browser);
    visit.show(page::render(&Recover { form: visit.form(), username: Field::default() }))
}

/// `POST /recover`: the same answer for every address.
pub async fn ask_for_recovery(State(app): State<Shared>, posted: Posted) -> Answer {
    let address = posted.form.get("username").unwrap_or_default();
    let asked = request_recovery(&app, address, &posted.browser.origin).await;
    let Err(failure) = asked else { return Ok(page::see_other("/recover/sent")) };
    let told = page::told(&app, failure, &posted.browser.origin)?;
    let alert = told.alert("Too many messages were asked for. Wait a little.");
    let form = Visit::of(&app, &posted.browser).form().with(alert);
    let view = Recover { form, username: Field::of(address) };
    Ok(page::render(&view).after(&told).into_response())
}

/// `GET /recover/sent`
pub async fn show_recovery_sent() -> Page {
    page::render(&Notice::recovery_sent())
}

/// `GET /reset`
pub async fn show_reset(State(app): State<Shared>, browser: Browser) -> Response {
    let visit = Visit::of(&app, &browser);
    visit.show(page::render(&Reset::fresh(visit.form())))
}

/// `POST /reset`: the code is spent, the password set, every session ended.
pub async fn reset_password(State(app): State<Shared>, posted: Posted) -> Answer {
    let typed = |name: &str| posted.form.get(name).unwrap_or_default();
    let (once, new) = (typed("once"), Secret::from(typed("password")));
    let Err(failure) = recover(&app, once, &new, &posted.browser.origin).await else {
        let mut response = page::see_other("/reset/done");
        drop_session(response.headers_mut());
        return Ok(response);
    };
    let told = page::told(&app, failure, &posted.browser.origin)?;
    let form = Visit::of(&app, &posted.browser).form().with(told.alert(NOT_SET));
    let mut view = Reset { once: Field::of(once), ..Reset::fresh(form) };
    view.blame(&told);
    Ok(page::render(&view).after(&told).into_response())
}

/// `GET /reset/done`
pub async fn show_reset_done() -> Page {
    page::render(&Notice::password_set())
}

const NOT_SET: &str = "The password was not set. See below for what to change.";
const WRONG_CODE: &str =
    "This link was used already, or it is older than 30 minutes. Ask for a new one.";

/// Asking for the link.
#[derive(Debug, Template)]
#[template(path = "recover.html")]
pub struct Recover {
    /// Its form.
    pub form: Form,
    /// The address.
    pub username: Field,
}

impl Sample for Recover {
    const NAME: &'static str = "recover";

    fn sample() -> Self {
        Self { form: Form::sample(), username: Field::default() }
    }
}

/// Choosing a new password.
#[derive(Debug, Template)]
#[template(path = "reset.html")]
pub struct Reset {
    /// Its form.
    pub form: Form,
    /// The one-time code of the message.
    pub once: Field,
    /// The new password; never shown again.
    pub password: Field,
}

impl Reset {
    fn fresh(form: Form) -> Self {
        Self { form, once: Field::default(), password: Field::default() }
    }

    fn blame(&mut self, told: &Told) {
        match told.field {
            Some("once") => self.once.error = Some(WRONG_CODE.to_owned()),
            Some("new_password") => self.password.error = Some(told.advice()),
            _ => {}
        }
    }
}

impl Sample for Reset {
    const NAME: &'static str = "reset";

    fn sample() -> Self {
        Self::fresh(Form::sample())
    }

    fn others() -> Vec<(&'static str, Self)> {
        let mut refused = Self::fresh(Form::refused_sample(NOT_SET));
        refused.once = Field::default().wrong(WRONG_CODE);
        vec![("refused", refused)]
    }
}
