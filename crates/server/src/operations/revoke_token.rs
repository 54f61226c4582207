//! Revocation (RFC 7009), shared by the form and the JSON door. The answer is durable: if storage
//! fails the caller hears that, never success (A53).

use keyhaven_protocol::client_auth::{Manners, Presented};
use keyhaven_protocol::credential::{self, Kind};
use keyhaven_protocol::id::TokenId;
use keyhaven_protocol::revoke::{self, Found, Plan};
use keyhaven_protocol::token::AccessToken;

use super::check::recognise;
use super::{Failure, authenticate_client, spend_proof};
use crate::app::{App, Origin};

/// Ends the presented token if it is the caller's. A wrong hint changes nothing: every token of
/// ours says what it is.
pub async fn revoke_token(
    app: &App,
    presented: &Presented,
    manners: Manners,
    token: &str,
    origin: &Origin,
) -> Result<(), Failure> {
    let (client, proof) = authenticate_client(app, presented, manners, origin).await?;
    spend_proof(app, &proof).await.map_err(|failure| failure.of(&client))?;
    let now = app.clock.now();
    let access = recognised(app, token).await?;
    let family = match credential::parse_kind(Kind::Refresh, token) {
        None => None,
        Some(presented) => app.store.find_family(TokenId(presented.id)).await?.filter(|family| {
            presented.digest == family.head || family.lineage.issued(&presented.bytes)
        }),
    };
    let found = match (&access, &family) {
        (Some(access), _) => Found::Access(access),
        (None, Some(family)) => Found::Refresh(family),
        (None, None) => Found::Nothing,
    };
    let plan = revoke::decide(&client, &found, now)
        .map_err(|refusal| Failure::from(refusal).of(&client))?;
    let act = app.act(format!("client:{}", client.public_id), origin);
    match (plan, access) {
        (Plan::Token(..), Some(token)) => {
            app.store.revoke_token(&token, client.organization, act).await?;
        }
        (Plan::Grant(grant), _) => {
            app.store
                .revoke_grant(client.organization, grant, "revoked by its client", act)
                .await?;
        }
        (Plan::Nothing | Plan::Token(..), _) => {}
    }
    Ok(())
}

/// An unreadable token is like an unknown one: there is nothing to end (RFC 7009 §2.2).
async fn recognised(
    app: &App,
    token: &str,
) -> Result<Option<std::sync::Arc<AccessToken>>, Failure> {
    match recognise(app, token, app.clock.now()).await {
        Ok(found) => Ok(found),
        Err(Failure::Refused(_)) => Ok(None),
        Err(storage) => Err(storage),
    }
}
