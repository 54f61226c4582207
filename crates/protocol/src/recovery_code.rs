//! Recovery codes: what gets a person in who has lost the other factor. Each works once, which is
//! the store's guard.
//!
//! A code has 120 random bits and is kept as SHA-256. Shorter codes would need argon2id for each
//! try, work that strangers could make us do, and the same salt for all ten; at 120 bits nobody
//! searches, and the longer text is typed on one bad day in years.

use crate::base32;
use crate::secret::{Digest, Secret};

/// How many codes a person gets at once.
pub const COUNT: usize = 10;
/// The random bytes of one code.
pub const BYTES: usize = 15;
const CHARACTERS: usize = 24;
const GROUP: usize = 6;

/// Writes a code from random bytes, in groups.
#[must_use]
pub fn mint(bytes: &[u8; BYTES]) -> Secret {
    let plain = base32::encode_typed(bytes);
    let mut out = String::with_capacity(CHARACTERS + CHARACTERS / GROUP);
    for (at, character) in plain.chars().enumerate() {
        if at > 0 && at % GROUP == 0 {
            out.push('-');
        }
        out.push(character);
    }
    Secret::new(out)
}

/// The digest by which a typed code is recognised: case, blanks, hyphens and look-alike characters
/// make no difference.
pub fn parse_digest(typed: &str) -> Result<Digest, &'static str> {
    let mut plain = zeroize::Zeroizing::new(String::with_capacity(CHARACTERS));
    for character in typed.chars().filter(|c| !c.is_whitespace() && *c != '-') {
        if plain.len() == CHARACTERS {
            return Err("a recovery code has 24 characters");
        }
        plain.push(base32::fold_typed(character).ok_or("no recovery code has this character")?);
    }
    if plain.len() != CHARACTERS {
        return Err("a recovery code has 24 characters");
    }
    Ok(Digest::of(plain.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_reads_back_however_it_is_typed() {
        let code = mint(&[0x5a; BYTES]);
        assert_eq!(code.reveal(), "b9d5mp-jtb9d5-mpjtb9-d5mpjt");
        let digest = parse_digest(code.reveal());
        assert!(digest.is_ok());
        for typed in [
            "B9D5MPJTB9D5MPJTB9D5MPJT",
            " b9d5mp jtb9d5 mpjtb9 d5mpjt\n",
            "b9-d5-mp-jt-b9-d5-mp-jt-b9-d5-mp-jt",
        ] {
            assert_eq!(parse_digest(typed), digest, "{typed}");
        }
    }

    #[test]
    fn what_is_no_code_has_no_digest() {
        let refused = |typed: &str, rule| assert_eq!(parse_digest(typed), Err(rule), "{typed}");
        refused("", "a recovery code has 24 characters");
        refused("b9d5mp-jtb9d5-mpjtb9-d5mpj", "a recovery code has 24 characters");
        refused("b9d5mp-jtb9d5-mpjtb9-d5mpjt0", "a recovery code has 24 characters");
        refused("u9d5mp-jtb9d5-mpjtb9-d5mpjt", "no recovery code has this character");
        refused(&"0".repeat(1_000_000), "a recovery code has 24 characters");
    }

    #[test]
    fn look_alikes_are_read_as_what_was_meant() {
        let code = mint(&[0; BYTES]);
        assert_eq!(parse_digest(&code.reveal().replace('0', "O")), parse_digest(code.reveal()));
    }
}
