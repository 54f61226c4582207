//! UserInfo (OpenID Connect Core §5.3): what the bearer of a token may know about the person behind
//! it, as far as the person agreed.

use keyhaven_protocol::client::Client;
use keyhaven_protocol::dpop::Proof;
use keyhaven_protocol::id::TokenId;
use keyhaven_protocol::refusal::{Code, Refusal};
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::userinfo::{self, may_read};
use keyhaven_store::Error;
use serde_json::{Map, Value};

use super::check::{Credential, Need, Principal, Shown, check};
use super::issue_token::requested_claims;
use super::person::find_person;
use super::{Failure, spend_dpop};
use crate::app::{App, Origin};

/// What is told.
pub enum Told {
    /// As JSON.
    Plain(Map<String, Value>),
    /// As a JWT, for clients that registered an algorithm.
    Signed(Secret),
}

/// Tells the bearer of `token`, who may have shown a key.
pub async fn tell(
    app: &App,
    token: &str,
    proof: Option<&Proof>,
    origin: &Origin,
) -> Result<Told, Failure> {
    let shown = proof.map_or(Shown::Bearer, |proof| Shown::Key(proof.jkt.clone()));
    let principal = check(app, token, &Need { shown, ..Need::default() }).await?;
    let Principal { credential: Credential::Token(token), client: Some(client), .. } = principal
    else {
        return Err(Refusal::token("a session is not an access token").into());
    };
    let failed = |refusal: Refusal| Failure::from(refusal).of(&client);
    may_read(&token, &app.settings.issuer).map_err(failed)?;
    if let Some(proof) = proof {
        spend_dpop(app, proof).await.map_err(|failure| failure.of(&client))?;
    }
    let (Some(user), Some(grant)) = (token.user, token.grant) else {
        let refusal = Refusal::new(Code::InsufficientScope, "the token speaks for nobody");
        return Err(failed(refusal));
    };
    let authorization = app.store.find_authorization(TokenId(grant.0)).await?;
    let authorization =
        authorization.ok_or_else(|| failed(Refusal::token("the grant of the token is gone")))?;
    let asked = requested_claims(&authorization)?;
    let person = find_person(app, user).await?;
    let mut claims = userinfo::claims(&token.scopes, &asked, &person);
    claims.insert("sub".into(), token.subject.as_str().into());
    sign(app, &client, claims, origin).await
}

async fn sign(
    app: &App,
    client: &Client,
    claims: Map<String, Value>,
    origin: &Origin,
) -> Result<Told, Failure> {
    let Some(algorithm) = client.party.userinfo_alg else { return Ok(Told::Plain(claims)) };
    let (issuer, now) = (&app.settings.issuer, app.clock.now());
    let sign = |signer: &keyhaven_protocol::access_token::Signer| {
        userinfo::sign(claims, issuer, &client.public_id, signer.shared_key())
    };
    let signed = app.keys.sign(app, algorithm, now, origin, sign).await?;
    Ok(Told::Signed(signed.map_err(|error| Error::broken(error.0))?))
}
