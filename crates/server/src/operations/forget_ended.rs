//! Forgetting what ended: rows of the database and ends in memory, one bounded step at a time, and
//! only while the clock is to be believed (F07).

use keyhaven_protocol::time::Seconds;
use keyhaven_store::Error;
use keyhaven_store::purge::Purged;

use crate::app::App;

/// The longest grace window a client can have: successors older than this are erased.
const LONGEST_GRACE: Seconds = Seconds(300);

/// One step. Removes nothing for a while after the clock has jumped.
pub async fn forget_ended(app: &App) -> Result<Purged, Error> {
    let Some(now) = app.pace.settled(&app.clock) else { return Ok(Purged::default()) };
    let mut purged = app.store.purge(LONGEST_GRACE, app.settings.audit_window, now).await?;
    let archived = app.store.archive_ledger(now.minus(app.settings.audit_window)).await?;
    purged.rows += archived;
    purged.more |= archived > 0;
    Ok(purged)
}

/// Drops from memory what no living token depends on, and mends a memory that overflowed.
pub async fn sweep_memory(app: &App) -> Result<(), Error> {
    app.failures.sweep();
    app.passwords.rest();
    let Some(now) = app.pace.settled(&app.clock) else { return Ok(()) };
    if let Some(lost) = app.store.known().sweep(now) {
        app.store.load_ended(now).await?;
        app.store.known().repaired(lost);
    }
    Ok(())
}
