//! Accepting an invitation.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::account::deed::{refused, sender};
use super::parts::{Field, Form};
use super::sample::Sample;
use super::sign_up::chosen_password;
use super::under_way::{Visit, arrive};
use crate::app::Shared;
use crate::http::browser::Browser;
use crate::http::page::{self, Answer, Told};
use crate::http::same_origin::{Posted, form_token};
use crate::operations::accounts::{NewPerson, accept_invitation, make_invited_account};

/// `GET /invitation`: for a new account; who is signed in joins with the account they have.
pub async fn show_invitation(State(app): State<Shared>, browser: Browser) -> Response {
    match (browser.signed_in(&app).await, &browser.sid) {
        (Ok(Some(signed_in)), Some(sid)) => {
            let account = Some(signed_in.person.user.email.clone());
            let form = Form::fresh(form_token(sid));
            page::render(&Invitation { account, ..Invitation::fresh(form) }).into_response()
        }
        (Ok(_), _) => {
            let visit = Visit::of(&app, &browser);
            visit.show(page::render(&Invitation::fresh(visit.form())))
        }
        (Err(failure), _) => page::refused(&app, failure, &browser.origin),
    }
}

/// `POST /invitation`
pub async fn make_account(State(app): State<Shared>, posted: Posted) -> Answer {
    let visit = Visit::of(&app, &posted.browser);
    let typed = |name: &str| posted.form.get(name).unwrap_or_default();
    let password = chosen_password(&posted);
    let person = NewPerson { name: typed("name"), password: password.as_ref() };
    let visitor = visit.visitor(&posted.browser);
    match make_invited_account(&app, typed("once"), person, visitor).await {
        Ok(opened) => Ok(arrive(&app, &opened)),
        Err(failure) => {
            let told = page::told(&app, failure, &posted.browser.origin)?;
            let mut view = Invitation::fresh(visit.form().with(told.alert(NOT_MADE)));
            view.once = Field::of(typed("once"));
            view.name = Field::of(typed("name"));
            view.blame(&told);
            Ok(page::render(&view).after(&told).into_response())
        }
    }
}

/// `POST /invitation/accept`: with the account that is signed in.
pub async fn join_with_account(State(app): State<Shared>, posted: Posted) -> Answer {
    let user = sender(&app, &posted).await?;
    let once = posted.form.get("once").unwrap_or_default();
    let joined = accept_invitation(&app, once, &user.signed_in, &user.browser.origin).await;
    joined.map_err(|failure| refused(&app, &user, failure))?;
    Ok(page::see_other("/organizations"))
}

const NOT_MADE: &str =
    "The account was not made. See below; if you have an account, sign in first.";
const WRONG_CODE: &str = "This invitation is used, withdrawn or too old. Ask for a new one.";

/// The invitation page.
#[derive(Debug, Template)]
#[template(path = "invitation.html")]
pub struct Invitation {
    /// Its form.
    pub form: Form,
    /// The account that is signed in, if one is.
    pub account: Option<String>,
    /// The one-time code of the message.
    pub once: Field,
    /// The name.
    pub name: Field,
    /// The password; never shown again.
    pub password: Field,
}

impl Invitation {
    fn fresh(form: Form) -> Self {
        let (once, name, password) = (Field::default(), Field::default(), Field::default());
        Self { form, account: None, once, name, password }
    }

    fn blame(&mut self, told: &Told) {
        match told.field {
            Some("once") => self.once.error = Some(WRONG_CODE.to_owned()),
            Some("name") => self.name.error = Some(told.advice()),
            Some("new_password") => self.password.error = Some(told.advice()),
            _ => {}
        }
    }
}

impl Sample for Invitation {
    const NAME: &'static str = "invitation";

    fn sample() -> Self {
        Self::fresh(Form::sample())
    }

    fn others() -> Vec<(&'static str, Self)> {
        let account = Some("ada@northwind.example".to_owned());
        vec![("signed-in", Self { account, ..Self::sample() })]
    }
}
