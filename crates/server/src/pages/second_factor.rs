//! The second step of signing in: a code from an app, a recovery code, or a passkey.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use keyhaven_protocol::refusal::{Code, Refusal};
use keyhaven_protocol::sign_in::Method;

use super::parts::{Field, Form};
use super::sample::Sample;
use super::sign_in::PASSKEY_SAMPLE;
use super::under_way::{Step, UnderWay, arrive, query};
use crate::app::{App, Shared};
use crate::http::browser::Browser;
use crate::http::page::{self, Answer};
use crate::http::same_origin::Posted;
use crate::operations::second_factor::{Answer as Proof, prove_second_factor};
use crate::operations::{Failure, passkeys};

/// `GET /login/factor`: the way that is most at hand.
pub async fn show_second_factor(State(app): State<Shared>, browser: Browser, uri: Uri) -> Response {
    show(&app, &browser, &uri, None).await
}

/// `GET /login/factor/{way}`: the way that was chosen.
pub async fn show_second_factor_way(
    State(app): State<Shared>,
    Path(way): Path<String>,
    browser: Browser,
    uri: Uri,
) -> Response {
    show(&app, &browser, &uri, Way::parse(&way)).await
}

async fn show(app: &App, browser: &Browser, uri: &Uri, way: Option<Way>) -> Response {
    let shown = async {
        let under_way = UnderWay::find(app, browser, &query(uri)).await?;
        let view = SecondFactor::of(app, &under_way, way).await?;
        under_way.leading(app, page::render(&view)).await
    };
    match shown.await {
        Ok(page) => page.into_response(),
        Err(failure) => page::refused(app, failure, &browser.origin),
    }
}

/// `POST /login/factor`
pub async fn answer_second_factor(State(app): State<Shared>, posted: Posted) -> Answer {
    let step = Step::of(&app, posted).await?;
    let way = Way::parse(step.typed("way")).unwrap_or(Way::Totp);
    let proof = match way {
        Way::Totp => Proof::Totp(step.typed("code")),
        Way::RecoveryCode => Proof::RecoveryCode(step.typed("code")),
        Way::Passkey => Proof::Passkey(step.typed("credential")),
    };
    match prove_second_factor(&app, &step.under_way.pending, proof, step.visitor()).await {
        Ok(opened) => Ok(arrive(&app, &opened)),
        Err(failure) => again(&app, &step, failure, way).await,
    }
}

async fn again(app: &App, step: &Step, failure: Failure, way: Way) -> Answer {
    let told = step.told(app, failure)?;
    let view = SecondFactor::of(app, &step.under_way, Some(way)).await;
    let mut view = view.map_err(|failure| step.refused(app, failure))?;
    view.form = view.form.with(told.alert(match told.kind {
        Code::TooManyRequests => "Too many tries. Start again, or wait an hour.",
        _ => "That is not right, or it was used already. Try the next one.",
    }));
    let page = step.under_way.leading(app, page::render(&view)).await;
    Ok(page.map_err(|failure| step.refused(app, failure))?.after(&told).into_response())
}

/// How the person answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// RFC 6238.
    Totp,
    /// One of the codes kept on paper.
    RecoveryCode,
    /// A passkey or security key.
    Passkey,
}

impl Way {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "totp" => Some(Self::Totp),
            "recovery-code" => Some(Self::RecoveryCode),
            "passkey" => Some(Self::Passkey),
            _ => None,
        }
    }

    const fn of(method: Method) -> Option<Self> {
        match method {
            Method::Totp => Some(Self::Totp),
            Method::RecoveryCode => Some(Self::RecoveryCode),
            Method::Passkey => Some(Self::Passkey),
            _ => None,
        }
    }
}

/// The second-factor page.
#[derive(Debug, Template)]
#[template(path = "second_factor.html")]
pub struct SecondFactor {
    /// Its form.
    pub form: Form,
    /// Whose account.
    pub account: String,
    /// The way that is open.
    pub way: Way,
    /// Whether there is an authenticator app.
    pub has_totp: bool,
    /// Whether there are recovery codes.
    pub has_recovery_codes: bool,
    /// What the browser is asked for a passkey, as JSON.
    pub passkey: Option<String>,
    /// The code.
    pub code: Field,
}

impl SecondFactor {
    /// The page of a sign-in whose first factor was shown. The ways offered are those it wants.
    async fn of(app: &App, under_way: &UnderWay, chosen: Option<Way>) -> Result<Self, Failure> {
        let pending = &under_way.pending;
        let user = pending.user.ok_or_else(|| Refusal::request("no first factor was shown"))?;
        let person = app.store.find_person(user).await?;
        let person = person.ok_or_else(|| Refusal::grant("the user is gone"))?;
        let ways: Vec<Way> = pending.wanted.iter().copied().filter_map(Way::of).collect();
        let has = |way| ways.contains(&way);
        let first = [Way::Totp, Way::Passkey, Way::RecoveryCode].into_iter().find(|way| has(*way));
        let passkey = match has(Way::Passkey) {
            true => Some(passkeys::request_options(app, pending, &under_way.origin).await?),
            false => None,
        };
        Ok(Self {
            form: under_way.form(),
            account: person.user.email,
            way: chosen.filter(|way| has(*way)).or(first).unwrap_or(Way::RecoveryCode),
            has_totp: has(Way::Totp),
            has_recovery_codes: has(Way::RecoveryCode),
            passkey,
            code: Field::default(),
        })
    }
}

impl Sample for SecondFactor {
    const NAME: &'static str = "second-factor";

    fn sample() -> Self {
        Self {
            form: Form::sample(),
            account: "ada@northwind.example".to_owned(),
            way: Way::Totp,
            has_totp: true,
            has_recovery_codes: true,
            passkey: Some(PASSKEY_SAMPLE.to_owned()),
            code: Field::default(),
        }
    }

    fn others() -> Vec<(&'static str, Self)> {
        let refused = Self {
            form: Form::refused_sample("This code is not right, or it was used already."),
            passkey: None,
            ..Self::sample()
        };
        let recovery = Self { way: Way::RecoveryCode, passkey: None, ..Self::sample() };
        let passkey = Self { way: Way::Passkey, ..Self::sample() };
        vec![("refused", refused), ("recovery-code", recovery), ("passkey", passkey)]
    }
}
