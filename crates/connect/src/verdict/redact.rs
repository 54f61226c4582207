//! The provider's own words, made fit for the operator's log: no control characters, no long
//! unbroken runs that could be a token, never more than a few lines.

/// The longest code and the longest text that are kept.
const MAX_CODE: usize = 64;
const MAX_WORDS: usize = 200;
/// Runs of token characters from this length on are masked. A UUID, which operators need, is 36
/// with four dashes; runs are counted between them.
const MASKED_FROM: usize = 16;

/// An error's code.
pub(super) fn code(text: &str) -> String {
    let kept = |c: &char| c.is_ascii_graphic();
    masked(&text.chars().filter(kept).take(MAX_CODE).collect::<String>())
}

/// An error's text.
pub(super) fn words(text: &str) -> String {
    let visible: String =
        text.chars().take(MAX_WORDS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    masked(&visible)
}

fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '~') {
            run.push(c);
        } else {
            flush(&mut out, &mut run);
            out.push(c);
        }
    }
    flush(&mut out, &mut run);
    out
}

fn flush(out: &mut String, run: &mut String) {
    let is_word = run.chars().all(|c| c.is_ascii_alphabetic()) && run.len() < 2 * MASKED_FROM;
    if run.chars().count() >= MASKED_FROM && !is_word {
        out.push_str("•••");
    } else {
        out.push_str(run);
    }
    run.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_a_token_is_masked() {
        assert_eq!(
            words("Token 1//0gAbCdEfGhIjKlMnOp has been expired"),
            "Token ••• has been expired"
        );
        assert_eq!(
            words("bad eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkw.sig"),
            "bad •••.•••.sig"
        );
    }

    #[test]
    fn words_and_request_ids_stay() {
        for text in [
            "refresh_token is invalid",
            "Trace 5f0c2b9e-17aa-4a51-9f3d-0a1b2c3d4e5f",
            "Unauthorizedclient",
        ] {
            assert_eq!(words(text), text);
        }
    }

    #[test]
    fn lines_and_escapes_cannot_forge_a_log() {
        assert_eq!(words("a\nb\u{1b}[31mc"), "a b [31mc");
        assert_eq!(code("inv\nalid grant"), "invalidgrant");
    }

    #[test]
    fn nothing_is_longer_than_its_cap() {
        assert_eq!(words(&"a b".repeat(1000)).chars().count(), MAX_WORDS);
        assert_eq!(code(&"a.".repeat(1000)).len(), MAX_CODE);
    }
}
