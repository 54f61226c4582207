//! The access token of a token request: what it says, and its text.

use keyhaven_protocol::access_token::{Claims, Signer};
use keyhaven_protocol::authorization::Authorization;
use keyhaven_protocol::client::{Client, TokenFormat};
use keyhaven_protocol::credential::{self, Kind};
use keyhaven_protocol::grants::Plan;
use keyhaven_protocol::id::{GrantId, TokenId};
use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::subject;
use keyhaven_protocol::time::Timestamp;
use keyhaven_protocol::token::AccessToken;
use keyhaven_store::Error;

use crate::app::{App, Origin};
use crate::operations::Failure;

pub(super) fn new_token(
    app: &App,
    client: &Client,
    plan: &Plan,
    (person, grant): (Option<&Authorization>, Option<GrantId>),
    now: Timestamp,
) -> AccessToken {
    let audience =
        if plan.audience.is_empty() { app.settings.issuer.clone() } else { plan.audience.clone() };
    let subject = match person {
        None => client.public_id.clone(),
        Some(person) => subject::of(person.user, &client.party, &app.private.pairwise),
    };
    AccessToken {
        id: TokenId(app.id()),
        client: client.id,
        grant,
        subject,
        user: person.map(|person| person.user),
        jkt: plan.jkt.clone(),
        scopes: plan.scopes.clone(),
        audience,
        // A revocation of everything "so far" covers the second it happened in.
        issued_at: now.max(client.not_before),
        expires_at: now.plus(plan.ttl),
        format: client.token_format,
    }
}

pub(super) async fn write_token(
    app: &App,
    client: &Client,
    token: &AccessToken,
    now: Timestamp,
    origin: &Origin,
) -> Result<Secret, Failure> {
    if token.format == TokenFormat::Opaque {
        return Ok(credential::mint(Kind::Access, token.id.0, &app.dice.bytes()));
    }
    let algorithm = Algorithm::parse(&client.token_alg)
        .ok_or_else(|| Error::broken("clients.token_alg is unknown"))?;
    let claims = Claims {
        iss: app.settings.issuer.as_str().into(),
        sub: token.subject.as_str().into(),
        aud: token.audience.as_str().into(),
        exp: token.expires_at,
        iat: token.issued_at,
        jti: token.id,
        client_id: client.public_id.as_str().into(),
        scope: token.scopes.as_str().into(),
        org: client.organization,
        gid: token.grant,
        jkt: token.jkt.as_deref().map(Into::into),
    };
    let sign = |signer: &Signer| signer.sign(&claims);
    let signed = app.keys.sign(app, algorithm, now, origin, sign).await?;
    Ok(signed.map_err(|error| Error::broken(error.0))?)
}
