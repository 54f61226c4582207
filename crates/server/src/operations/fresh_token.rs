//! A token that works, for a caller: one read where the present one is good, a shared refresh where
//! it is not, and a precise reason where there is none.

use std::sync::Arc;
use std::time::Duration;

use keyhaven_protocol::connection::report::{Believed, judge};
use keyhaven_protocol::connection::serving::{Ask, NoToken, Serve, decide};
use keyhaven_protocol::connection::state::{Event, Reason};
use keyhaven_protocol::id::ConnectionId;
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::Seconds;
use keyhaven_store::Error;
use keyhaven_store::connections::{Connection, Held};

use super::refresh_connection::{end, facts, refresh_connection};
use crate::app::{App, Shared};
use crate::vault::flights::Landed;
use crate::vault::provider_of::provider_of;
use crate::vault::reads::Handed;
use crate::vault::upstream;

/// How long a caller waits for a refresh: less than a whole request may take (`http::limits`), so that it
/// hears what it waited for and when to ask again. The refresh goes on without it.
const BUDGET: Duration = Duration::from_secs(14);

/// What a caller asks for.
#[derive(Clone, Debug)]
pub struct TokenWish<'a> {
    /// How long the token should last at least.
    pub min_ttl: Seconds,
    /// The fingerprint of a token that the provider's API refused.
    pub rejected: Option<&'a str>,
    /// Scopes the caller needs.
    pub scopes: &'a [String],
    /// Who asks, as the audit names it.
    pub caller: &'a str,
    /// The client that acts for the caller, where another does (RFC 8693 §4.1).
    pub client: Option<&'a str>,
    /// What for, in the caller's words.
    pub purpose: Option<&'a str>,
    /// Under which request.
    pub request: &'a str,
}

/// A token, with what its user needs to know.
#[derive(Debug)]
pub struct FreshToken {
    /// The token.
    pub access_token: Secret,
    /// The connection as it is now.
    pub held: Arc<Held>,
    /// Scopes the caller needs and the token lacks.
    pub missing_scopes: Vec<String>,
}

/// Why there is none.
#[derive(Debug)]
pub enum NoFreshToken {
    /// To the caller there is no such connection.
    NotConnected,
    /// Its user is needed.
    NeedsReauth(Reason, Box<Held>),
    /// The connector's credentials are wrong.
    Misconfigured,
    /// Another node renews it; ask again.
    InProgress,
    /// The provider fails; not before so many seconds.
    Unavailable(i64),
    /// Storage failed.
    Storage(Error),
}

impl From<Error> for NoFreshToken {
    fn from(error: Error) -> Self {
        Self::Storage(error)
    }
}

/// The token of a connection as this node remembers it, if nothing has to be renewed or judged for
/// this caller. `None` means that storage has to be asked.
pub async fn remembered_token(
    app: &App,
    held: Arc<Held>,
    wish: &TokenWish<'_>,
) -> Option<Result<FreshToken, NoFreshToken>> {
    let provider = provider_of(app, &held).filter(|_| wish.rejected.is_none())?;
    let pace = upstream::pace(&provider, held.connection.method);
    match decide(&facts(&held, pace), Ask::Lasting(wish.min_ttl), app.clock.now()) {
        Serve::Current => Some(hand_out(app, held, wish).await),
        Serve::CurrentAndRefresh | Serve::Refresh | Serve::Refused(_) => None,
    }
}

/// The token of a connection as it was just read, renewed where that is needed.
pub async fn fresh_token(
    app: &Shared,
    held: Arc<Held>,
    wish: &TokenWish<'_>,
) -> Result<FreshToken, NoFreshToken> {
    if held.grant_revoked {
        return Err(NoFreshToken::NotConnected);
    }
    let (id, connection) = (held.connection.id, &held.connection);
    let provider = provider_of(app, &held).ok_or(NoFreshToken::Misconfigured)?;
    let pace = upstream::pace(&provider, connection.method);
    let ask = match wish.rejected {
        Some(fingerprint) => report_rejected(app, &held, fingerprint).await?,
        None => None,
    };
    let ask = ask.unwrap_or(Ask::Lasting(wish.min_ttl));
    let served = match decide(&facts(&held, pace), ask, app.clock.now()) {
        Serve::Current => held,
        Serve::CurrentAndRefresh => {
            let fly = || refresh_connection(app.clone(), id, Ask::ANY);
            app.vault.flights.send_off(id, fly);
            held
        }
        Serve::Refused(why) => return Err(refused(app, &held, why).await?),
        Serve::Refresh => {
            let renewed = wait_for_refresh(app, id, ask).await?;
            let facts = facts(&renewed, pace);
            let lives = facts
                .access
                .is_some_and(|access| access.ends_at.is_none_or(|end| end > app.clock.now()));
            match decide(&facts, Ask::ANY, app.clock.now()) {
                _ if lives && !renewed.grant_revoked => renewed,
                Serve::Refused(why) => return Err(refused(app, &renewed, why).await?),
                _ => return Err(NoFreshToken::InProgress),
            }
        }
    };
    hand_out(app, served, wish).await
}

/// Where the user of a connection authorizes it again.
#[must_use]
pub fn reconnect_url(app: &App, connection: &Connection) -> String {
    let id = connection.slot.as_ref().map_or(connection.id, |slot| slot.parent);
    format!("{}/connections/{id}/reconnect", app.settings.issuer)
}

async fn wait_for_refresh(
    app: &Shared,
    id: ConnectionId,
    ask: Ask,
) -> Result<Arc<Held>, NoFreshToken> {
    let flight = app.vault.flights.join(id, || refresh_connection(app.clone(), id, ask));
    match tokio::time::timeout(BUDGET, flight).await {
        Err(_) | Ok(Landed::StillLeased) => Err(NoFreshToken::InProgress),
        Ok(Landed::At(held)) => Ok(held),
        Ok(Landed::Gone) => Err(NoFreshToken::NotConnected),
        Ok(Landed::Paused(seconds)) => Err(NoFreshToken::Unavailable(seconds)),
        Ok(Landed::Broken(error)) => Err(Error::busy(error.to_string()).into()),
    }
}

/// The token leaves only after its read is noted.
async fn hand_out(
    app: &App,
    held: Arc<Held>,
    wish: &TokenWish<'_>,
) -> Result<FreshToken, NoFreshToken> {
    let access_token = app.store.open_access_token(&held)?.ok_or(NoFreshToken::InProgress)?;
    let handed = Handed {
        organization: held.connection.organization,
        connection: held.connection.id,
        caller: wish.caller,
        client: wish.client,
        purpose: wish.purpose,
        request: wish.request,
    };
    app.vault.reads.note(app, &handed).await?;
    let granted: Vec<&str> = held.connection.scopes.split_whitespace().collect();
    let missing_scopes =
        wish.scopes.iter().filter(|scope| !granted.contains(&scope.as_str())).cloned().collect();
    Ok(FreshToken { access_token, missing_scopes, held })
}

/// A report that a token was refused: `Another` when it is believed, nothing when it is not.
async fn report_rejected(
    app: &App,
    held: &Held,
    fingerprint: &str,
) -> Result<Option<Ask>, NoFreshToken> {
    let current = held.fingerprint.as_deref();
    let (id, now) = (held.connection.id, app.clock.now());
    let (after, rejected) = match judge(held.reports, current, fingerprint, now) {
        Believed::No => return Ok(None),
        Believed::Refresh(after) => (after, false),
        Believed::RejectedByApi(after) => (after, true),
    };
    if !app.store.note_report(id, fingerprint, held.reports, after).await? {
        return Ok(None);
    }
    if rejected {
        end(app, held, Event::GrantDead(Reason::RejectedByApi)).await?;
        let reason = Reason::RejectedByApi;
        return Err(NoFreshToken::NeedsReauth(reason, Box::new(held.clone())));
    }
    Ok(Some(Ask::Another))
}

/// What a caller hears. An access token that ended with nothing to renew it is a state from here on.
async fn refused(app: &App, held: &Held, why: NoToken) -> Result<NoFreshToken, Error> {
    Ok(match why {
        NoToken::NotConnected => NoFreshToken::NotConnected,
        NoToken::Misconfigured => NoFreshToken::Misconfigured,
        NoToken::NeedsReauth(reason) => {
            if reason == Reason::AccessEnded {
                end(app, held, Event::AccessEnded).await?;
            }
            NoFreshToken::NeedsReauth(reason, Box::new(held.clone()))
        }
        NoToken::Backoff(at) => NoFreshToken::Unavailable(at.since(app.clock.now()).0.max(1)),
    })
}
