//! One-time codes sent by mail: eight digits, for ten minutes, a few tries. Kept as a keyed digest
//! (the key is the store's): a plain one of eight digits could be turned back in no time.

use zeroize::Zeroizing;

use crate::secret::Secret;
use crate::time::Seconds;

/// How long a code counts from when it was made.
pub const LIFE: Seconds = Seconds(600);
/// How many wrong tries end a code.
pub const TRIES: i64 = 5;
const DIGITS: usize = 8;

/// Writes a code from random bytes. 64 bits taken modulo 10⁸ favour no code noticeably.
#[must_use]
pub fn mint(bytes: [u8; 8]) -> Secret {
    Secret::new(format!("{:08}", u64::from_be_bytes(bytes) % 100_000_000))
}

/// The code as typed, without blanks and hyphens.
pub fn parse(typed: &str) -> Result<Secret, &'static str> {
    let mut plain = Zeroizing::new(String::with_capacity(DIGITS));
    for character in typed.chars().filter(|c| !c.is_whitespace() && *c != '-') {
        if !character.is_ascii_digit() || plain.len() == DIGITS {
            return Err("a mail code has eight digits");
        }
        plain.push(character);
    }
    if plain.len() == DIGITS {
        Ok(Secret::from(&**plain))
    } else {
        Err("a mail code has eight digits")
    }
}

/// The code in two groups, as the message shows it.
#[must_use]
pub fn grouped(code: &Secret) -> Secret {
    let (first, last) = code.reveal().split_at_checked(DIGITS / 2).unwrap_or((code.reveal(), ""));
    Secret::new(format!("{first} {last}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_reads_back_as_the_message_shows_it() {
        let code = mint(1_234_567_u64.to_be_bytes());
        assert_eq!(code.reveal(), "01234567");
        assert_eq!(grouped(&code).reveal(), "0123 4567");
        for typed in ["01234567", "0123 4567", "0123-4567", " 0 1 2 3 4 5 6 7\n"] {
            assert_eq!(parse(typed).map(|code| code.reveal().to_owned()), Ok("01234567".into()));
        }
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for typed in ["", "1234567", "123456789", "1234567a", "١٢٣٤٥٦٧٨", "12345678\0"] {
            assert_eq!(parse(typed).err(), Some("a mail code has eight digits"), "{typed:?}");
        }
    }
}
