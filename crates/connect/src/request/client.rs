//! How the client proves itself (RFC 6749 §2.3): headers and parameters of one call.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyhaven_protocol::secret::{Digest, Secret};
use zeroize::Zeroizing;

use super::assertion::{self, Signer};
use super::compose::Params;
use super::{App, Misconfigured, Stamp};
use crate::provider::{Assertion, ClientAuth, Values};

/// What the proof is about.
pub(super) struct Proof<'a> {
    pub(super) auth: ClientAuth,
    pub(super) assertion: Option<&'a Assertion>,
    /// The URL of the call, without its query: the audience of a signed proof.
    pub(super) audience: String,
    /// The code or token that the call spends.
    pub(super) spent: Option<&'a Secret>,
    pub(super) stamp: &'a Stamp,
}

/// Adds the proof to `params`; returns the value of `Authorization`, if there is one.
pub(super) fn prove(
    app: &App<'_>,
    proof: &Proof<'_>,
    values: &Values<'_>,
    params: &mut Params,
) -> Result<Option<Zeroizing<String>>, Misconfigured> {
    let id = app.client_id;
    match proof.auth {
        ClientAuth::Basic => {
            let half =
                |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            return Ok(Some(basic(&half(id), &half(secret(app)?))));
        }
        ClientAuth::BasicRaw => return Ok(Some(basic(id, secret(app)?))),
        ClientAuth::BasicSecret => return Ok(Some(basic(secret(app)?, ""))),
        ClientAuth::Body => {
            params.add("client_id", id);
            params.add("client_secret", secret(app)?);
        }
        ClientAuth::None => params.add("client_id", id),
        ClientAuth::PrivateKeyJwt | ClientAuth::ClientSecretJwt | ClientAuth::SignedSecret => {
            params.add("client_id", id);
            let signer = if proof.auth == ClientAuth::ClientSecretJwt {
                Signer::Secret(secret(app)?)
            } else {
                Signer::key(app)?
            };
            let rules = proof.assertion.cloned().unwrap_or_default();
            let jwt =
                assertion::signed(&rules, &signer, app, &proof.audience, values, proof.stamp)?;
            assertion::add(rules.param, &jwt, params);
        }
        ClientAuth::Smartsheet => {
            params.add("client_id", id);
            let spent = proof.spent.map_or("", Secret::reveal);
            let text = Zeroizing::new(format!("{}|{spent}", secret(app)?));
            params.add("hash", &hex(&Digest::of(text.as_bytes()).0));
        }
    }
    Ok(None)
}

fn secret<'a>(app: &App<'a>) -> Result<&'a str, Misconfigured> {
    app.secret.map(Secret::reveal).ok_or_else(|| Misconfigured::new("the app has no client secret"))
}

fn basic(user: &str, password: &str) -> Zeroizing<String> {
    let pair = Zeroizing::new(format!("{user}:{password}"));
    Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())))
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
        .map(char::from)
        .collect()
}
