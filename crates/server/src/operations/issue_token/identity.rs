//! The ID token beside an access token (OpenID Connect Core §3.1.3.3, §12.2).

use keyhaven_protocol::authorization::Authorization;
use keyhaven_protocol::authorize::RequestedClaims;
use keyhaven_protocol::client::Client;
use keyhaven_protocol::grants::Plan;
use keyhaven_protocol::id_token::{IdToken, Proof};
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::{subject, userinfo};
use keyhaven_store::Error;

use crate::app::{App, Origin};
use crate::operations::Failure;
use crate::operations::person::find_person;

/// The ID token, if a person is spoken for and `openid` was agreed to. In the answer to a refresh it
/// has no nonce: that belonged to the first request.
pub(super) async fn id_token(
    app: &App,
    client: &Client,
    plan: &Plan,
    person: Option<&Authorization>,
    access_token: &Secret,
    origin: &Origin,
) -> Result<Option<Secret>, Failure> {
    let Some(person) = person.filter(|_| plan.scopes.contains("openid")) else { return Ok(None) };
    let asked = requested(person)?;
    let claims = match asked.id_token.is_empty() {
        true => serde_json::Map::new(),
        false => userinfo::id_token_claims(&asked, &find_person(app, person.user).await?),
    };
    let subject = subject::of(person.user, &client.party, &app.private.pairwise);
    let sid = client.party.backchannel_logout_uri.is_some();
    let sid =
        sid.then(|| subject::session_of(person.session, &client.party, &app.private.pairwise));
    let now = app.clock.now();
    let token = IdToken {
        issuer: &app.settings.issuer,
        subject: &subject,
        client_id: &client.public_id,
        issued_at: now,
        nonce: person.nonce.as_deref().filter(|_| plan.code.is_some()),
        auth_time: None,
        acr: None,
        amr: None,
        sid: sid.as_deref(),
        access_token: access_token.reveal(),
        claims,
    };
    let proof = Proof {
        authenticated_at: person.authenticated_at,
        amr: &person.amr,
        max_age: person.max_age,
        acr_asked: person.acr_asked,
    };
    let token = token.with_proof(proof, &asked);
    let algorithm = client.party.id_token_alg;
    let signed = app.keys.sign(app, algorithm, now, origin, |signer| token.sign(signer)).await?;
    Ok(Some(signed.map_err(|error| Error::broken(error.0))?))
}

/// The `claims` parameter as it was sent; it was sound then.
pub fn requested(person: &Authorization) -> Result<RequestedClaims, Failure> {
    match &person.claims {
        None => Ok(RequestedClaims::default()),
        Some(text) => RequestedClaims::parse(text)
            .map_err(|_| Error::broken("authorizations.claims does not parse").into()),
    }
}
