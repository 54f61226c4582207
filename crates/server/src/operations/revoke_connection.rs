//! The end of a connection: erased here first; the provider is told by a job.

use keyhaven_protocol::connection::state::Reason;
use keyhaven_protocol::id::ConnectionId;
use keyhaven_store::{Error, Outcome, Reach};

use crate::app::{App, Origin};

/// How often a connection that moves is read again.
const ATTEMPTS: usize = 8;

/// Ends the connection within reach. `Absent` when there is none, or none any more.
pub async fn revoke_connection(
    app: &App,
    reach: Reach,
    id: ConnectionId,
    reason: Reason,
    actor: &str,
    origin: &Origin,
) -> Result<Outcome, Error> {
    let node = app.vault.node_name();
    for _ in 0..ATTEMPTS {
        let Some(held) = app.store.find_held(reach, id).await? else { return Ok(Outcome::Absent) };
        let act = app.act(actor, origin);
        match app.store.revoke_connection(&held.connection, reason, &node, act).await? {
            Outcome::Moved => {}
            ended => return Ok(ended),
        }
    }
    Ok(Outcome::Moved)
}
