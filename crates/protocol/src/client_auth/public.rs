//! `none`: a public client names itself and proves nothing (RFC 6749 §2.1, §3.2.1).

use super::Proof;
use crate::client::{AuthMethod, Client};
use crate::refusal::Refusal;

pub(super) fn judge(client: &Client) -> Result<Proof, Refusal> {
    if client.auth_method == AuthMethod::None {
        return Ok(Proof::default());
    }
    Err(Refusal::client("a confidential client sent no proof")
        .with("registered", client.auth_method.as_str()))
}
