//! All connections of a connector, in steps that can be repeated: their users are asked for a new
//! authorization, by letter where that is wanted, or they end.

use keyhaven_protocol::connection::state::{Event, Reason, Status};
use keyhaven_store::connections::{Connection, Filter};
use keyhaven_store::connectors::Kept;
use keyhaven_store::{Error, Outcome, Page, Plan, Reach, Store};

use super::fresh_token::reconnect_url;
use super::notify::queueing;
use super::revoke_connection::revoke_connection;
use crate::app::{App, Origin};
use crate::mail::letter::Matter;
use crate::vault::provider_of::Found;

/// Connections of one step.
const STEP: u32 = 100;

/// Whether users hear of it by letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letters {
    /// Each gets one for a connection, once a day at most.
    Sent,
    /// None.
    None,
}

/// What a step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Connections that changed.
    pub changed: i64,
    /// Letters that were queued.
    pub mailed: i64,
}

/// Ends some of a connector's connections.
pub async fn revoke_some(app: &App, kept: &Kept, actor: &str) -> Result<Step, Error> {
    let connector = &kept.connector;
    let (organization, reach) =
        (connector.organization, Reach::Organization(connector.organization));
    let most = i64::from(STEP);
    let living = app.store.list_living_connections(organization, connector.id, most).await?;
    let (mut step, origin) = (Step::default(), Origin::of_job("bulk"));
    for id in living {
        let reason = Reason::ByAdministrator;
        let ended = revoke_connection(app, reach, id, reason, actor, &origin).await?;
        step.changed += i64::from(ended == Outcome::Done);
    }
    Ok(step)
}

/// Asks the users of some of a connector's connections for a new authorization.
pub async fn reauthorize_some(
    app: &App,
    kept: &Kept,
    provider: &Found,
    (reason, letters): (Reason, Letters),
    actor: &str,
) -> Result<Step, Error> {
    let connector = &kept.connector;
    let filter =
        Filter { connector: Some(connector.id), status: Some(Status::Active), ..Filter::default() };
    let page = Page { after: None, limit: STEP };
    let listed = app.store.list_connections(connector.organization, filter, page).await?;
    let mut step = Step::default();
    for connection in listed.items {
        let letter = match letters {
            Letters::Sent => letter_to(app, kept, provider, &connection).await?,
            Letters::None => None,
        };
        if let Some(letter) = letter
            && note_end(app, &connection, reason, letter, actor).await? == Outcome::Done
        {
            step.changed += 1;
            step.mailed += 1;
            continue;
        }
        // Without a letter: nobody to write to, told today already, or too many letters wait.
        let noted = note_end(app, &connection, reason, Plan::default(), actor).await?;
        step.changed += i64::from(noted == Outcome::Done);
    }
    Ok(step)
}

async fn note_end(
    app: &App,
    connection: &Connection,
    reason: Reason,
    letter: Plan,
    actor: &str,
) -> Result<Outcome, Error> {
    let (node, act) = (app.vault.node_name(), app.act(actor, &Origin::of_job("bulk")));
    let event = Event::GrantDead(reason);
    app.store.note_end_with(connection, event, &node, letter, act).await
}

/// The steps that queue the letter to a connection's user, once a day. `None` when it is a team's, or
/// its user may not act.
async fn letter_to(
    app: &App,
    kept: &Kept,
    provider: &Found,
    connection: &Connection,
) -> Result<Option<Plan>, Error> {
    let Some(owner) = connection.owner else { return Ok(None) };
    let user = app.store.find_user(Reach::Instance, owner).await?;
    let Some(user) = user.filter(|user| user.disabled_at.is_none()) else { return Ok(None) };
    let reach = Reach::Organization(connection.organization);
    let asker = app.store.find_organization(reach, connection.organization).await?;
    let Some(asker) = asker else { return Ok(None) };
    let account = connection.account_label.as_ref().or(connection.account.as_ref());
    let matter = Matter::Reauthorize {
        asker: asker.name.clone(),
        connector: kept.connector.name.clone(),
        provider: provider.name.clone(),
        account: account.cloned(),
        link: reconnect_url(app, connection),
    };
    let about = [b"reauthorize".as_slice(), &connection.id.0.0].concat();
    let once = Store::once_a_day(&about, app.clock.now());
    Ok(Some(once.and(queueing(app, &user.email, matter)?)))
}
