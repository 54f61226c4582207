//! Tells providers of grants that ended here: three times at most, never in anybody's way. Also what
//! else ends by itself: grants revoked in the graph, connectors that are going away, old flows.

use std::time::Duration;

use keyhaven_protocol::connection::state::Reason;
use keyhaven_protocol::id::ConnectorId;
use keyhaven_protocol::time::Seconds;
use keyhaven_store::connections::Farewell;
use keyhaven_store::connectors::Connector;
use keyhaven_store::{Error, Outcome, Reach};

use super::Round;
use crate::app::{App, Origin, Shared};
use crate::operations::refresh_connection::about;
use crate::operations::revoke_connection::revoke_connection;
use crate::vault::provider_of::find_provider;
use crate::vault::upstream::{Asking, Beside};

/// Told at once, per round.
const BATCH: i64 = 8;
const TRIES: i64 = 3;
const AGAIN: Seconds = Seconds(60);

/// How far back revocations in the graph are looked for.
const SINCE: Seconds = Seconds(3_600);

/// Connections of a connector that is going away, ended per round.
const SLICE: i64 = 50;

pub(super) struct Farewells {
    pub(super) app: Shared,
}

impl Round for Farewells {
    const NAME: &'static str = "farewells";
    const PERIOD: Duration = Duration::from_secs(1);

    async fn round(&mut self) -> Result<(), Error> {
        let (app, now) = (&self.app, self.app.clock.now());
        for farewell in app.store.take_farewells(now, now.plus(AGAIN), BATCH).await? {
            say(app, &farewell).await?;
        }
        for id in app.store.list_connections_of_ended_grants(now.minus(SINCE), SLICE).await? {
            let origin = Origin::of_job(Self::NAME);
            let (reach, reason) = (Reach::Instance, Reason::GrantTree);
            revoke_connection(app, reach, id, reason, "system", &origin).await?;
        }
        for connector in app.store.list_deleting_connectors(BATCH).await? {
            take_leave(app, &connector).await?;
        }
        for connector in app.store.note_abandoned_flows(now, SLICE).await? {
            note_abandoned(app, connector).await?;
        }
        app.store.forget_flows(now, SLICE).await
    }
}

/// A user who never came back shows in the numbers and nowhere else.
async fn note_abandoned(app: &App, connector: ConnectorId) -> Result<(), Error> {
    if let Some(kept) = app.store.find_connector(Reach::Instance, connector).await? {
        app.vault.numbers.flow_ended(about(&kept), "abandoned");
    }
    Ok(())
}

async fn say(app: &App, farewell: &Farewell) -> Result<(), Error> {
    let how = match told(app, farewell).await? {
        Told::Yes => "provider_told",
        Told::NoWay => "provider_has_no_way",
        Told::Failed if farewell.attempts >= TRIES => "provider_not_told",
        Told::Failed => return Ok(()),
    };
    let act = app.act("system", &Origin::of_job(Farewells::NAME));
    app.store.forget_farewell(farewell, how, &app.vault.node_name(), act).await?;
    Ok(())
}

enum Told {
    Yes,
    NoWay,
    Failed,
}

async fn told(app: &App, farewell: &Farewell) -> Result<Told, Error> {
    let reach = Reach::Instance;
    let Some(kept) = app.store.find_connector(reach, farewell.connector).await? else {
        return Ok(Told::NoWay);
    };
    let key = &kept.connector.provider;
    let Some(provider) = find_provider(app, farewell.organization, key).await? else {
        return Ok(Told::NoWay);
    };
    let held = app.store.find_held(reach, farewell.connection).await?;
    let beside = held.as_ref().map(|held| Beside::of(&held.connection.extra)).unwrap_or_default();
    let account = held.as_ref().and_then(|held| held.connection.account.as_deref());
    let account = account.map(|account| account.rsplit('/').next().unwrap_or(account));
    let asking = Asking::new(app, &kept, &provider, &beside);
    let said = asking.say_farewell(farewell.access.as_ref(), farewell.refresh.as_ref(), account);
    Ok(match said.await? {
        None => Told::NoWay,
        Some(Ok(())) => Told::Yes,
        Some(Err(verdict)) => {
            let class = verdict.class.reason();
            tracing::info!(connection = %farewell.connection, class, "a provider was not told");
            Told::Failed
        }
    })
}

async fn take_leave(app: &App, connector: &Connector) -> Result<(), Error> {
    let (organization, id) = (connector.organization, connector.id);
    let living = app.store.list_living_connections(organization, id, SLICE).await?;
    let origin = Origin::of_job(Farewells::NAME);
    for connection in &living {
        let (reach, reason) = (Reach::Organization(organization), Reason::ConnectorDeleted);
        revoke_connection(app, reach, *connection, reason, "system", &origin).await?;
    }
    if living.is_empty() {
        let act = app.act("system", &origin);
        if app.store.remove_connector(organization, id, act).await? == Outcome::Done {
            tracing::info!(connector = %id, "a deleted connector is gone");
        }
    }
    Ok(())
}
