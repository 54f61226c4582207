//! Ids: UUIDv7 (RFC 9562 §5.7), made by us, so that primary keys grow with time.

use std::fmt;

use serde::ser::{Error as _, Serialize, Serializer};

use crate::base62;

/// A UUIDv7 of any kind of thing. Text form: lower-case hyphenated; parsing also takes 32 hex
/// digits (the JSON:API family's link pattern allows no hyphen).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub [u8; 16]);

impl Id {
    /// Builds a UUIDv7 from a millisecond clock reading and 10 random bytes.
    #[must_use]
    pub const fn v7(unix_millis: u64, random: [u8; 10]) -> Self {
        let t = unix_millis.to_be_bytes();
        let r = random;
        Self([
            t[2],
            t[3],
            t[4],
            t[5],
            t[6],
            t[7],
            0x70 | (r[0] & 0x0f),
            r[1],
            0x80 | (r[2] & 0x3f),
            r[3],
            r[4],
            r[5],
            r[6],
            r[7],
            r[8],
            r[9],
        ])
    }

    /// The smallest id of an instant, for "everything since" look-ups by primary key.
    #[must_use]
    pub const fn floor(unix_millis: u64) -> Self {
        let t = unix_millis.to_be_bytes();
        Self([t[2], t[3], t[4], t[5], t[6], t[7], 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0])
    }

    /// Reads the hyphenated or the plain 32-digit hexadecimal form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let hyphenated = bytes.len() == 36;
        if !hyphenated && bytes.len() != 32 {
            return None;
        }
        let mut out = [0_u8; 16];
        let mut at = 0;
        for (i, slot) in out.iter_mut().enumerate() {
            if hyphenated && matches!(i, 4 | 6 | 8 | 10) {
                if bytes[at] != b'-' {
                    return None;
                }
                at += 1;
            }
            *slot = hex(bytes[at])? << 4 | hex(bytes[at + 1])?;
            at += 2;
        }
        Some(Self(out))
    }

    /// Reads the 22-character base62 form used inside credentials.
    #[must_use]
    pub fn parse_base62(text: &str) -> Option<Self> {
        (text.len() == 22).then(|| base62::decode::<16>(text)).flatten().map(Self)
    }

    /// Appends the 22-character base62 form.
    pub fn push_base62(&self, out: &mut String) {
        base62::encode(&self.0, 22, out);
    }

    /// The lower-case hyphenated form in ASCII, without allocating: every token issued holds three.
    #[must_use]
    pub const fn hyphenated(&self) -> [u8; 36] {
        let mut text = [b'-'; 36];
        let mut at = 0;
        let mut i = 0;
        while i < 16 {
            if matches!(i, 4 | 6 | 8 | 10) {
                at += 1;
            }
            text[at] = HEX[(self.0[i] >> 4) as usize];
            text[at + 1] = HEX[(self.0[i] & 15) as usize];
            at += 2;
            i += 1;
        }
        text
    }

    /// 32 lower-case hexadecimal digits without hyphens.
    #[must_use]
    pub fn simple(&self) -> String {
        self.0.iter().fold(String::with_capacity(32), |mut out, byte| {
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
            out
        })
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

const fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.hyphenated()).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text form, without going through a formatter: answers on hot paths hold several.
impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.hyphenated();
        serializer.serialize_str(str::from_utf8(&text).map_err(S::Error::custom)?)
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Id);

        impl $name {
            /// Reads the text form of the id.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Id::parse(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(serializer)
            }
        }
    )*};
}

ids! {
    /// A tenant.
    OrganizationId;
    /// A project inside one organization.
    ProjectId;
    /// A group inside one organization.
    GroupId;
    /// A person.
    UserId;
    /// A node of the revocation graph: the authority under which credentials exist.
    GrantId;
    /// An access token (the `jti` of a JWT) or one refresh family.
    TokenId;
    /// A provider and one app registered there.
    ConnectorId;
    /// One outside account's grant under one connector.
    ConnectionId;
    /// An API key; also the grant it is.
    KeyId;
    /// An app that keys are handed to.
    AppId;
    /// A budget.
    BudgetId;
    /// A charge in the ledger.
    ChargeId;
    /// An amount held for a charge to come.
    HoldId;
    /// Another OpenID provider that people sign in with.
    UpstreamId;
    /// An invitation that was not accepted yet.
    InvitationId;
    /// A signed-in browser or command line. It is a grant: what hangs on it has it as its parent.
    SessionId;
}

impl SessionId {
    /// The node of the revocation graph that this session is.
    #[must_use]
    pub const fn grant(self) -> GrantId {
        GrantId(self.0)
    }
}

/// An OAuth client. Its public form, the `client_id` parameter, is `kh_client_` and base62.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub Id);

impl ClientId {
    const PREFIX: &'static str = "kh_client_";

    /// Reads a `client_id` parameter (RFC 6749 §2.2).
    #[must_use]
    pub fn parse_public(text: &str) -> Option<Self> {
        text.strip_prefix(Self::PREFIX).and_then(Id::parse_base62).map(Self)
    }

    /// Reads either form, for administrators.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_public(text).or_else(|| Id::parse(text).map(Self))
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(32);
        text.push_str(Self::PREFIX);
        self.0.push_base62(&mut text);
        f.write_str(&text)
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: Id = Id::v7(0x0192_0000_0001, [0xab; 10]);

    #[test]
    fn an_id_is_a_version_7_uuid_of_the_ietf_variant() {
        assert_eq!(SOME.to_string(), "01920000-0001-7bab-abab-abababababab");
    }

    #[test]
    fn every_text_form_reads_back() {
        assert_eq!(Id::parse(&SOME.to_string()), Some(SOME));
        assert_eq!(Id::parse(&SOME.simple()), Some(SOME));
        let client = ClientId(SOME);
        assert_eq!(ClientId::parse(&client.to_string()), Some(client));
    }

    #[test]
    fn misplaced_hyphens_and_capitals_are_refused() {
        assert_eq!(Id::parse("019200000-001-7bab-abab-abababababab"), None);
        assert_eq!(Id::parse("01920000-0001-7BAB-ABAB-ABABABABABAB"), None);
        assert_eq!(Id::parse(""), None);
        assert_eq!(Id::parse("é1920000-0001-7bab-abab-ababababab"), None);
    }

    #[test]
    fn ids_grow_with_time() {
        assert!(Id::v7(1, [0xff; 10]) < Id::floor(2));
        assert!(Id::floor(2) <= Id::v7(2, [0; 10]));
    }
}
