//! Recovery codes, shown once.

use askama::Template;
use axum::extract::State;
use axum::response::IntoResponse as _;
use keyhaven_protocol::secret::Secret;

use super::deed::{ACCOUNT, asked_lately, refused, sender};
use crate::app::Shared;
use crate::http::page::{self, Answer};
use crate::http::same_origin::Posted;
use crate::operations::factors;
use crate::pages::sample::Sample;

/// `POST /account/recovery-codes`. The answer is the page itself, for codes are shown once and kept
/// nowhere that a redirect could read them from; loading it anew makes new codes.
pub async fn make_recovery_codes(State(app): State<Shared>, posted: Posted) -> Answer {
    let user = sender(&app, &posted).await?;
    asked_lately(&app, &user, ACCOUNT)?;
    let codes = factors::make_recovery_codes(&app, &user.signed_in, &user.browser.origin).await;
    let codes = codes.map_err(|failure| refused(&app, &user, failure))?;
    Ok(page::render(&RecoveryCodes::of(&codes)).into_response())
}

/// The page with new recovery codes.
#[derive(Debug, Template)]
#[template(path = "account_recovery_codes.html")]
pub struct RecoveryCodes {
    /// The codes.
    pub codes: Vec<String>,
}

impl RecoveryCodes {
    pub(crate) const PLACE: &'static str = "account";

    /// The page of these codes.
    #[must_use]
    pub fn of(codes: &[Secret]) -> Self {
        Self { codes: codes.iter().map(|code| code.reveal().to_owned()).collect() }
    }
}

impl Sample for RecoveryCodes {
    const NAME: &'static str = "account-recovery-codes";

    fn sample() -> Self {
        let code = |number: u32| format!("7k{number}mq2-x{number}9w4t-jtb9d5-mpjtb{number}");
        Self { codes: (0..10).map(code).collect() }
    }
}
