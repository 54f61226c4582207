//! Time-based one-time passwords (RFC 6238 over RFC 4226): which time step a code belongs to. That
//! a step works once is the store's guard; how often somebody may try is counted there too.
//!
//! SHA-1, six digits and thirty seconds are not chosen for their strength: they are what every
//! authenticator app can do. HMAC does not suffer from SHA-1's collisions.

use aws_lc_rs::hmac;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::base32;
use crate::secret::Secret;
use crate::time::Timestamp;

/// The length of a seed: one SHA-1 output (RFC 4226 §4, R6).
pub const SEED_BYTES: usize = 20;
const STEP_SECONDS: i64 = 30;
const MODULUS: u32 = 1_000_000;
/// One step either side, for clocks and slow typing (RFC 6238 §5.2).
const WINDOW: i64 = 1;

/// A count of half minutes since 1970. Each works once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step(pub i64);

impl Step {
    /// The step that `now` lies in.
    #[must_use]
    pub const fn at(now: Timestamp) -> Self {
        Self(now.0.div_euclid(STEP_SECONDS))
    }
}

/// What an authenticator app and we both know.
#[derive(Clone)]
pub struct Seed(Zeroizing<[u8; SEED_BYTES]>);

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(•••)")
    }
}

impl Seed {
    /// Takes random bytes.
    #[must_use]
    pub fn new(bytes: [u8; SEED_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads what was kept sealed.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::new)
    }

    /// The bytes, for sealing.
    #[must_use]
    pub fn bytes(&self) -> &[u8; SEED_BYTES] {
        &self.0
    }

    /// The seed as people type it into an app.
    #[must_use]
    pub fn text(&self) -> Secret {
        Secret::new(base32::encode(self.bytes()))
    }

    /// The `otpauth://` URI that apps read from a QR code. `issuer` and `account` are only labels.
    #[must_use]
    pub fn uri(&self, issuer: &str, account: &str) -> Secret {
        let (issuer, account) = (percent(issuer), percent(account));
        let seed = self.text();
        Secret::new(format!(
            "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits=6&period=30",
            seed.reveal()
        ))
    }

    /// The code of one step (RFC 4226 §5.3).
    #[must_use]
    pub fn code(&self, step: Step) -> Secret {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.bytes());
        let tag = hmac::sign(&key, &step.0.to_be_bytes());
        let mac = tag.as_ref();
        let at = usize::from(mac[mac.len() - 1] & 15);
        let word = [mac[at] & 127, mac[at + 1], mac[at + 2], mac[at + 3]];
        Secret::new(format!("{:06}", u32::from_be_bytes(word) % MODULUS))
    }

    /// The step whose code was typed, if it is one of those around `now`. Blanks do not count.
    pub fn find_step(&self, typed: &str, now: Timestamp) -> Result<Step, &'static str> {
        let typed: Zeroizing<String> =
            Zeroizing::new(typed.chars().filter(|character| !character.is_whitespace()).collect());
        if typed.len() != 6 || !typed.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("a TOTP code has six digits");
        }
        let present = Step::at(now).0;
        let mut found = None;
        for step in (present - WINDOW..=present + WINDOW).map(Step) {
            if bool::from(self.code(step).reveal().as_bytes().ct_eq(typed.as_bytes())) {
                found = Some(step);
            }
        }
        found.ok_or("the TOTP code is of no step around now")
    }
}

/// Percent-encodes what is not unreserved (RFC 3986 §2.3): a label may hold a colon or an ampersand.
fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seed of RFC 6238's appendix B.
    fn seed() -> Seed {
        Seed::new(*b"12345678901234567890")
    }

    #[test]
    fn the_vectors_of_rfc_6238_are_met() {
        let vectors = [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ];
        for (at, code) in vectors {
            assert_eq!(seed().code(Step::at(Timestamp(at))).reveal(), code);
        }
    }

    #[test]
    fn a_code_counts_one_step_around_now_and_no_further() {
        let (now, code) = (Timestamp(1_111_111_111), "050471");
        let step = Step::at(now);
        for (ahead, expected) in [
            (0, Ok(step)),
            (-30, Ok(step)),
            (30, Ok(step)),
            (60, Err("the TOTP code is of no step around now")),
            (-60, Err("the TOTP code is of no step around now")),
        ] {
            assert_eq!(seed().find_step(code, Timestamp(now.0 + ahead)), expected, "{ahead}");
        }
    }

    #[test]
    fn a_code_is_six_digits_and_blanks_do_not_count() {
        let now = Timestamp(1_111_111_111);
        assert!(seed().find_step(" 050 471 ", now).is_ok());
        for typed in ["", "50471", "0050471", "05047x", "+50471", "٠٥٠٤٧١", "050471\0"] {
            assert_eq!(
                seed().find_step(typed, now),
                Err("a TOTP code has six digits"),
                "{typed:?}"
            );
        }
    }

    #[test]
    fn the_uri_escapes_its_labels() {
        let uri = seed().uri("North & Co", "ada:x@a.test");
        assert_eq!(
            uri.reveal(),
            "otpauth://totp/North%20%26%20Co:ada%3Ax%40a.test?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=North%20%26%20Co&algorithm=SHA1&digits=6&period=30"
        );
    }

    #[test]
    fn a_seed_does_not_print() {
        assert_eq!(format!("{:?}", seed()), "Seed(•••)");
    }
}
