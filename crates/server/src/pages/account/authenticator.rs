//! Setting up an authenticator app: a code to scan, the same as text, and a first code to prove it.

use std::fmt::Write as _;

use askama::Template;
use qrcode::{Color, EcLevel, QrCode};

use crate::pages::parts::{Field, Form};
use crate::pages::sample::Sample;

/// The set-up page.
#[derive(Debug, Template)]
#[template(path = "account_authenticator.html")]
pub struct Authenticator {
    /// Its form.
    pub form: Form,
    /// The shared secret in base32, for those who type it.
    pub secret: String,
    /// The same for those who scan it.
    pub qr: Qr,
    /// The first code.
    pub code: Field,
}

impl Authenticator {
    pub(crate) const PLACE: &'static str = "account";
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
            qr: Qr::draw(&url).unwrap_or(Qr { side: 1, path: String::new() }),
            code: Field::default(),
        }
    }

    fn others() -> Vec<(&'static str, Self)> {
        let form = Form::refused_sample("This code does not fit. Check the clock of your phone.");
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
