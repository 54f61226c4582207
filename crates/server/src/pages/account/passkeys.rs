//! Adding and removing passkeys.

use askama::Template;
use axum::extract::State;
use axum::response::IntoResponse as _;
use keyhaven_protocol::id::Id;
use keyhaven_protocol::refusal::Refusal;

use super::deed::{ACCOUNT, asked_lately, done, refused, sender};
use super::recovery_codes::RecoveryCodes;
use crate::app::Shared;
use crate::http::browser::SignedInUser;
use crate::http::page::{self, Answer, Early};
use crate::http::same_origin::Posted;
use crate::operations::{Failure, factors, passkeys};
use crate::pages::parts::{Field, Form};
use crate::pages::sample::Sample;

const NEW: &str = "/account/passkeys/new";

/// `GET /account/passkeys/new`
pub async fn show_new_passkey(State(app): State<Shared>, user: SignedInUser) -> Answer {
    asked_lately(&app, &user, NEW)?;
    let view = NewPasskey::of(&app, &user, Form::of(&user), Field::default()).await?;
    Ok(page::render(&view).into_response())
}

/// `POST /account/passkeys`
pub async fn add_passkey(State(app): State<Shared>, posted: Posted) -> Answer {
    let user = sender(&app, &posted).await?;
    asked_lately(&app, &user, NEW)?;
    let typed = |name: &str| posted.form.get(name).unwrap_or_default();
    let (credential, name) = (typed("credential"), typed("name"));
    let added = passkeys::register(&app, &user.signed_in, credential, name, &user.browser.origin);
    match added.await {
        Ok(None) => Ok(done("passkey")),
        Ok(Some(codes)) => Ok(page::render(&RecoveryCodes::of(&codes)).into_response()),
        Err(failure) => again(&app, &user, failure, name).await,
    }
}

async fn again(app: &Shared, user: &SignedInUser, failure: Failure, name: &str) -> Answer {
    let told = page::told(app, failure, &user.browser.origin)?;
    let form = Form::of(user).with(told.alert(NOT_ADDED));
    let mut field = Field::of(name);
    if told.field == Some("name") {
        field = field.wrong(told.advice());
    }
    let view = NewPasskey::of(app, user, form, field).await?;
    Ok(page::render(&view).after(&told).into_response())
}

const NOT_ADDED: &str = "This passkey could not be added. Try again, or use another device.";

/// `POST /account/passkeys/remove`
pub async fn remove_passkey(State(app): State<Shared>, posted: Posted) -> Answer {
    let user = sender(&app, &posted).await?;
    asked_lately(&app, &user, ACCOUNT)?;
    let named = posted.form.get("passkey").and_then(Id::parse);
    let missing = || refused(&app, &user, Refusal::missing("passkey").into());
    let named = named.ok_or_else(missing)?;
    let removed = factors::remove_passkey(&app, &user.signed_in, named, &user.browser.origin).await;
    removed.map_err(|failure| refused(&app, &user, failure))?;
    Ok(done("no-passkey"))
}

/// The page that adds one.
#[derive(Debug, Template)]
#[template(path = "account_passkey.html")]
pub struct NewPasskey {
    /// Its form.
    pub form: Form,
    /// What the browser is asked to make, as JSON (Web Authentication §5.4).
    pub options: String,
    /// What the person calls it.
    pub name: Field,
}

impl NewPasskey {
    pub(crate) const PLACE: &'static str = "account";

    async fn of(app: &Shared, user: &SignedInUser, form: Form, name: Field) -> Result<Self, Early> {
        let options = passkeys::creation_options(app, &user.signed_in).await;
        let options = options.map_err(|failure| refused(app, user, failure))?;
        Ok(Self { form, options, name })
    }
}

impl Sample for NewPasskey {
    const NAME: &'static str = "account-passkey";

    fn sample() -> Self {
        let options = r#"{"challenge":"c2FtcGxl","rp":{"id":"localhost","name":"Keyhaven"}}"#;
        Self { form: Form::sample(), options: options.to_owned(), name: Field::default() }
    }
}
