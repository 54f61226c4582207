//! Signing in: address and password on one page, with every other way one tap away.

use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use keyhaven_protocol::continuation::Continuation;
use keyhaven_protocol::params::Params;
use keyhaven_protocol::refusal::Code;
use keyhaven_protocol::secret::Secret;

use super::parts::{App as Caller, Field, Form, Upstream};
use super::sample::{LONGEST, Sample};
use super::sign_up::is_open;
use super::under_way::{Step, UnderWay, go_on, query};
use crate::app::{App, Shared};
use crate::http::browser::Browser;
use crate::http::page::{self, Answer};
use crate::http::same_origin::Posted;
use crate::operations::authorize::led_from;
use crate::operations::passwords::sign_in_with_password;
use crate::operations::{Failure, passkeys};

/// `GET /login`: begins a sign-in that leads where the query says, or shows the one it names. Who is
/// signed in already goes on, unless the query names a sign-in or asks for another one.
pub async fn show_sign_in(State(app): State<Shared>, browser: Browser, uri: Uri) -> Response {
    let opened = open(&app, &browser, &query(&uri)).await;
    opened.unwrap_or_else(|failure| page::refused(&app, failure, &browser.origin))
}

async fn open(app: &Shared, browser: &Browser, query: &Params) -> Result<Response, Failure> {
    let is_plain = query.get("sign_in").is_none() && query.get("again").is_none();
    if is_plain && browser.signed_in(app).await?.is_some() {
        let to = query.get("continue").and_then(|text| Continuation::parse(text).ok());
        return Ok(page::see_other(to.unwrap_or_default().as_str()));
    }
    let under_way = UnderWay::find_or_begin(app, browser, query).await?;
    let view = SignIn::of(app, &under_way, Field::default()).await?;
    let page = under_way.leading(app, page::render(&view)).await?;
    Ok(under_way.show(page))
}

/// `POST /login`: address and password.
pub async fn sign_in(State(app): State<Shared>, posted: Posted) -> Answer {
    let step = Step::of(&app, posted).await?;
    let (username, password) = (step.typed("username"), Secret::from(step.typed("password")));
    let pending = &step.under_way.pending;
    match sign_in_with_password(&app, pending, username, &password, step.visitor()).await {
        Ok(next) => Ok(go_on(&app, next)),
        Err(failure) => again(&app, &step, failure, WRONG_PASSWORD).await,
    }
}

/// `POST /login/passkey`
pub async fn sign_in_with_passkey(State(app): State<Shared>, posted: Posted) -> Answer {
    let step = Step::of(&app, posted).await?;
    let (pending, credential) = (&step.under_way.pending, step.typed("credential"));
    match passkeys::sign_in(&app, pending, credential, step.visitor()).await {
        Ok(next) => Ok(go_on(&app, next)),
        Err(failure) => again(&app, &step, failure, WRONG_PASSKEY).await,
    }
}

const WRONG_PASSWORD: &str = "The address or the password is not right. Check both and try again.";
const WRONG_PASSKEY: &str = "This passkey does not open an account here. Try another way.";
const TOO_MANY: &str = "Too many tries. Wait a little, then try again.";

/// The page again, with what went wrong and the address that was typed.
async fn again(app: &Shared, step: &Step, failure: Failure, text: &str) -> Answer {
    let told = step.told(app, failure)?;
    let text = if told.kind == Code::TooManyRequests { TOO_MANY } else { text };
    let username = Field::of(step.typed("username"));
    let view = SignIn::of(app, &step.under_way, username).await;
    let mut view = view.map_err(|failure| step.refused(app, failure))?;
    view.form = view.form.with(told.alert(text));
    let page = step.under_way.leading(app, page::render(&view)).await;
    Ok(page.map_err(|failure| step.refused(app, failure))?.after(&told).into_response())
}

/// The sign-in page.
#[derive(Debug, Template)]
#[template(path = "sign_in.html")]
pub struct SignIn {
    /// Its form.
    pub form: Form,
    /// The app that sent the person here.
    pub app: Option<Caller>,
    /// The address, when it was typed before.
    pub username: Field,
    /// What the browser is asked for a passkey (Web Authentication §5.5), as JSON.
    pub passkey: Option<String>,
    /// The service that the organization of the address signs in with.
    pub home: Option<Upstream>,
    /// Other services.
    pub upstreams: Vec<Upstream>,
    /// Whether strangers may make accounts.
    pub open: bool,
}

impl SignIn {
    async fn of(app: &App, under_way: &UnderWay, username: Field) -> Result<Self, Failure> {
        let led = led_from(app, &under_way.pending.continue_to).await?;
        // What was typed here counts more than what an app says the person would type.
        let hint = led.as_ref().and_then(|led| led.login_hint.as_deref());
        let username = match hint {
            Some(hint) if username.value.is_empty() => Field { value: hint.to_owned(), ..username },
            _ => username,
        };
        Ok(Self {
            form: under_way.form(),
            app: led.map(|led| Caller { name: led.name, host: led.host, verified: led.verified }),
            home: Upstream::of_home(app, &username.value).await?,
            username,
            passkey: Some(
                passkeys::request_options(app, &under_way.pending, &under_way.origin).await?,
            ),
            upstreams: Upstream::all(app).await?,
            open: is_open(app),
        })
    }
}

impl Sample for SignIn {
    const NAME: &'static str = "sign-in";

    fn sample() -> Self {
        Self {
            form: Form::sample(),
            app: Some(Caller::sample()),
            username: Field::default(),
            passkey: Some(PASSKEY_SAMPLE.to_owned()),
            home: None,
            upstreams: Upstream::samples(),
            open: true,
        }
    }

    fn others() -> Vec<(&'static str, Self)> {
        let refused = Self {
            form: Form::refused_sample(WRONG_PASSWORD),
            username: Field::of("ada@northwind.example"),
            app: None,
            ..Self::sample()
        };
        let plain = Self { passkey: None, upstreams: Vec::new(), open: false, ..Self::sample() };
        let home = Self {
            form: Form::refused_sample(WRONG_PASSWORD),
            username: Field::of("ada@northwind.example"),
            home: Some(Upstream { slug: "northwind".to_owned(), name: "Northwind".to_owned() }),
            app: None,
            ..Self::sample()
        };
        let app = Caller { name: LONGEST.to_owned(), ..Caller::sample() };
        let mut long = Self { app: Some(app), ..Self::sample() };
        long.upstreams[0].name = LONGEST.to_owned();
        vec![("refused", refused), ("plain", plain), ("home", home), ("long", long)]
    }
}

/// What a browser is asked for, in samples.
pub const PASSKEY_SAMPLE: &str =
    r#"{"challenge":"c2FtcGxl","rpId":"localhost","userVerification":"required"}"#;
