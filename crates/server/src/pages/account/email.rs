//! Another address: asked for here, proved by the link that is sent there, which leads back here.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use keyhaven_protocol::refusal::Code;

use super::deed::{asked_lately, done, sender};
use crate::app::Shared;
use crate::http::browser::SignedInUser;
use crate::http::page::{self, Answer};
use crate::http::same_origin::Posted;
use crate::operations::recovery::{change_address, request_address};
use crate::pages::parts::{Field, Form};
use crate::pages::sample::Sample;
use crate::pages::sign_up::{CONFIRM_AGAIN, Confirm, Confirming};

const NEW: &str = "/account/email/new";

/// `GET /account/email/new`
pub async fn show_new_address(State(app): State<Shared>, user: SignedInUser) -> Answer {
    asked_lately(&app, &user, NEW)?;
    Ok(page::render(&Email::of(&user, Form::of(&user))).into_response())
}

/// `POST /account/email/new`
pub async fn ask_for_address(State(app): State<Shared>, posted: Posted) -> Answer {
    let user = sender(&app, &posted).await?;
    asked_lately(&app, &user, NEW)?;
    let typed = posted.form.get("email").unwrap_or_default();
    let asked = request_address(&app, &user.signed_in, typed, &user.browser.origin).await;
    let Err(failure) = asked else { return Ok(done("address-asked")) };
    let told = page::told(&app, failure, &user.browser.origin)?;
    let form = Form::of(&user).with(told.alert(match told.kind {
        Code::TooManyRequests => "Too many messages were asked for. Wait a little.",
        _ => "No message was sent.",
    }));
    let mut view = Email { new: Field::of(typed), ..Email::of(&user, form) };
    if told.field == Some("email") {
        view.new = view.new.wrong(told.advice());
    }
    Ok(page::render(&view).after(&told).into_response())
}

/// `GET /account/email`: the mailed link. Opening it changes nothing; its button does.
pub async fn show_address_confirmation(user: SignedInUser) -> Response {
    page::render(&Confirm::fresh(Form::of(&user), Confirming::Address)).into_response()
}

/// `POST /account/email/confirm`
pub async fn use_address(State(app): State<Shared>, posted: Posted) -> Answer {
    let user = sender(&app, &posted).await?;
    let once = posted.form.get("once").unwrap_or_default();
    let changed = change_address(&app, once, &user.signed_in, &user.browser.origin).await;
    let Err(failure) = changed else { return Ok(done("address")) };
    let told = page::told(&app, failure, &user.browser.origin)?;
    let form = Form::of(&user).with(told.alert(CONFIRM_AGAIN));
    let view = Confirm { once: Field::of(once), ..Confirm::fresh(form, Confirming::Address) };
    Ok(page::render(&view).after(&told).into_response())
}

/// The page that asks for the new address.
#[derive(Debug, Template)]
#[template(path = "account_email.html")]
pub struct Email {
    /// Its form.
    pub form: Form,
    /// The present address.
    pub email: String,
    /// The new one.
    pub new: Field,
}

impl Email {
    pub(crate) const PLACE: &'static str = "account";

    fn of(user: &SignedInUser, form: Form) -> Self {
        let email = user.signed_in.person.user.email.clone();
        Self { form, email, new: Field::default() }
    }
}

impl Sample for Email {
    const NAME: &'static str = "account-email";

    fn sample() -> Self {
        let email = "ada@northwind.example".to_owned();
        Self { form: Form::sample(), email, new: Field::default() }
    }
}
