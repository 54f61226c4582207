//! The first administrator. The one-time code that was printed at the start arrives behind the `#`
//! of the address; without JavaScript it is pasted into its field (A67).

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use keyhaven_protocol::secret::Secret;

use super::parts::{Field, Form};
use super::sample::Sample;
use super::under_way::{Visit, arrive};
use crate::app::Shared;
use crate::http::browser::Browser;
use crate::http::page::{self, Answer, Told};
use crate::http::same_origin::Posted;
use crate::operations::accounts::{NewPerson, make_first_administrator};

/// `GET /welcome`: there as long as nobody administers the instance.
pub async fn show_welcome(State(app): State<Shared>, browser: Browser) -> Response {
    match app.store.has_administrators().await {
        Ok(true) => page::not_found(),
        Ok(false) => {
            let visit = Visit::of(&app, &browser);
            visit.show(page::render(&Welcome::fresh(visit.form())))
        }
        Err(error) => page::refused(&app, error.into(), &browser.origin),
    }
}

/// `POST /welcome`
pub async fn welcome_administrator(State(app): State<Shared>, posted: Posted) -> Answer {
    let visit = Visit::of(&app, &posted.browser);
    let typed = |name: &str| posted.form.get(name).unwrap_or_default();
    let password = Secret::from(typed("password"));
    let person = NewPerson { name: typed("name"), password: Some(&password) };
    let (once, username) = (typed("once"), typed("username"));
    let visitor = visit.visitor(&posted.browser);
    match make_first_administrator(&app, once, username, person, visitor).await {
        Ok(opened) => Ok(arrive(&app, &opened)),
        Err(failure) => {
            let told = page::told(&app, failure, &posted.browser.origin)?;
            let mut view = Welcome::fresh(visit.form().with(told.alert(NOT_MADE)));
            view.once = Field::of(once);
            view.username = Field::of(username);
            view.name = Field::of(typed("name"));
            view.blame(&told);
            Ok(page::render(&view).after(&told).into_response())
        }
    }
}

const NOT_MADE: &str = "The administrator was not made. See below for what to change.";
const WRONG_CODE: &str =
    "This code is unknown, used or too old. Starting the server prints a new one.";

/// The welcome page.
#[derive(Debug, Template)]
#[template(path = "welcome.html")]
pub struct Welcome {
    /// Its form.
    pub form: Form,
    /// The one-time code.
    pub once: Field,
    /// The address.
    pub username: Field,
    /// The name.
    pub name: Field,
    /// The password; never shown again.
    pub password: Field,
}

impl Welcome {
    fn fresh(form: Form) -> Self {
        let (once, username) = (Field::default(), Field::default());
        Self { form, once, username, name: Field::default(), password: Field::default() }
    }

    fn blame(&mut self, told: &Told) {
        match told.field {
            Some("once") => self.once.error = Some(WRONG_CODE.to_owned()),
            Some("username") => self.username.error = Some(told.advice()),
            Some("name") => self.name.error = Some(told.advice()),
            Some("new_password") => self.password.error = Some(told.advice()),
            _ => {}
        }
    }
}

impl Sample for Welcome {
    const NAME: &'static str = "welcome";

    fn sample() -> Self {
        Self::fresh(Form::sample())
    }
}
