//! Pushed authorization requests (RFC 9126): the client proves itself first, the request is read by
//! the same rules as one that comes by the browser, and waits under a `request_uri`.

use std::sync::Arc;

use keyhaven_protocol::authorize::Channel;
use keyhaven_protocol::client::Client;
use keyhaven_protocol::client_auth::{Manners, Presented};
use keyhaven_protocol::dpop;
use keyhaven_protocol::params::Params;
use keyhaven_protocol::refusal::{Code, Refusal};
use keyhaven_protocol::request_object;
use keyhaven_protocol::secret::Secret;

use super::authorize::{Read, keep_for_later, read};
use super::{Failure, authenticate_client, spend_dpop, spend_proof};
use crate::app::{App, Origin};

/// The beginning of every `request_uri` of ours (RFC 9126 §2.2).
pub const URI_PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

/// Keeps the request of an authenticated client and returns its `request_uri`.
pub async fn push(
    app: &App,
    presented: &Presented,
    params: &Params,
    proof: Option<&dpop::Proof>,
    origin: &Origin,
) -> Result<Secret, Failure> {
    let (client, spent) = authenticate_client(app, presented, Manners::Standard, origin).await?;
    spend_proof(app, &spent).await.map_err(|failure| failure.of(&client))?;
    if params.get("request_uri").is_some() {
        return Err(Failure::from(Refusal::request("request_uri in a pushed request")).of(&client));
    }
    let signed = match params.get("request") {
        None => None,
        Some(jwt) => {
            let (issuer, now) = (&app.settings.issuer, app.clock.now());
            let opened = match find_keys(app, &client, jwt).await {
                Ok(client) => request_object::open(jwt, &client, issuer, now),
                Err(refusal) => Err(refusal),
            };
            Some(opened.map_err(|refusal| Failure::from(refusal).of(&client))?)
        }
    };
    if signed.is_none() && client.party.request_object_alg.is_some() {
        let refusal = Refusal::new(Code::InvalidRequestObject, "this client signs its requests")
            .on("request");
        return Err(Failure::from(refusal).of(&client));
    }
    let asked = own_form(signed.as_ref().unwrap_or(params), &client.public_id, proof)
        .map_err(|refusal| Failure::from(refusal).of(&client))?;
    match read(app, &asked, None, Channel::Pushed).await? {
        Read::Sound(client, _) => {
            if let Some(proof) = proof {
                spend_dpop(app, proof).await.map_err(|failure| failure.of(&client))?;
            }
            let handle = keep_for_later(app, client.id, Channel::Pushed, asked.to_form()).await?;
            Ok(Secret::new(format!("{URI_PREFIX}{}", handle.reveal())))
        }
        Read::Refused(_, refused) => Err(Failure::Refused(refused)),
    }
}

/// The client with the keys that verify `jwt`. Keys that cannot be had refuse the object, not the
/// client, which has proved itself.
async fn find_keys(app: &App, client: &Arc<Client>, jwt: &str) -> Result<Arc<Client>, Refusal> {
    let kid = request_object::kid_of(jwt);
    let found = app.client_keys.at_hand(client.clone(), kid.as_deref(), app.clock.tick()).await;
    found.map_err(|refusal| Refusal { code: Code::InvalidRequestObject, ..refusal }.on("request"))
}

/// The request alone: credentials are not part of it. A proof binds the code as `dpop_jkt` would, and
/// must agree with it (RFC 9449 §10.1).
fn own_form(
    params: &Params,
    client_id: &str,
    proof: Option<&dpop::Proof>,
) -> Result<Params, Refusal> {
    let credentials = ["client_id", "client_secret", "client_assertion", "client_assertion_type"];
    let mut pairs: Vec<(&str, &str)> =
        params.iter().filter(|(name, _)| !credentials.contains(name)).collect();
    pairs.push(("client_id", client_id));
    if let Some(proof) = proof {
        match params.get("dpop_jkt") {
            None => pairs.push(("dpop_jkt", &proof.jkt)),
            Some(jkt) if jkt == proof.jkt => {}
            Some(_) => {
                return Err(Refusal::new(Code::InvalidDpopProof, "dpop_jkt is of another key")
                    .on("dpop_jkt"));
            }
        }
    }
    Params::from_pairs(pairs).map_err(|error| Refusal::request(error.reason().into_owned()))
}
