//! What the authenticator says (WebAuthn Level 3 §6.1): for which relying party, whether a person was
//! there and was recognised, a counter, and at registration the new credential.

use super::cbor::{self, Item};
use super::credential_key::CredentialKey;
use super::{Expected, MAX_CREDENTIAL_ID, Presence};
use crate::secret::Digest;

const CUT_OFF: &str = "authenticator data is cut off";

const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const HAS_CREDENTIAL: u8 = 1 << 6;
const HAS_EXTENSIONS: u8 = 1 << 7;

/// Authenticator data taken apart and held against what was expected.
#[derive(Debug)]
pub(super) struct AuthenticatorData<'a> {
    pub(super) user_verified: bool,
    pub(super) backup_eligible: bool,
    pub(super) backed_up: bool,
    pub(super) sign_count: u32,
    pub(super) credential: Option<Attested<'a>>,
}

/// The credential a registration brings (§6.5.1).
#[derive(Debug)]
pub(super) struct Attested<'a> {
    pub(super) aaguid: [u8; 16],
    pub(super) id: &'a [u8],
    pub(super) key: CredentialKey,
    pub(super) cose: &'a [u8],
}

impl<'a> AuthenticatorData<'a> {
    pub(super) fn parse(bytes: &'a [u8], expected: &Expected<'_>) -> Result<Self, &'static str> {
        let (party, rest) = bytes.split_at_checked(32).ok_or(CUT_OFF)?;
        let (head, rest) = rest.split_first_chunk::<5>().ok_or(CUT_OFF)?;
        let [flags, counter @ ..] = *head;
        if party != Digest::of(expected.rp_id.as_bytes()).0 {
            return Err("authenticator data is for another relying party");
        }
        let has = |flag: u8| flags & flag != 0;
        if !has(USER_PRESENT) {
            return Err("the authenticator saw no user");
        }
        if expected.presence == Presence::Verified && !has(USER_VERIFIED) {
            return Err("the authenticator did not verify the user");
        }
        if has(BACKED_UP) && !has(BACKUP_ELIGIBLE) {
            return Err("a passkey that cannot be backed up says it is");
        }
        let (credential, rest) =
            if has(HAS_CREDENTIAL) { Attested::parse(rest)? } else { (None, rest) };
        end(rest, has(HAS_EXTENSIONS))?;
        Ok(Self {
            user_verified: has(USER_VERIFIED),
            backup_eligible: has(BACKUP_ELIGIBLE),
            backed_up: has(BACKED_UP),
            sign_count: u32::from_be_bytes(counter),
            credential,
        })
    }
}

impl<'a> Attested<'a> {
    fn parse(bytes: &'a [u8]) -> Result<(Option<Self>, &'a [u8]), &'static str> {
        let (aaguid, rest) = bytes.split_first_chunk::<16>().ok_or(CUT_OFF)?;
        let (length, rest) = rest.split_first_chunk::<2>().ok_or(CUT_OFF)?;
        let length = usize::from(u16::from_be_bytes(*length));
        if length == 0 || length > MAX_CREDENTIAL_ID {
            return Err("credential id is empty or longer than 1023 bytes");
        }
        let (id, rest) = rest.split_at_checked(length).ok_or(CUT_OFF)?;
        let (item, after) = cbor::parse_first(rest)?;
        let cose = &rest[..rest.len() - after.len()];
        let attested = Self { aaguid: *aaguid, id, key: CredentialKey::of_item(&item)?, cose };
        Ok((Some(attested), after))
    }
}

/// Extensions are read and passed over; anything else behind the data is refused.
fn end(rest: &[u8], has_extensions: bool) -> Result<(), &'static str> {
    let rest = if has_extensions {
        match cbor::parse_first(rest)? {
            (Item::Map(_), after) => after,
            _ => return Err("authenticator extensions are no map"),
        }
    } else {
        rest
    };
    if rest.is_empty() { Ok(()) } else { Err("bytes follow the authenticator data") }
}
