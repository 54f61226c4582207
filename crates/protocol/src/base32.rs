//! Base32 in two alphabets: RFC 4648 §6 without padding, which authenticator apps read, and
//! Crockford's, whose letters nobody mistakes when typing. No `unsafe`, no other lengths than asked.

const RFC_4648: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const CROCKFORD: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The RFC 4648 spelling of `bytes`, without padding.
pub(crate) fn encode(bytes: &[u8]) -> String {
    spell(bytes, RFC_4648)
}

/// The spelling people type.
pub(crate) fn encode_typed(bytes: &[u8]) -> String {
    spell(bytes, CROCKFORD)
}

/// One typed character as its canonical spelling: case folded, look-alikes resolved; `None` for
/// what is in no code.
pub(crate) fn fold_typed(character: char) -> Option<char> {
    let folded = match character.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        other => other,
    };
    let known = u8::try_from(folded).is_ok_and(|byte| CROCKFORD.contains(&byte));
    known.then_some(folded)
}

fn spell(bytes: &[u8], alphabet: &[u8; 32]) -> String {
    let mut out = String::with_capacity((bytes.len() * 8).div_ceil(5));
    let (mut held, mut bits) = (0_u32, 0);
    for &byte in bytes {
        held = (held << 8) | u32::from(byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(letter(held >> bits, alphabet));
        }
    }
    if bits > 0 {
        out.push(letter(held << (5 - bits), alphabet));
    }
    out
}

fn letter(value: u32, alphabet: &[u8; 32]) -> char {
    char::from(alphabet[(value & 31) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_rfc_4648_are_met() {
        let vectors = [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ];
        for (plain, spelled) in vectors {
            assert_eq!(encode(plain.as_bytes()), spelled);
        }
    }

    #[test]
    fn look_alikes_are_the_same_character() {
        for (typed, meant) in
            [('O', '0'), ('o', '0'), ('I', '1'), ('l', '1'), ('L', '1'), ('Z', 'z')]
        {
            assert_eq!(fold_typed(typed), Some(meant));
        }
        for character in ['u', 'U', '-', ' ', 'ä', '\0'] {
            assert_eq!(fold_typed(character), None, "{character:?}");
        }
    }
}
