//! Scope values (RFC 6749 §3.3): a set of case-sensitive words, kept in the order given.

use std::fmt;

/// The largest `scope` parameter accepted, in bytes. Guards against scope floods (A19).
pub const MAX_BYTES: usize = 1024;

/// Scopes that open Keyhaven itself. Never granted by default: a request must name them.
pub const RESERVED_PREFIX: &str = "keyhaven:";

/// The scope that opens the `/v1` management interface within its client's reach.
pub const ADMIN: &str = "keyhaven:admin";

/// The scope that lets an API behind us charge the use of its tenant's keys.
pub const USAGE: &str = "keyhaven:usage";

/// A set of scope words, at most [`MAX_BYTES`] long, without duplicates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scopes(String);

impl Scopes {
    /// Reads a space-separated list. Refuses foreign characters, empty words and oversize.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > MAX_BYTES {
            return Err("scope is longer than 1024 bytes");
        }
        if text.is_empty() {
            return Ok(Self::default());
        }
        let mut out = String::with_capacity(text.len());
        for word in text.split(' ') {
            if word.is_empty() {
                return Err("scope has an empty word");
            }
            if !word.bytes().all(is_scope_char) {
                return Err("scope has a character outside RFC 6749 §3.3");
            }
            if !out.split(' ').any(|known| known == word) {
                if !out.is_empty() {
                    out.push(' ');
                }
                out.push_str(word);
            }
        }
        Ok(Self(out))
    }

    /// The words in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|word| !word.is_empty())
    }

    /// Whether `word` is one of them.
    #[must_use]
    pub fn contains(&self, word: &str) -> bool {
        self.iter().any(|known| known == word)
    }

    /// The first word that `other` lacks; `None` when this is a subset.
    #[must_use]
    pub fn beyond<'a>(&'a self, other: &Self) -> Option<&'a str> {
        self.iter().find(|word| !other.contains(word))
    }

    /// The words that `keep` approves.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        let kept: Vec<&str> = self.iter().filter(|word| keep(word)).collect();
        Self(kept.join(" "))
    }

    /// What a request without `scope` gets: everything but the reserved words.
    #[must_use]
    pub fn default_grant(&self) -> Self {
        if !self.0.contains(RESERVED_PREFIX) {
            return self.clone();
        }
        self.filtered(|word| !word.starts_with(RESERVED_PREFIX))
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The wire form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const fn is_scope_char(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, reason: &str) {
        assert_eq!(Scopes::parse(text), Err(reason));
    }

    #[test]
    fn malformed_scopes_are_refused() {
        refused("a  b", "scope has an empty word");
        refused(" a", "scope has an empty word");
        refused("a\nb", "scope has a character outside RFC 6749 §3.3");
        refused("a\"b", "scope has a character outside RFC 6749 §3.3");
        refused("a\\b", "scope has a character outside RFC 6749 §3.3");
        refused("é", "scope has a character outside RFC 6749 §3.3");
        refused(&"a ".repeat(600), "scope is longer than 1024 bytes");
    }

    #[test]
    fn repeated_words_count_once_and_order_stays() {
        assert_eq!(Scopes::parse("b a b"), Scopes::parse("b a"));
    }

    #[test]
    fn the_first_word_beyond_is_named() {
        let granted = Scopes::parse("read write").unwrap();
        assert_eq!(Scopes::parse("read").unwrap().beyond(&granted), None);
        assert_eq!(Scopes::parse("read admin").unwrap().beyond(&granted), Some("admin"));
    }

    #[test]
    fn reserved_scopes_are_never_a_default() {
        let all = Scopes::parse("read keyhaven:admin").unwrap();
        assert_eq!(all.default_grant().as_str(), "read");
    }
}
