//! Confirming a connection whose callback arrived without the browser that started it: a click in a
//! session of its user, in the browser that the callback was in. The ticket stands for that browser.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyhaven_protocol::connection::state::Coverage;
use keyhaven_protocol::id::ConnectionId;
use keyhaven_store::connections::Held;
use keyhaven_store::seal::Place;
use keyhaven_store::{Act, Error, Outcome, Reach};

use crate::app::App;

const COLUMN: &str = "connections.confirmation";

/// What the browser of a callback is sent on with.
pub fn ticket_for(app: &App, connection: ConnectionId) -> Result<String, Error> {
    let place = Place { column: COLUMN, row: &connection.0.0 };
    let sealed = app.store.sealer().seal(place, b"confirm", app.dice.bytes())?;
    Ok(URL_SAFE_NO_PAD.encode(sealed))
}

/// Confirms the connection. `None` when the ticket is not one of it.
pub async fn confirm_connection(
    app: &App,
    held: &Held,
    ticket: &str,
    act: Act,
) -> Result<Option<Outcome>, Error> {
    let place = Place { column: COLUMN, row: &held.connection.id.0.0 };
    let sealed = URL_SAFE_NO_PAD.decode(ticket);
    if !sealed.is_ok_and(|sealed| app.store.sealer().open(place, &sealed).is_ok()) {
        return Ok(None);
    }
    let coverage = coverage(app, held).await?;
    app.store.confirm_connection(held, coverage, &app.vault.node_name(), act).await.map(Some)
}

/// Whether what was granted, its further tokens included, covers what the connector requires now.
async fn coverage(app: &App, held: &Held) -> Result<Coverage, Error> {
    let connection = &held.connection;
    let kept = app.store.find_connector(Reach::Instance, connection.connector).await?;
    let Some(kept) = kept.filter(|kept| !kept.connector.required_scopes.is_empty()) else {
        return Ok(Coverage::Whole);
    };
    let slots = app.store.list_slots(connection.id).await?;
    let all = std::iter::once(connection).chain(&slots);
    let granted: Vec<&str> = all.flat_map(|one| one.scopes.split_whitespace()).collect();
    Ok(Coverage::of(&kept.connector.required_scopes, None, &granted))
}
