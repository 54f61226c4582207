//! Passwords as people choose them (V6.2) and as they are stored: length, the list of those that
//! everybody chooses, and the PHC string of an argon2id hash. Bytes count as they arrive: nothing is
//! trimmed, folded or cut, and no mixture of characters is asked for. Hashing itself is not here.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// The shortest password, in characters.
pub const MIN_CHARS: usize = 8;

/// The longest password, in bytes.
pub const MAX_BYTES: usize = 1_024;

/// Passwords that are guessed first, in lower case, sorted. From the frequency list of zxcvbn (MIT,
/// Dropbox), those of at least [`MIN_CHARS`].
const COMMON: &str = include_str!("password/common.txt");

/// Words of this product, which make a password no better.
const OURS: [&str; 2] = ["keyhaven", "kh_"];

/// Whether a text can be somebody's password at all. Says nothing of how good it is: signing in asks
/// this, before any work is done.
pub fn parse_length(text: &str) -> Result<(), &'static str> {
    if text.len() > MAX_BYTES {
        return Err("a password has at most 1024 bytes");
    }
    Ok(())
}

/// Whether a text may become the password of the account with this canonical address.
pub fn parse_new(text: &str, email: &str) -> Result<(), &'static str> {
    parse_length(text)?;
    if text.chars().count() < MIN_CHARS {
        return Err("a password has at least 8 characters");
    }
    let lower = text.to_lowercase();
    if is_common(&lower) {
        return Err("this password is one of those that are guessed first");
    }
    let local = email.split('@').next().unwrap_or_default();
    let known =
        OURS.iter().copied().chain([email, local].into_iter().filter(|word| word.len() > 2));
    for word in known {
        let rest = lower.replace(word, "");
        if rest.len() < lower.len() && rest.chars().count() < MIN_CHARS / 2 {
            return Err("a password is more than a name that is known here");
        }
    }
    let first = text.chars().next();
    if text.chars().all(|char| Some(char) == first) {
        return Err("a password is more than one character");
    }
    Ok(())
}

fn is_common(lower: &str) -> bool {
    // Sorted by bytes, one a line.
    let lines = COMMON.as_bytes();
    let (mut from, mut to) = (0, lines.len());
    while from < to {
        let middle = from + (to - from) / 2;
        let start = lines[..middle].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let end = lines[start..].iter().position(|byte| *byte == b'\n').map_or(to, |at| start + at);
        match lines[start..end].cmp(lower.as_bytes()) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => from = end + 1,
            std::cmp::Ordering::Greater => to = start,
        }
    }
    false
}

/// What argon2id is told to cost (RFC 9106 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost {
    /// Memory in KiB.
    pub memory: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Cost {
    /// What new hashes cost: 19 MiB, two passes, one lane.
    pub const NOW: Self = Self { memory: 19 * 1_024, passes: 2, lanes: 1 };

    /// The most that a stored hash may cost: what a row says must not exhaust us.
    const MOST: Self = Self { memory: 1 << 20, passes: 16, lanes: 16 };

    const fn is_sound(self) -> bool {
        self.memory >= 8 * self.lanes
            && self.memory <= Self::MOST.memory
            && self.passes >= 1
            && self.passes <= Self::MOST.passes
            && self.lanes >= 1
            && self.lanes <= Self::MOST.lanes
    }
}

/// A stored hash taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phc {
    /// What it cost.
    pub cost: Cost,
    /// The salt.
    pub salt: Vec<u8>,
    /// The hash.
    pub hash: Vec<u8>,
}

impl Phc {
    /// Reads `$argon2id$v=19$m=19456,t=2,p=1$salt$hash` and nothing looser.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("$argon2id$v=19$m=")?;
        let (memory, rest) = rest.split_once(",t=")?;
        let (passes, rest) = rest.split_once(",p=")?;
        let (lanes, rest) = rest.split_once('$')?;
        let (salt, hash) = rest.split_once('$')?;
        let cost = Cost {
            memory: memory.parse().ok()?,
            passes: passes.parse().ok()?,
            lanes: lanes.parse().ok()?,
        };
        let salt =
            STANDARD_NO_PAD.decode(salt).ok().filter(|salt| (8..=64).contains(&salt.len()))?;
        let hash =
            STANDARD_NO_PAD.decode(hash).ok().filter(|hash| (16..=64).contains(&hash.len()))?;
        cost.is_sound().then_some(Self { cost, salt, hash })
    }

    /// Whether a right password is worth hashing again: it would cost more today.
    #[must_use]
    pub fn is_outdated(&self) -> bool {
        self.cost.memory < Cost::NOW.memory || self.cost.passes < Cost::NOW.passes
    }
}

impl std::fmt::Display for Phc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Cost { memory, passes, lanes } = self.cost;
        let mut text = String::with_capacity(100);
        write!(text, "$argon2id$v=19$m={memory},t={passes},p={lanes}$")?;
        STANDARD_NO_PAD.encode_string(&self.salt, &mut text);
        text.push('$');
        STANDARD_NO_PAD.encode_string(&self.hash, &mut text);
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<(), &str>) {
        assert_eq!(parse_new(text, "ada.lovelace@example.test"), expected, "{text:?}");
    }

    #[test]
    fn length_is_the_rule_and_any_character_counts() {
        check("seven77", Err("a password has at least 8 characters"));
        check("correct horse battery", Ok(()));
        check("\u{1f40e}\u{1f50b}\u{1f4ce}\u{1f40e}\u{1f50b}\u{1f4ce}\u{1f40e}\u{1f50b}", Ok(()));
        check(" tab\tnul\0end ", Ok(()));
        check(&"long ".repeat(204), Ok(()));
        check(&"long ".repeat(205), Err("a password has at most 1024 bytes"));
    }

    #[test]
    fn what_everybody_chooses_is_refused() {
        let common = Err("this password is one of those that are guessed first");
        for text in ["password", "PassWord", "12345678", "qwertyuiop", "1qaz2wsx", "trustno1"] {
            check(text, common);
        }
    }

    #[test]
    fn the_list_is_sorted_and_found_from_end_to_end() {
        let all: Vec<_> = COMMON.lines().collect();
        assert!(all.len() > 3_000);
        assert!(all.windows(2).all(|two| two[0] < two[1]));
        for word in &all {
            assert!(is_common(word), "{word}");
        }
        assert!(!is_common("correct horse battery staple"));
        assert!(!is_common(""));
        assert!(!is_common("~~~~~~~~~~~~"));
    }

    #[test]
    fn names_that_are_known_here_are_refused() {
        let known = Err("a password is more than a name that is known here");
        check("Keyhaven1", known);
        check("ada.lovelace@example.test", known);
        check("ada.lovelace12", known);
        check("keyhaven is on the quay", Ok(()));
        check("          ", Err("a password is more than one character"));
    }

    #[test]
    fn a_stored_hash_reads_back_and_nothing_looser_does() {
        let text = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let phc = Phc::parse(text).unwrap();
        assert_eq!((phc.cost, phc.salt.len(), phc.hash.len()), (Cost::NOW, 16, 32));
        assert_eq!(phc.to_string(), text);
        assert!(!phc.is_outdated());
        assert!(Phc::parse(&text.replace("m=19456", "m=7168")).unwrap().is_outdated());
        for bad in [
            text.replace("argon2id", "argon2i"),
            text.replace("v=19", "v=16"),
            text.replace("m=19456", "m=4294967295"),
            text.replace("t=2", "t=0"),
            text.replace("p=1", "p=99"),
            text.replace("$AAAAAAAAAAAAAAAAAAAAAA$", "$AA$"),
            format!("{text}="),
        ] {
            assert_eq!(Phc::parse(&bad), None, "{bad}");
        }
    }
}
