//! Making an account, where strangers may: the address first proves itself by a mailed link. The
//! answers are the same whether or not the address has an account (A58).

use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use keyhaven_protocol::refusal::Code;
use keyhaven_protocol::secret::Secret;

use super::notice::Notice;
use super::parts::{Field, Form, Upstream};
use super::sample::Sample;
use super::under_way::{UnderWay, Visit, arrive, query};
use crate::app::{App, Shared};
use crate::config::SignUp as Admission;
use crate::http::browser::Browser;
use crate::http::page::{self, Answer, Page, Told};
use crate::http::same_origin::Posted;
use crate::operations::Failure;
use crate::operations::accounts::{NewPerson, confirm_sign_up, request_sign_up};

/// What a good password is, said wherever one is chosen.
pub const PASSWORD_HINT: &str = "8 characters or more; several words are best. No other rules.";

/// Whether strangers may make accounts.
pub(super) fn is_open(app: &App) -> bool {
    app.settings.sign_up == Admission::Open
}

/// `GET /sign-up`: there where strangers may.
pub async fn show_sign_up(State(app): State<Shared>, browser: Browser, uri: Uri) -> Response {
    if !is_open(&app) {
        return page::not_found();
    }
    let shown = async {
        let under_way = UnderWay::find_or_begin(&app, &browser, &query(&uri)).await?;
        let upstreams = Upstream::all(&app).await?;
        let view = SignUp { upstreams, ..SignUp::fresh(under_way.form()) };
        Ok(under_way.show(page::render(&view)))
    };
    let shown: Result<Response, Failure> = shown.await;
    shown.unwrap_or_else(|failure| page::refused(&app, failure, &browser.origin))
}

/// `POST /sign-up`
pub async fn ask_for_account(State(app): State<Shared>, posted: Posted) -> Answer {
    let typed = |name: &str| posted.form.get(name).unwrap_or_default();
    let password = chosen_password(&posted);
    let person = NewPerson { name: typed("name"), password: password.as_ref() };
    let origin = &posted.browser.origin;
    let asked = request_sign_up(&app, typed("username"), person, origin).await;
    let Err(failure) = asked else { return Ok(page::see_other("/sign-up/sent")) };
    let told = page::told(&app, failure, origin)?;
    let form = Visit::of(&app, &posted.browser).form();
    let form = match posted.form.get("sign_in") {
        Some(handle) => form.of_sign_in(handle),
        None => form,
    };
    let mut view = SignUp::fresh(form.with(told.alert(match told.kind {
        Code::TooManyRequests => "Too many messages were asked for. Wait a little.",
        _ => "Something has to change before the account can be made.",
    })));
    view.username = Field::of(typed("username"));
    view.name = Field::of(typed("name"));
    view.blame(&told);
    Ok(page::render(&view).after(&told).into_response())
}

/// `GET /sign-up/sent`
pub async fn show_sign_up_sent() -> Page {
    page::render(&Notice::sign_up_sent())
}

/// `GET /sign-up/confirm`: the mailed link. Opening it changes nothing; its button does.
pub async fn show_sign_up_confirmation(State(app): State<Shared>, browser: Browser) -> Response {
    let visit = Visit::of(&app, &browser);
    visit.show(page::render(&Confirm::fresh(visit.form(), Confirming::Account)))
}

/// `POST /sign-up/confirm`
pub async fn make_own_account(State(app): State<Shared>, posted: Posted) -> Answer {
    let visit = Visit::of(&app, &posted.browser);
    let once = posted.form.get("once").unwrap_or_default();
    match confirm_sign_up(&app, once, visit.visitor(&posted.browser)).await {
        Ok(opened) => Ok(arrive(&app, &opened)),
        Err(failure) => {
            let told = page::told(&app, failure, &posted.browser.origin)?;
            let form = visit.form().with(told.alert(CONFIRM_AGAIN));
            let view =
                Confirm { once: Field::of(once), ..Confirm::fresh(form, Confirming::Account) };
            Ok(page::render(&view).after(&told).into_response())
        }
    }
}

/// The password of a new account; `None` when its form was sent by the button for a passkey alone.
pub(super) fn chosen_password(posted: &Posted) -> Option<Secret> {
    let with_passkey = posted.form.get("with") == Some("passkey");
    (!with_passkey).then(|| Secret::from(posted.form.get("password").unwrap_or_default()))
}

/// What is said when a mailed code does not count.
pub(super) const CONFIRM_AGAIN: &str =
    "This link was used already, or it is older than 30 minutes. Ask for a new one.";

/// The sign-up page.
#[derive(Debug, Template)]
#[template(path = "sign_up.html")]
pub struct SignUp {
    /// Its form.
    pub form: Form,
    /// The address.
    pub username: Field,
    /// The name.
    pub name: Field,
    /// The password; never shown again.
    pub password: Field,
    /// Other services.
    pub upstreams: Vec<Upstream>,
}

impl SignUp {
    fn fresh(form: Form) -> Self {
        let (username, name, password) = (Field::default(), Field::default(), Field::default());
        Self { form, username, name, password, upstreams: Vec::new() }
    }

    fn blame(&mut self, told: &Told) {
        match told.field {
            Some("username") => self.username.error = Some(told.advice()),
            Some("name") => self.name.error = Some(told.advice()),
            Some("new_password") => self.password.error = Some(told.advice()),
            _ => {}
        }
    }
}

impl Sample for SignUp {
    const NAME: &'static str = "sign-up";

    fn sample() -> Self {
        Self { upstreams: Upstream::samples(), ..Self::fresh(Form::sample()) }
    }

    fn others() -> Vec<(&'static str, Self)> {
        let text = "Something has to change before the account can be made.";
        let wrong = Self {
            username: Field::of("ada@northwind.example"),
            name: Field::of("Ada Byron"),
            password: Field::default().wrong("This password is on a list of stolen passwords."),
            ..Self::fresh(Form::refused_sample(text))
        };
        vec![("wrong", wrong)]
    }
}

/// What a mailed code confirms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirming {
    /// A new account.
    Account,
    /// Another address of an account.
    Address,
}

/// The page behind a mailed link, whose button does what the link is for.
#[derive(Debug, Template)]
#[template(path = "confirm.html")]
pub struct Confirm {
    /// Its form.
    pub form: Form,
    /// What for.
    pub what: Confirming,
    /// The one-time code of the message.
    pub once: Field,
}

impl Confirm {
    pub(super) fn fresh(form: Form, what: Confirming) -> Self {
        Self { form, what, once: Field::default() }
    }
}

impl Sample for Confirm {
    const NAME: &'static str = "confirm";

    fn sample() -> Self {
        Self::fresh(Form::sample(), Confirming::Account)
    }

    fn others() -> Vec<(&'static str, Self)> {
        let refused = Self::fresh(Form::refused_sample(CONFIRM_AGAIN), Confirming::Account);
        vec![("address", Self::fresh(Form::sample(), Confirming::Address)), ("refused", refused)]
    }
}
