//! One question for every credential we issue: whose is it and does it stand? Introspection,
//! `/v1/check`, forward-auth and our own bearer endpoints all ask here, so a cause of death
//! consulted here is consulted everywhere.

use std::sync::Arc;

use keyhaven_protocol::access_token::{self, Expected};
use keyhaven_protocol::client::{Client, TokenFormat};
use keyhaven_protocol::credential::{self, Kind};
use keyhaven_protocol::id::{ClientId, OrganizationId, TokenId};
use keyhaven_protocol::refusal::{Code, Refusal};
use keyhaven_protocol::scope::Scopes;
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::time::Timestamp;
use keyhaven_protocol::token::AccessToken;

use super::Failure;
use crate::app::App;

/// What a credential resolves to.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The recognised token.
    pub token: Arc<AccessToken>,
    /// The client it was issued to.
    pub client: Arc<Client>,
}

impl Principal {
    /// The tenant it acts in.
    #[must_use]
    pub fn organization(&self) -> Option<OrganizationId> {
        self.client.organization
    }
}

/// What a caller needs of a credential beyond being alive.
#[derive(Clone, Debug, Default)]
pub struct Need {
    /// Scopes it must have.
    pub scopes: Scopes,
    /// The audience it must name.
    pub audience: Option<String>,
}

/// Resolves a credential, or says why it does not count.
pub async fn check(app: &App, text: &str, need: &Need) -> Result<Principal, Failure> {
    let now = app.clock.now();
    let Some(token) = recognise(app, text, now).await? else {
        return Err(Refusal::token("not a credential of ours").into());
    };
    let ended = app.store.find_end(token.id, token.grant, app.clock.tick()).await?;
    let client = app.store.recall_client(token.client, app.clock.tick()).await?;
    token.stands(client.as_deref(), ended, now)?;
    let Some(client) = client else {
        return Err(Refusal::token("the client of the access token is gone").into());
    };
    meet(&token, need).map_err(|refusal| Failure::from(refusal).of(&client))?;
    Ok(Principal { token, client })
}

fn meet(token: &AccessToken, need: &Need) -> Result<(), Refusal> {
    if let Some(audience) = &need.audience
        && *audience != token.audience
    {
        return Err(Refusal::token("the token is for another audience")
            .with("audience", token.audience.clone())
            .with("needed", audience.clone()));
    }
    match need.scopes.beyond(&token.scopes) {
        None => Ok(()),
        Some(missing) => Err(Refusal::new(Code::InsufficientScope, "the token lacks a scope")
            .with("missing", missing)
            .with("scope", token.scopes.as_str())),
    }
}

/// Reads what a token says, believing it only after its digest or signature fitted. What it says
/// never changes, so it is remembered; whether it stands is asked each time.
pub async fn recognise(
    app: &App,
    text: &str,
    now: Timestamp,
) -> Result<Option<Arc<AccessToken>>, Failure> {
    let digest = Digest::of(text.as_bytes());
    let fresh = app.store.known().is_fresh(app.clock.tick());
    if let (true, Some(token)) = (fresh, app.store.known().token(&digest)) {
        return Ok(Some(token));
    }
    let token = if text.starts_with("kh_") {
        let Some(presented) = credential::parse_kind(Kind::Access, text) else { return Ok(None) };
        app.store.find_access_token(TokenId(presented.id), digest).await?
    } else {
        verified(app, text, now)?
    };
    Ok(token.map(|token| {
        let token = Arc::new(token);
        app.store.known().remember_token(&digest, token.clone());
        token
    }))
}

/// Our own JWT (RFC 9068 §4). Another party's, or a broken one, is refused with its rule.
fn verified(app: &App, text: &str, now: Timestamp) -> Result<Option<AccessToken>, Failure> {
    let ring = app.keys.now();
    let expected = Expected { issuer: &app.settings.issuer, audience: None };
    let claims =
        access_token::verify(text, &ring.verifying, expected, now).map_err(Refusal::token)?;
    Ok(Some(AccessToken {
        id: claims.jti,
        client: ClientId::parse_public(&claims.client_id)
            .ok_or_else(|| Refusal::token("client_id is not one of ours"))?,
        grant: claims.gid,
        subject: claims.sub.into_owned(),
        scopes: Scopes::parse(&claims.scope).map_err(Refusal::token)?,
        audience: claims.aud.into_owned(),
        issued_at: claims.iat,
        expires_at: claims.exp,
        format: TokenFormat::Jwt,
    }))
}
