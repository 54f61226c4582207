//! Signing in with a code that was mailed: first the address, then the code. Both answers are the
//! same whether or not the address has an account.

use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use keyhaven_protocol::refusal::Code;

use super::parts::{Field, Form};
use super::sample::Sample;
use super::under_way::{Step, UnderWay, go_on, query};
use crate::app::Shared;
use crate::http::browser::Browser;
use crate::http::page::{self, Answer};
use crate::http::same_origin::Posted;
use crate::operations::mail_code;

const ENTER: &str = "/login/code/enter";

/// `GET /login/code`: asks for the address.
pub async fn show_mail_code(State(app): State<Shared>, browser: Browser, uri: Uri) -> Response {
    match UnderWay::find_or_begin(&app, &browser, &query(&uri)).await {
        Ok(under_way) => under_way.show(page::render(&MailCode::asking(under_way.form()))),
        Err(failure) => page::refused(&app, failure, &browser.origin),
    }
}

/// `POST /login/code`: sends the code, if there is anybody to send it to.
pub async fn send_mail_code(State(app): State<Shared>, posted: Posted) -> Answer {
    let step = Step::of(&app, posted).await?;
    let (pending, address) = (&step.under_way.pending, step.typed("username"));
    match mail_code::send(&app, pending, address, step.visitor()).await {
        Ok(()) => Ok(page::see_other(&step.form().step(ENTER))),
        Err(failure) => {
            let told = step.told(&app, failure)?;
            let username = Field::of(address).wrong(match told.kind {
                Code::TooManyRequests => TOO_MANY,
                _ => "This is not an e-mail address.",
            });
            let view = MailCode { username, ..MailCode::asking(step.form()) };
            Ok(page::render(&view).after(&told).into_response())
        }
    }
}

/// `GET /login/code/enter`: asks for the code.
pub async fn show_mail_code_entry(
    State(app): State<Shared>,
    browser: Browser,
    uri: Uri,
) -> Response {
    let shown = async {
        let under_way = UnderWay::find(&app, &browser, &query(&uri)).await?;
        under_way.leading(&app, page::render(&MailCode::entering(under_way.form()))).await
    };
    match shown.await {
        Ok(page) => page.into_response(),
        Err(failure) => page::refused(&app, failure, &browser.origin),
    }
}

/// `POST /login/code/enter`
pub async fn enter_mail_code(State(app): State<Shared>, posted: Posted) -> Answer {
    let step = Step::of(&app, posted).await?;
    let (pending, code) = (&step.under_way.pending, step.typed("code"));
    match mail_code::sign_in(&app, pending, code, step.visitor()).await {
        Ok(next) => Ok(go_on(&app, next)),
        Err(failure) => {
            let told = step.told(&app, failure)?;
            let form = step.form().with(told.alert(WRONG));
            let page = page::render(&MailCode::entering(form));
            let page = step.under_way.leading(&app, page).await;
            let page = page.map_err(|failure| step.refused(&app, failure))?;
            Ok(page.after(&told).into_response())
        }
    }
}

const WRONG: &str = "This code is not right. Check it, or send another one.";
const TOO_MANY: &str = "Too many codes were asked for from here. Wait a quarter of an hour.";

/// The mail-code page.
#[derive(Debug, Template)]
#[template(path = "mail_code.html")]
pub struct MailCode {
    /// Its form.
    pub form: Form,
    /// Whether a code was asked for.
    pub sent: bool,
    /// The address.
    pub username: Field,
    /// The code.
    pub code: Field,
}

impl MailCode {
    fn asking(form: Form) -> Self {
        Self { form, sent: false, username: Field::default(), code: Field::default() }
    }

    fn entering(form: Form) -> Self {
        Self { sent: true, ..Self::asking(form) }
    }
}

impl Sample for MailCode {
    const NAME: &'static str = "mail-code";

    fn sample() -> Self {
        Self::asking(Form::sample())
    }

    fn others() -> Vec<(&'static str, Self)> {
        let form = Form::refused_sample(WRONG);
        vec![("sent", Self::entering(Form::sample())), ("refused", Self::entering(form))]
    }
}
