//! Percent-decoding (RFC 3986 §2.1) of paths whose every reading is judged.

/// What becomes of a percent sign without two hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stray {
    /// The text is refused.
    Refused,
    /// It stands for itself, as in text that was decoded already.
    Kept,
}

/// The text decoded once. `None` when it is malformed: an overlong or otherwise broken sequence of
/// UTF-8 is how a dot is hidden from those who look for one.
pub(super) fn decoded(text: &str, stray: Stray) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escape = if *first == b'%' { Some(escaped(after)) } else { None };
        match (escape, stray) {
            (Some(Some(byte)), _) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (Some(None), Stray::Refused) => return None,
            (Some(None), Stray::Kept) | (None, _) => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

fn escaped(text: &[u8]) -> Option<u8> {
    let [high, low, ..] = text else { return None };
    let digit =
        |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    Some(digit(*high)? << 4 | digit(*low)?)
}
