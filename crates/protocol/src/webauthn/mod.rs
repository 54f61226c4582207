//! Passkeys (WebAuthn Level 3 §7): what makes a registration and a sign-in with one. Challenges are
//! made, kept and spent elsewhere, and the counter's guard is in the store.
//!
//! We ask for no attestation and trust none: which make of authenticator it is does not matter here.

mod authentication;
mod authenticator_data;
mod cbor;
mod client_data;
mod credential_key;
mod registration;
#[cfg(test)]
mod tests;

pub use authentication::{Assertion, Known, SignedIn, verify_authentication};
pub use credential_key::ALGORITHMS;
pub use registration::{Attestation, NewPasskey, verify_registration};

/// The random bytes of a challenge.
pub const CHALLENGE_BYTES: usize = 32;
/// The longest credential id (§7.1 step 25).
pub const MAX_CREDENTIAL_ID: usize = 1023;

/// What a ceremony must be about.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The relying party: the host of the issuer.
    pub rp_id: &'a str,
    /// The one origin our pages have: scheme, host and port of the issuer.
    pub origin: &'a str,
    /// The challenge of this ceremony.
    pub challenge: &'a [u8; CHALLENGE_BYTES],
    /// What the authenticator must have seen.
    pub presence: Presence,
}

/// What an authenticator must have seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Somebody touched it: enough beside a password.
    Touched,
    /// It recognised its user by PIN or biometry: enough alone.
    Verified,
}
