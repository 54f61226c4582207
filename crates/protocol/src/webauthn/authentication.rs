//! A sign-in with a passkey (WebAuthn Level 3 §7.2). That the counter only grows is decided here and
//! guarded again by the write.

use super::authenticator_data::AuthenticatorData;
use super::credential_key::CredentialKey;
use super::{Expected, client_data};

const MAX_DATA: usize = 4 * 1024;

/// What the browser sends at sign-in (`AuthenticatorAssertionResponse`).
#[derive(Clone, Copy, Debug)]
pub struct Assertion<'a> {
    /// `response.clientDataJSON`.
    pub client_data: &'a [u8],
    /// `response.authenticatorData`.
    pub data: &'a [u8],
    /// `response.signature`.
    pub signature: &'a [u8],
    /// `response.userHandle`, where the authenticator sent one.
    pub user_handle: Option<&'a [u8]>,
}

/// What is known of the passkey it names.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The stored COSE key.
    pub key: &'a [u8],
    /// The last counter.
    pub sign_count: u32,
    /// Whether it may be kept on several devices.
    pub backup_eligible: bool,
    /// The user handle we gave it: the owner's id.
    pub user_handle: &'a [u8],
}

/// A sound sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// The new counter; stored only if it is above the old one, or both are zero.
    pub sign_count: u32,
    /// Whether the authenticator recognised its user.
    pub user_verified: bool,
    /// Whether the passkey is kept on several devices now.
    pub backed_up: bool,
}

/// Whether the holder of the known passkey answered our challenge.
pub fn verify_authentication(
    sent: Assertion<'_>,
    known: Known<'_>,
    expected: &Expected<'_>,
) -> Result<SignedIn, &'static str> {
    if sent.user_handle.is_some_and(|handle| handle != known.user_handle) {
        return Err("the passkey belongs to another user");
    }
    let client = client_data::check(sent.client_data, "webauthn.get", expected)?;
    if sent.data.len() > MAX_DATA {
        return Err("authenticator data longer than 4 KiB");
    }
    let data = AuthenticatorData::parse(sent.data, expected)?;
    if data.credential.is_some() {
        return Err("authenticator data brings a credential to a sign-in");
    }
    if data.backup_eligible != known.backup_eligible {
        return Err("the passkey changed whether it may be backed up");
    }
    let key = CredentialKey::parse(known.key)?;
    key.verify(&[sent.data, client.0.as_slice()].concat(), sent.signature)?;
    let counts = data.sign_count != 0 || known.sign_count != 0;
    if counts && data.sign_count <= known.sign_count {
        return Err("the passkey's counter did not grow: it may have been copied");
    }
    Ok(SignedIn {
        sign_count: data.sign_count,
        user_verified: data.user_verified,
        backed_up: data.backed_up,
    })
}
