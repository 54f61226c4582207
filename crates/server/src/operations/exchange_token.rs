//! Token exchange towards a connection (RFC 8693): the outside token of the user a client acts for.
//! Each exchange is an audit row that names both.

use std::sync::Arc;

use keyhaven_protocol::client::Client;
use keyhaven_protocol::client_auth::{Manners, Presented};
use keyhaven_protocol::dpop;
use keyhaven_protocol::grants::token_exchange::{SCOPE, Subject, decide, may_ask, read, target};
use keyhaven_protocol::params::Params;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::scope::Scopes;
use keyhaven_protocol::time::Seconds;
use keyhaven_store::Reach;
use keyhaven_store::connections::{Filter, Held};

use super::check::{Credential, Need, Principal, Shown, check};
use super::find_meant::{Meant, find_meant};
use super::fresh_token::{FreshToken, NoFreshToken, TokenWish, fresh_token};
use super::{Failure, authenticate_client, spend_dpop, spend_proof};
use crate::app::{App, Origin, Shared};

/// Why nothing was exchanged.
pub enum NoExchange {
    /// A rule said no, or storage failed.
    Failure(Failure),
    /// The connection has no token now; the client is told why.
    NoToken(NoFreshToken),
}

impl<F: Into<Failure>> From<F> for NoExchange {
    fn from(failure: F) -> Self {
        Self::Failure(failure.into())
    }
}

/// Carries an exchange out.
pub async fn exchange_token(
    app: &Shared,
    presented: &Presented,
    params: &Params,
    dpop: Option<&dpop::Proof>,
    origin: &Origin,
) -> Result<FreshToken, NoExchange> {
    let (client, proof) = authenticate_client(app, presented, Manners::Standard, origin).await?;
    spend_proof(app, &proof).await?;
    if let Some(dpop) = dpop {
        spend_dpop(app, dpop).await?;
    }
    let of = |refusal: Refusal| Failure::from(refusal).of(&client);
    may_ask(&client).map_err(of)?;
    let asked = read(params).map_err(of)?;
    let subject = recognise(app, asked.subject_token, dpop, &client).await?;
    let seen = Subject { user: subject.user(), organization: subject.organization() };
    let (user, organization) = decide(&client, seen).map_err(of)?;
    let filter = Filter { account: asked.account, ..Filter::default() };
    let reach = Reach::Organization(organization);
    let held = match find_meant(app, reach, asked.connector, filter, Some(user)).await? {
        Meant::One(held) => *held,
        Meant::Nothing => return Err(of(target("the user has no connection there")).into()),
        Meant::Several => {
            return Err(of(target("several connections fit; name the account")).into());
        }
    };
    let caller = subject.actor();
    hand_over(app, held, &asked.scopes, (&caller, &client), origin).await
}

async fn hand_over(
    app: &Shared,
    held: Held,
    scopes: &[String],
    (caller, client): (&str, &Client),
    origin: &Origin,
) -> Result<FreshToken, NoExchange> {
    let wish = TokenWish {
        min_ttl: Seconds(0),
        rejected: None,
        scopes,
        caller,
        client: Some(&client.public_id),
        purpose: Some("token exchange"),
        request: &origin.request,
    };
    fresh_token(app, Arc::new(held), &wish).await.map_err(NoExchange::NoToken)
}

/// The user's token: an access token of ours, for this server, with the scope that opens connections.
/// That it does not count is the request's fault, not the client's authentication.
async fn recognise(
    app: &App,
    token: &str,
    dpop: Option<&dpop::Proof>,
    client: &Arc<Client>,
) -> Result<Principal, NoExchange> {
    let need = Need {
        scopes: Scopes::parse(SCOPE).unwrap_or_default(),
        audience: Some(app.settings.issuer.clone()),
        shown: dpop.map_or(Shown::Bearer, |proof| Shown::Key(proof.jkt.clone())),
        caller: None,
    };
    let refused = |why: String| {
        let refusal = Refusal::request("the subject token is not accepted").on("subject_token");
        Failure::from(refusal.with("rule", why)).of(client)
    };
    match check(app, token, &need).await {
        Ok(principal) if matches!(principal.credential, Credential::Token(_)) => Ok(principal),
        Ok(principal) => Err(refused(format!("it is a {}", principal.kind())).into()),
        Err(Failure::Refused(inner)) => Err(refused(inner.refusal.reason.into_owned()).into()),
        Err(storage) => Err(storage.into()),
    }
}
