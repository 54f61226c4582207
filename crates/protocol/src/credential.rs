//! The one text form of everything we issue: `kh_<kind>_<id><secret><check>`.
//!
//! *id* is the row's UUIDv7 (22 base62 characters), so look-ups and inserts follow a primary key
//! that grows with time. *secret* is 256 bits (43). *check* is the CRC-32 of what precedes it (6):
//! a mistyped or truncated credential is refused without a look-up, and secret scanners can match
//! without false alarms. The CRC protects nobody from an attacker; the digest does.

use crate::base62;
use crate::id::Id;
use crate::secret::{Digest, Secret};

const ID_CHARS: usize = 22;
const SECRET_CHARS: usize = 43;
const CHECK_CHARS: usize = 6;

/// What a credential opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A client secret.
    Secret,
    /// A signed-in browser or command line.
    Session,
    /// An authorization code.
    Code,
    /// A refresh token.
    Refresh,
    /// An opaque access token.
    Access,
    /// An API key.
    Key,
    /// A one-time link or ticket.
    Once,
    /// A registration access token (RFC 7592).
    Registration,
    /// A sign-in or a connection that is under way.
    Flow,
}

impl Kind {
    const ALL: [Self; 9] = [
        Self::Secret,
        Self::Session,
        Self::Code,
        Self::Refresh,
        Self::Access,
        Self::Key,
        Self::Once,
        Self::Registration,
        Self::Flow,
    ];

    /// The word between the underscores.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Session => "session",
            Self::Code => "code",
            Self::Refresh => "refresh",
            Self::Access => "access",
            Self::Key => "key",
            Self::Once => "once",
            Self::Registration => "reg",
            Self::Flow => "flow",
        }
    }
}

/// A credential someone presented, taken apart but not yet believed.
#[derive(Clone, Debug)]
pub struct Presented {
    /// What it claims to be.
    pub kind: Kind,
    /// The row it names.
    pub id: Id,
    /// The SHA-256 of the whole text, to compare with the stored one.
    pub digest: Digest,
    /// The secret's 32 bytes, for credentials whose bytes carry meaning (refresh lineage).
    pub bytes: [u8; 32],
}

/// Writes the credential of row `id` with 32 secret bytes.
#[must_use]
pub fn mint(kind: Kind, id: Id, bytes: &[u8; 32]) -> Secret {
    let mut text = String::with_capacity(4 + 8 + ID_CHARS + SECRET_CHARS + CHECK_CHARS);
    text.push_str("kh_");
    text.push_str(kind.word());
    text.push('_');
    id.push_base62(&mut text);
    base62::encode(bytes, SECRET_CHARS, &mut text);
    let check = crc32fast::hash(text.as_bytes());
    base62::encode(&check.to_be_bytes(), CHECK_CHARS, &mut text);
    Secret::new(text)
}

/// Takes a presented credential apart; `None` when it is not one of ours, so nothing is looked up.
#[must_use]
pub fn parse(text: &str) -> Option<Presented> {
    let rest = text.strip_prefix("kh_")?;
    let (word, body) = rest.split_once('_')?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word)?;
    if body.len() != ID_CHARS + SECRET_CHARS + CHECK_CHARS || !body.is_ascii() {
        return None;
    }
    let check = base62::decode::<4>(&body[ID_CHARS + SECRET_CHARS..])?;
    if crc32fast::hash(&text.as_bytes()[..text.len() - CHECK_CHARS]).to_be_bytes() != check {
        return None;
    }
    Some(Presented {
        kind,
        id: Id::parse_base62(&body[..ID_CHARS])?,
        digest: Digest::of(text.as_bytes()),
        bytes: base62::decode::<32>(&body[ID_CHARS..ID_CHARS + SECRET_CHARS])?,
    })
}

/// Whether `text` has the form of a credential of `kind`, before any look-up.
#[must_use]
pub fn parse_kind(kind: Kind, text: &str) -> Option<Presented> {
    parse(text).filter(|presented| presented.kind == kind)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: Id = Id::v7(1_700_000_000_000, [7; 10]);

    #[test]
    fn every_kind_reads_back() {
        for kind in Kind::ALL {
            let secret = mint(kind, ID, &[9; 32]);
            let Some(presented) = parse(secret.reveal()) else { panic!("{kind:?} did not parse") };
            assert_eq!((presented.kind, presented.id, presented.bytes), (kind, ID, [9; 32]));
            assert_eq!(presented.digest, secret.digest());
        }
    }

    #[test]
    fn a_credential_has_only_unreserved_characters() {
        let secret = mint(Kind::Access, ID, &[0xfe; 32]);
        assert!(secret.reveal().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
        assert_eq!(secret.reveal().len(), "kh_access_".len() + 71);
    }

    #[test]
    fn another_kind_is_refused() {
        let secret = mint(Kind::Access, ID, &[1; 32]);
        assert!(parse_kind(Kind::Refresh, secret.reveal()).is_none());
    }

    proptest! {
        #[test]
        fn one_wrong_character_is_refused(at in 0_usize..80, with in "[0-9A-Za-z]") {
            let good = mint(Kind::Access, ID, &[3; 32]);
            let mut text = good.reveal().to_owned();
            let at = at % text.len();
            text.replace_range(at..=at, &with);
            prop_assume!(text != good.reveal());
            prop_assert!(parse(&text).is_none());
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".*") {
            let _ = parse(&text);
        }
    }
}
