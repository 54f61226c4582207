//! Refreshes what is due although nobody asks: small batches, the longest overdue first, each
//! connection taken by one node. A pace between batches spreads a backlog over minutes; a host that
//! fails is left alone while the others go on (`vault::hosts`).

use std::time::Duration;

use keyhaven_protocol::connection::serving::{Ask, NoToken, Serve, decide};
use keyhaven_protocol::connection::state::{Event, Reason, Status};
use keyhaven_protocol::time::{Seconds, Timestamp};
use keyhaven_store::connections::{Due, Held};
use keyhaven_store::{Error, Reach};
use tokio::task::JoinSet;

use super::Round;
use crate::app::{App, Origin, Shared};
use crate::operations::refresh_connection::{end, facts, find_known, refresh_connection};
use crate::operations::revoke_connection::revoke_connection;
use crate::vault::flights::Landed;
use crate::vault::upstream;

/// Connections taken per round: at most 128 a second, 100,000 in a quarter of an hour.
const BATCH: usize = 64;

/// Connections under way. A provider that answers slowly fills its own places (`vault::hosts`), not
/// these.
const MOST_UNDER_WAY: usize = 512;

/// How long a connection waits whose treatment failed on our side.
const AGAIN: Seconds = Seconds(60);

/// The scheduler of one node.
pub struct RefreshDue {
    app: Shared,
    under_way: JoinSet<Result<(), Error>>,
}

impl RefreshDue {
    /// One that has taken nothing yet.
    #[must_use]
    pub fn new(app: Shared) -> Self {
        Self { app, under_way: JoinSet::new() }
    }

    /// Takes a batch of what is due, and waits for none of it: a slow provider holds up its own
    /// connections only. How many it took; an error is that of one taken earlier, or of storage.
    pub async fn take(&mut self) -> Result<usize, Error> {
        let failed = self.reap();
        let room = MOST_UNDER_WAY.saturating_sub(self.under_way.len()).min(BATCH);
        let most = i64::try_from(room).unwrap_or(0);
        let due = if most > 0 {
            self.app.store.take_due(self.app.clock.now(), most).await?
        } else {
            Vec::new()
        };
        let taken = due.len();
        for one in due {
            self.under_way.spawn(Box::pin(treat(self.app.clone(), one)));
        }
        failed.map_or(Ok(taken), Err)
    }

    /// Waits for all that is under way.
    pub async fn settle(&mut self) -> Result<(), Error> {
        let mut failed = None;
        while let Some(done) = self.under_way.join_next().await {
            failed = done.ok().and_then(Result::err).or(failed);
        }
        failed.map_or(Ok(()), Err)
    }

    fn reap(&mut self) -> Option<Error> {
        let mut failed = None;
        while let Some(done) = self.under_way.try_join_next() {
            failed = done.ok().and_then(Result::err).or(failed);
        }
        failed
    }
}

impl Round for RefreshDue {
    const NAME: &'static str = "refresh_due";
    const PERIOD: Duration = Duration::from_millis(500);

    async fn round(&mut self) -> Result<(), Error> {
        self.take().await.map(drop)
    }
}

async fn treat(app: Shared, due: Due) -> Result<(), Error> {
    let Some(known) = find_known(&app, due.id).await? else { return Ok(()) };
    let now = app.clock.now();
    if known.held.connection.standing.status == Status::Pending {
        return not_confirmed(&app, &known.held).await;
    }
    let pace = upstream::pace(&known.provider, known.held.connection.method);
    let at = match decide(&facts(&known.held, pace), Ask::Scheduled, now) {
        Serve::Refused(NoToken::NeedsReauth(Reason::AccessEnded)) => {
            return end(&app, &known.held, Event::AccessEnded).await;
        }
        // Nothing to do for it any more: it waits for its user, or is gone.
        Serve::Refused(NoToken::NeedsReauth(_) | NoToken::NotConnected) => None,
        Serve::Refused(NoToken::Backoff(at)) => Some(at),
        Serve::Refused(NoToken::Misconfigured) => Some(now.plus(AGAIN)),
        Serve::Current => next(&app, &known.held, pace, now),
        Serve::CurrentAndRefresh | Serve::Refresh => {
            let id = due.id;
            let fly = || refresh_connection(app.clone(), id, Ask::Scheduled);
            landed(&app, app.vault.flights.join(id, fly).await, now)?
        }
    };
    match at {
        Some(at) => app.store.postpone(due.id, at).await,
        None => Ok(()),
    }
}

/// When it is looked at again; `None` where the refresh has written that itself.
fn landed(app: &App, landed: Landed, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    match landed {
        Landed::At(held) if held.fault.is_some() => {
            let next = held.probe_at.unwrap_or(now.plus(AGAIN));
            let spread = Seconds(i64::from(app.dice.bytes::<1>()[0]) / 8);
            Ok(Some(next.plus(spread)))
        }
        Landed::At(_) | Landed::Gone => Ok(None),
        Landed::Paused(seconds) => Ok(Some(now.plus(Seconds(seconds)))),
        Landed::StillLeased => Ok(Some(now.plus(Seconds(5)))),
        Landed::Broken(error) => Err(Error::busy(error.to_string())),
    }
}

/// The next date of a token that is good: its own, or that of a grant that must be kept alive.
fn next(
    app: &App,
    held: &Held,
    pace: keyhaven_protocol::connection::timing::Pace,
    now: Timestamp,
) -> Option<Timestamp> {
    let dice = u64::from_be_bytes(app.dice.bytes());
    let access = held.connection.access_ends_at.zip(held.access_lifetime);
    let due = pace.due(access, held.connection.token_updated_at, dice)?;
    Some(if due > now { due } else { now.plus(AGAIN) })
}

async fn not_confirmed(app: &App, held: &Held) -> Result<(), Error> {
    let (reach, id) = (Reach::Instance, held.connection.id);
    let origin = Origin::of_job(RefreshDue::NAME);
    revoke_connection(app, reach, id, Reason::NotConfirmed, "system", &origin).await?;
    Ok(())
}
