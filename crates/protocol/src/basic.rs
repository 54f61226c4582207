//! HTTP Basic client credentials (RFC 6749 §2.3.1, RFC 7617), read strictly: one space, canonical
//! base64, the first colon splits, both halves form-decoded. A malformed pair is a failed
//! authentication, never an absent one. Who the client is, and whether the secret fits, is not here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::form_decoding;
use crate::params::is_vschar;
use crate::secret::{Secret, Wiped};

/// The longest header value looked at. Client identifiers are URLs at most, and both halves may be
/// percent-encoded.
const MAX_HEADER: usize = 8 * 1024;

/// The two halves of a Basic credential.
#[derive(Clone, Debug)]
pub struct BasicPair {
    /// The user name: the `client_id`.
    pub client_id: String,
    /// The password: the `client_secret`.
    pub client_secret: Secret,
}

impl BasicPair {
    /// Whether both halves are empty (`Og==`): some clients send that beside credentials in the
    /// body, and it counts as no credential.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.client_id.is_empty() && self.client_secret.reveal().is_empty()
    }
}

/// The pair of `Authorization: Basic …`, or the rule it broke.
pub fn parse_basic(header_value: &str) -> Result<BasicPair, &'static str> {
    if header_value.len() > MAX_HEADER {
        return Err("Authorization header too long");
    }
    let (scheme, text) = header_value.split_once(' ').ok_or("Authorization has no credentials")?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return Err("Authorization scheme is not Basic");
    }
    // The engine refuses foreign characters, wrong padding and non-zero trailing bits.
    let pair = STANDARD.decode(text).map_err(|_| "Basic credentials are not canonical base64")?;
    let Wiped(pair) = &Wiped(pair);
    let colon = pair.iter().position(|&byte| byte == b':').ok_or("Basic pair has no colon")?;
    let client_id = half(&pair[..colon])?;
    let client_secret = half(&pair[colon + 1..])?;
    Ok(BasicPair { client_id, client_secret: Secret::new(client_secret) })
}

/// Form-decodes one half; RFC 6749 Appendix A.1 and A.2 admit visible ASCII only.
fn half(encoded: &[u8]) -> Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(encoded.len());
    form_decoding::decode(encoded, &mut bytes).ok_or("Basic pair is not form-encoded")?;
    let text = String::from_utf8(bytes).map_err(|_| "Basic pair is not visible ASCII")?;
    if is_vschar(&text) { Ok(text) } else { Err("Basic pair is not visible ASCII") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(pair: impl AsRef<[u8]>) -> String {
        format!("Basic {}", STANDARD.encode(pair))
    }

    fn read(pair: &str) -> (String, String) {
        let pair = parse_basic(&header(pair)).expect("was refused");
        (pair.client_id, pair.client_secret.reveal().to_owned())
    }

    fn refused(value: &str) -> &'static str {
        parse_basic(value).expect_err("was accepted")
    }

    #[test]
    fn a_pair_reads_back() {
        // The example of RFC 6749 §2.3.1.
        let pair = parse_basic("Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3").unwrap();
        assert_eq!(pair.client_id, "s6BhdRkqt3");
        assert_eq!(pair.client_secret.reveal(), "7Fjfp0ZBr1KtDRbnfVdmIw");
        assert_eq!(parse_basic("bAsIc YTpi").unwrap().client_id, "a");
    }

    #[test]
    fn the_first_colon_splits_and_both_halves_are_form_decoded() {
        assert_eq!(read("a:b:c"), ("a".into(), "b:c".into()));
        assert_eq!(read("https%3A%2F%2Fa.test:p+q%25"), ("https://a.test".into(), "p q%".into()));
    }

    #[test]
    fn the_empty_pair_is_told_apart() {
        assert!(parse_basic("Basic Og==").unwrap().is_empty());
        assert!(!parse_basic(&header("a:")).unwrap().is_empty());
        assert!(!parse_basic(&header(":b")).unwrap().is_empty());
    }

    #[test]
    fn loose_headers_are_refused() {
        let base64 = "Basic credentials are not canonical base64";
        let cases = [
            ("", "Authorization has no credentials"),
            ("Basic", "Authorization has no credentials"),
            ("Basic\tYTpi", "Authorization has no credentials"),
            ("Bearer YTpi", "Authorization scheme is not Basic"),
            (" Basic YTpi", "Authorization scheme is not Basic"),
            ("Basic ", "Basic pair has no colon"),
            ("Basic YWI=", "Basic pair has no colon"),
            ("Basic  YTpi", base64),
            ("Basic YTpi ", base64),
            ("Basic YTpi, Basic YTpi", base64),
            ("Basic YTpi====", base64),
            ("Basic Og", base64),
            ("Basic Og=", base64),
            ("Basic Oh==", base64),
            ("Basic Og==Og==", base64),
            ("Basic YTpi_w==", base64),
        ];
        for (value, reason) in cases {
            assert_eq!(refused(value), reason, "{value:?}");
        }
    }

    #[test]
    fn halves_outside_the_grammar_are_refused() {
        assert_eq!(refused(&header("a:%zz")), "Basic pair is not form-encoded");
        assert_eq!(refused(&header("a%00:b")), "Basic pair is not visible ASCII");
        assert_eq!(refused(&header("a:b\n")), "Basic pair is not visible ASCII");
        assert_eq!(refused(&header("ä:b")), "Basic pair is not visible ASCII");
        assert_eq!(refused(&header([b'a', b':', 0xff])), "Basic pair is not visible ASCII");
        let long = header("a".repeat(8 * 1024));
        assert_eq!(refused(&long), "Authorization header too long");
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in ".*", pair: Vec<u8>) {
            let _ = parse_basic(&text);
            let _ = parse_basic(&header(pair));
        }
    }
}
