//! JSON Object Signing (RFC 7515, 7517, 7518, 7638, 8037): the part of it that resists misuse.
//!
//! Four asymmetric algorithms, public keys, compact serialisation. No symmetric algorithm, no `none`,
//! no encryption, no JSON serialisation, and no generic "decode a JWT": each token kind has its own
//! verifier beside this room, with `typ`, issuer, audience and claims fixed (RFC 8725 §3).

use crate::time::Seconds;

pub mod algorithm;
pub(crate) mod base64url;
pub(crate) mod claims;
pub mod compact;
#[cfg(test)]
pub(crate) mod forge;
pub mod jwk;
pub mod jwk_set;
pub(crate) mod rsa_public_key;
pub mod signing_key;
pub mod verifying_key;

/// How far another machine's clock may run ahead of ours before what it dates counts as false.
pub const SKEW: Seconds = Seconds(10);
