//! A new passkey (WebAuthn Level 3 §7.1). Attestation statements are not trusted; the two forms that
//! browsers send when none is asked for must still be sound: `none`, and `packed` self attestation.

use super::authenticator_data::{Attested, AuthenticatorData};
use super::cbor::{self, Item};
use super::{Expected, client_data};
use crate::secret::Digest;

const MAX_OBJECT: usize = 16 * 1024;

/// What the browser sends at registration (`AuthenticatorAttestationResponse`).
#[derive(Clone, Copy, Debug)]
pub struct Attestation<'a> {
    /// `rawId`.
    pub id: &'a [u8],
    /// `response.clientDataJSON`.
    pub client_data: &'a [u8],
    /// `response.attestationObject`.
    pub object: &'a [u8],
}

/// A passkey that was just made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPasskey {
    /// The credential's id: unique among all users.
    pub id: Vec<u8>,
    /// Its public key in COSE form.
    pub key: Vec<u8>,
    /// The COSE number of its algorithm.
    pub algorithm: i64,
    /// The authenticator's counter; zero where it has none.
    pub sign_count: u32,
    /// The make of authenticator, unproven.
    pub aaguid: [u8; 16],
    /// Whether the authenticator recognised its user.
    pub user_verified: bool,
    /// Whether it may be kept on several devices. Never changes.
    pub backup_eligible: bool,
    /// Whether it is.
    pub backed_up: bool,
}

/// Whether this is the answer to our challenge; the new passkey then.
pub fn verify_registration(
    sent: Attestation<'_>,
    expected: &Expected<'_>,
) -> Result<NewPasskey, &'static str> {
    let digest = client_data::check(sent.client_data, "webauthn.create", expected)?;
    if sent.object.len() > MAX_OBJECT {
        return Err("attestation object longer than 16 KiB");
    }
    let object = cbor::parse(sent.object)?;
    let bytes = object.named("authData").and_then(Item::bytes);
    let bytes = bytes.ok_or("attestation object has no authData")?;
    let data = AuthenticatorData::parse(bytes, expected)?;
    let attested = data.credential.as_ref().ok_or("authenticator data has no credential")?;
    if attested.id != sent.id {
        return Err("rawId is not the credential's id");
    }
    check_statement(&object, attested, bytes, digest)?;
    Ok(NewPasskey {
        id: attested.id.to_vec(),
        key: attested.cose.to_vec(),
        algorithm: attested.key.algorithm(),
        sign_count: data.sign_count,
        aaguid: attested.aaguid,
        user_verified: data.user_verified,
        backup_eligible: data.backup_eligible,
        backed_up: data.backed_up,
    })
}

/// §8.7 and §8.2 without `x5c`. A certificate chain would say who the person bought it from; none
/// was asked for.
fn check_statement(
    object: &Item<'_>,
    attested: &Attested<'_>,
    data: &[u8],
    client: Digest,
) -> Result<(), &'static str> {
    let statement = object.named("attStmt").ok_or("attestation object has no attStmt")?;
    match object.named("fmt") {
        Some(Item::Text("none")) if *statement == Item::Map(Vec::new()) => Ok(()),
        Some(Item::Text("none")) => Err("attestation none has a statement"),
        Some(Item::Text("packed")) if statement.named("x5c").is_none() => {
            if statement.named("alg").and_then(Item::int) != Some(attested.key.algorithm()) {
                return Err("self attestation names another alg");
            }
            let signature = statement.named("sig").and_then(Item::bytes);
            let signature = signature.ok_or("self attestation has no signature")?;
            attested.key.verify(&[data, client.0.as_slice()].concat(), signature)
        }
        _ => Err("attestation was not asked for"),
    }
}
