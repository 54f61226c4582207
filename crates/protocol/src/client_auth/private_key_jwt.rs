//! `private_key_jwt` (RFC 7523 §2.2, §3; RFC 8725). The assertion's id is spent once per client,
//! in the database, so a replay on another node fails too (A38).

use super::{Proof, Spend};
use crate::client::{AuthMethod, Client};
use crate::client_assertion::Assertion;
use crate::jose::algorithm::Algorithm;
use crate::jose::jwk_set::JwkSet;
use crate::jose::verifying_key::KeySet;
use crate::refusal::Refusal;
use crate::secret::Digest;
use crate::time::Timestamp;

pub(super) fn judge(
    client: &Client,
    assertion: &Assertion,
    audiences: &[&str],
    now: Timestamp,
) -> Result<Proof, Refusal> {
    if client.auth_method != AuthMethod::PrivateKeyJwt {
        return Err(Refusal::client("not the registered authentication method")
            .with("registered", client.auth_method.as_str())
            .with("used", "private_key_jwt"));
    }
    let keys =
        client.keys.as_deref().ok_or_else(|| Refusal::client("client has no registered keys"))?;
    let keys = JwkSet::parse(keys.as_bytes()).map_err(Refusal::client)?;
    let keys = KeySet::prepare(&keys).map_err(Refusal::client)?;
    let registered = match client.assertion_alg.as_deref() {
        None => None,
        Some(name) => Some(
            Algorithm::parse(name)
                .ok_or_else(|| Refusal::client("the registered assertion algorithm is unknown"))?,
        ),
    };
    let verified = assertion
        .verify(&keys, registered, &client.public_id, audiences, now)
        .map_err(Refusal::client)?;
    let once = format!("{}\n{}", client.public_id, verified.jti);
    Ok(Proof {
        spend: Some(Spend { digest: Digest::of(once.as_bytes()), until: verified.expires_at }),
    })
}
