//! Grants of another system go on here: each row is kept once, found again by its external id or its
//! account, and proved where that is asked.

use keyhaven_connect::talk;
use keyhaven_protocol::connection::serving::Ask;
use keyhaven_protocol::connection::state::{Reason, Status};
use keyhaven_protocol::id::ConnectionId;
use keyhaven_store::connections::{Filter, NewConnection, Tokens};
use keyhaven_store::connectors::Kept;
use keyhaven_store::{Act, Error, Outcome, Reach};

use super::refresh_connection::refresh_connection;
use crate::app::{App, Shared};
use crate::vault::flights::Landed;
use crate::vault::provider_of::Found;
use crate::vault::upstream::{Asking, Beside};

/// How a row is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Not at all.
    None,
    /// By one refresh, after it is kept.
    Refresh,
    /// By asking the provider whose access token it is, before it is kept.
    Account,
}

/// What became of a row.
#[derive(Debug)]
pub enum Imported {
    /// It is a connection now; what its proof said, where one was asked for.
    Created(ConnectionId, Option<Proved>),
    /// It was one already, and stays as it is.
    Exists(ConnectionId),
    /// It is none.
    Refused(&'static str),
}

/// What a proof said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proved {
    /// It works.
    Yes,
    /// The provider does not know the grant: its user is needed.
    No(Reason),
    /// The provider cannot say now; it is tried again by itself.
    NotNow,
}

/// Keeps one row.
pub async fn import_connection(
    app: &Shared,
    (kept, provider): (&Kept, &Found),
    row: &NewConnection<'_>,
    tokens: &Tokens,
    proof: Proof,
    act: Act,
) -> Result<Imported, Error> {
    if let Some(known) = find_known(app, row).await? {
        return Ok(Imported::Exists(known));
    }
    let said = match proof {
        Proof::Account => match ask_whose(app, kept, provider, row, tokens).await? {
            Ok(account) => account,
            Err(why) => return Ok(Imported::Refused(why)),
        },
        Proof::None | Proof::Refresh => None,
    };
    let row = &NewConnection { account: row.account.or(said.as_deref()), ..row.clone() };
    match app.store.connect_account(row, tokens, app.dice.bytes(), act).await? {
        Outcome::Done => {}
        Outcome::Taken(_) => {
            let known = find_known(app, row).await?;
            return Ok(known.map_or(Imported::Refused("taken"), Imported::Exists));
        }
        _ => return Ok(Imported::Refused("connector_gone")),
    }
    let proved = match proof {
        Proof::None => None,
        Proof::Account => Some(Proved::Yes),
        Proof::Refresh => Some(prove(app, row.id).await?),
    };
    Ok(Imported::Created(row.id, proved))
}

/// The connection that a row is already: under its external id, else of its account.
async fn find_known(app: &App, row: &NewConnection<'_>) -> Result<Option<ConnectionId>, Error> {
    let reach = Reach::Organization(row.organization);
    if row.external_id.is_some() {
        let filter = Filter { external_id: row.external_id, ..Filter::default() };
        let found = app.store.find_meant(reach, row.connector, filter, 1).await?.pop();
        if let Some(held) = found {
            return Ok(Some(held.connection.id));
        }
    }
    let Some(account) = row.account else { return Ok(None) };
    let (organization, connector) = (row.organization, row.connector);
    let found = app.store.find_connection_of_account(organization, connector, row.owner, account);
    Ok(found.await?.map(|held| held.connection.id))
}

/// Whose access token it is, by the provider's own word: the account, or why the row is refused.
async fn ask_whose(
    app: &App,
    kept: &Kept,
    provider: &Found,
    row: &NewConnection<'_>,
    tokens: &Tokens,
) -> Result<Result<Option<String>, &'static str>, Error> {
    let Some(access) = &tokens.access else { return Ok(Err("no_access_token")) };
    let beside = Beside::default();
    let asking = Asking::new(app, kept, provider, &beside);
    let secrets = app.store.open_app_secrets(kept)?;
    let registered = asking.registered(secrets.current.as_ref(), None);
    let client = &app.vault.client;
    let said = Box::pin(talk::account_of(client, provider, &registered, access)).await;
    Ok(match said {
        Err(_) => Err("provider_unavailable"),
        Ok(None) => Err("not_proved"),
        Ok(Some(identity)) => {
            let account = super::finish_connection::account_id(&identity);
            match row.account {
                Some(named) if named != account => Err("account_mismatch"),
                _ => Ok(Some(account)),
            }
        }
    })
}

/// One refresh, by the one way there is.
async fn prove(app: &Shared, id: ConnectionId) -> Result<Proved, Error> {
    let flight =
        app.vault.flights.join(id, || refresh_connection(app.clone(), id, Ask::Another)).await;
    Ok(match flight {
        Landed::At(held) if held.generation > 1 => Proved::Yes,
        Landed::At(held) => match held.connection.standing {
            standing if standing.status == Status::NeedsReauth => {
                Proved::No(standing.reason.unwrap_or(Reason::GrantRevoked))
            }
            _ => Proved::NotNow,
        },
        Landed::Broken(error) => return Err(Error::busy(error.to_string())),
        Landed::Gone | Landed::Paused(_) | Landed::StillLeased => Proved::NotNow,
    })
}
