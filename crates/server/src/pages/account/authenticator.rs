//! Setting up an authenticator app: a code to scan, the same as text, and a first code to prove it.

use std::fmt::Write as _;

use askama::Template;
use axum::extract::State;
use axum::response::IntoResponse as _;
use qrcode::{Color, EcLevel, QrCode};

use super::deed::{ACCOUNT, asked_lately, done, refused, sender};
use super::recovery_codes::RecoveryCodes;
use crate::app::Shared;
use crate::http::browser::SignedInUser;
use crate::http::page::{self, Answer, Early};
use crate::http::same_origin::Posted;
use crate::operations::factors::{confirm_totp, offer_totp, remove_totp};
use crate::pages::parts::{Field, Form};
use crate::pages::sample::Sample;

const SET_UP: &str = "/account/authenticator";

/// `GET /account/authenticator`
pub async fn show_authenticator(State(app): State<Shared>, user: SignedInUser) -> Answer {
    asked_lately(&app, &user, SET_UP)?;
    let view = Authenticator::of(&app, &user, Form::of(&user)).await?;
    Ok(page::render(&view).into_response())
}

/// `POST /account/authenticator`: the first code makes it count.
pub async fn confirm_authenticator(State(app): State<Shared>, posted: Posted) -> Answer {
    let user = sender(&app, &posted).await?;
    asked_lately(&app, &user, SET_UP)?;
    let typed = posted.form.get("code").unwrap_or_default();
    match confirm_totp(&app, &user.signed_in, typed, &user.browser.origin).await {
        Ok(None) => Ok(done("authenticator")),
        Ok(Some(codes)) => Ok(page::render(&RecoveryCodes::of(&codes)).into_response()),
        Err(failure) => {
            let told = page::told(&app, failure, &user.browser.origin)?;
            let form = Form::of(&user).with(told.alert(WRONG));
            let view = Authenticator::of(&app, &user, form).await?;
            Ok(page::render(&view).after(&told).into_response())
        }
    }
}

const WRONG: &str = "This code does not fit. Check the clock of your phone.";

/// `POST /account/authenticator/remove`
pub async fn remove_authenticator(State(app): State<Shared>, posted: Posted) -> Answer {
    let user = sender(&app, &posted).await?;
    asked_lately(&app, &user, ACCOUNT)?;
    let removed = remove_totp(&app, &user.signed_in, &user.browser.origin).await;
    removed.map_err(|failure| refused(&app, &user, failure))?;
    Ok(done("no-authenticator"))
}

/// The set-up page.
#[derive(Debug, Template)]
#[template(path = "account_authenticator.html")]
pub struct Authenticator {
    /// Its form.
    pub form: Form,
    /// The shared secret in base32, for those who type it.
    pub secret: String,
    /// The same for those who scan it.
    pub qr: Option<Qr>,
    /// The first code.
    pub code: Field,
}

impl Authenticator {
    pub(crate) const PLACE: &'static str = "account";

    async fn of(app: &Shared, user: &SignedInUser, form: Form) -> Result<Self, Early> {
        let offered = offer_totp(app, &user.signed_in, &user.browser.origin).await;
        let offered = offered.map_err(|failure| refused(app, user, failure))?;
        let (secret, qr) = (offered.text.reveal().to_owned(), Qr::draw(offered.uri.reveal()));
        Ok(Self { form, secret, qr, code: Field::default() })
    }

    /// The secret in fours, which the eye finds again; copied, it is one word.
    fn groups(&self) -> impl Iterator<Item = &str> {
        self.secret.as_bytes().chunks(4).filter_map(|group| std::str::from_utf8(group).ok())
    }
}

/// A QR code as the outline of one drawing, a unit per module.
#[derive(Debug)]
pub struct Qr {
    /// The width with the quiet zone around it.
    pub side: usize,
    /// SVG path data of the dark modules.
    pub path: String,
}

/// The quiet zone that scanners need (ISO/IEC 18004 §9.1).
const MARGIN: usize = 4;

impl Qr {
    /// Draws `text`, an `otpauth` URL; `None` when it is too long for any code.
    #[must_use]
    pub fn draw(text: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
        let width = code.width();
        let colors = code.into_colors();
        let mut path = String::new();
        for (y, row) in colors.chunks(width).enumerate() {
            for (x, _) in row.iter().enumerate().filter(|(_, color)| **color == Color::Dark) {
                // Writing into a text cannot fail.
                let _ = write!(path, "M{} {}h1v1h-1z", x + MARGIN, y + MARGIN);
            }
        }
        Some(Self { side: width + 2 * MARGIN, path })
    }
}

impl Sample for Authenticator {
    const NAME: &'static str = "account-authenticator";

    fn sample() -> Self {
        let secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
        let url = format!(
            "otpauth://totp/Keyhaven:ada@northwind.example?secret={secret}&issuer=Keyhaven"
        );
        Self {
            form: Form::sample(),
            secret: secret.to_owned(),
            qr: Qr::draw(&url),
            code: Field::default(),
        }
    }

    fn others() -> Vec<(&'static str, Self)> {
        let form = Form::refused_sample(WRONG);
        vec![("refused", Self { form, ..Self::sample() })]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_finder_in_the_corner_and_a_margin_around() {
        let qr = Qr::draw("otpauth://totp/a?secret=JBSWY3DPEHPK3PXP").unwrap();
        assert!(qr.path.starts_with("M4 4h1v1h-1zM5 4h1v1h-1z"));
        assert!((qr.side - 2 * MARGIN - 21).is_multiple_of(4));
        assert!(Qr::draw(&"x".repeat(4_000)).is_none());
    }
}
