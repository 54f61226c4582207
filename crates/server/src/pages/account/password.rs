//! Choosing another password, which takes the present one.

use askama::Template;
use axum::extract::State;
use axum::response::IntoResponse as _;
use keyhaven_protocol::refusal::Code;
use keyhaven_protocol::secret::Secret;

use super::deed::{asked_lately, done, refused, sender};
use crate::app::Shared;
use crate::http::browser::SignedInUser;
use crate::http::page::{self, Answer, Early, Told};
use crate::http::same_origin::Posted;
use crate::operations::passwords::change_password;
use crate::operations::sign_in::new_browser;
use crate::pages::parts::{Field, Form};
use crate::pages::sample::Sample;

const PATH: &str = "/account/password";

/// `GET /account/password`. Without a present password only a fresh sign-in proves who it is.
pub async fn show_password(State(app): State<Shared>, user: SignedInUser) -> Answer {
    let view = Password::of(&app, &user, Form::of(&user)).await?;
    if !view.has_one {
        asked_lately(&app, &user, PATH)?;
    }
    Ok(page::render(&view).into_response())
}

/// `POST /account/password`
pub async fn set_password(State(app): State<Shared>, posted: Posted) -> Answer {
    let user = sender(&app, &posted).await?;
    let old = posted.form.get("current").map(Secret::from);
    let new = Secret::from(posted.form.get("password").unwrap_or_default());
    let none = new_browser(&app);
    let visitor = user.browser.visitor(&none, Some(&user.signed_in));
    let changed = change_password(&app, &user.signed_in, old.as_ref(), &new, visitor).await;
    let Err(failure) = changed else { return Ok(done("password")) };
    let told = page::told(&app, failure, &user.browser.origin)?;
    let form = Form::of(&user).with(told.alert("The password was not changed."));
    let mut view = Password::of(&app, &user, form).await?;
    view.blame(&told);
    Ok(page::render(&view).after(&told).into_response())
}

/// The password page.
#[derive(Debug, Template)]
#[template(path = "account_password.html")]
pub struct Password {
    /// Its form.
    pub form: Form,
    /// Whether there is one already.
    pub has_one: bool,
    /// The address, so that password managers know whose it is.
    pub email: String,
    /// The present password; never shown again.
    pub current: Field,
    /// The new one; never shown again.
    pub password: Field,
}

impl Password {
    pub(crate) const PLACE: &'static str = "account";

    async fn of(app: &Shared, user: &SignedInUser, form: Form) -> Result<Self, Early> {
        let account = &user.signed_in.person.user;
        let found = app.store.find_password_of(account.id).await;
        let found = found.map_err(|error| refused(app, user, error.into()))?;
        let has_one = found.is_some_and(|found| found.password.is_some());
        let (current, password) = (Field::default(), Field::default());
        Ok(Self { form, has_one, email: account.email.clone(), current, password })
    }

    fn blame(&mut self, told: &Told) {
        if told.field == Some("new_password") {
            self.password = Field::default().wrong(told.advice());
        } else if told.kind == Code::InvalidGrant {
            self.current = Field::default().wrong("This is not your present password.");
        }
    }
}

impl Sample for Password {
    const NAME: &'static str = "account-password";

    fn sample() -> Self {
        let email = "ada@northwind.example".to_owned();
        Self {
            form: Form::sample(),
            has_one: true,
            email,
            current: Field::default(),
            password: Field::default(),
        }
    }

    fn others() -> Vec<(&'static str, Self)> {
        let current = Field::default().wrong("This is not your present password.");
        let form = Form::refused_sample("The password was not changed.");
        vec![("refused", Self { form, current, ..Self::sample() })]
    }
}
