//! How a refresh went, on its way into the store: a success until it is there, because the reply cannot
//! be had again; a failure with what follows from it for the connection and its connector.

use std::sync::Arc;

use keyhaven_connect::verdict::Verdict;
use keyhaven_protocol::connection::failure::{Class, Spent, decide as judge};
use keyhaven_protocol::connection::timing::Pace;
use keyhaven_protocol::time::Timestamp;
use keyhaven_store::connections::{Failed, Renewed, Stored, Tokens, Upstream};
use keyhaven_store::{Error, Reach};

use super::{Known, act, again, failure_facts, pause};
use crate::app::App;
use crate::vault::flights::Landed;
use crate::vault::upstream::{self, Answer};

/// How long a result in hand is tried to be stored: the reply cannot be had again.
const STORE_FOR_MILLIS: u64 = 60_000;

/// Stores what cannot be had again, for as long as it takes; and clears the connector's fault.
pub(super) async fn store_success(
    app: &App,
    known: &Known,
    tokens: &Tokens,
    answer: &Answer,
) -> Result<Landed, Error> {
    let id = known.held.connection.id;
    if known.held.fault.is_some() {
        let connector = &known.kept.connector;
        app.store.clear_connector(connector.organization, connector.id, act(app)).await?;
    }
    let started = app.clock.tick();
    let mut held = known.held.clone();
    loop {
        let upstream = Upstream { status: Some(200), request: answer.reply.request.clone() };
        let renewed = Renewed { tokens, upstream, node: app.vault.node };
        let stored = app.store.record_refresh(&held, &renewed, app.dice.bytes(), act(app)).await;
        match stored {
            Ok(Stored::Yes) => return again(app, id).await,
            Ok(Stored::Moved) => {}
            Err(error) if app.clock.tick().saturating_sub(started) > STORE_FOR_MILLIS => {
                tracing::error!(connection = %id, %error, sent_at = answer.sent_at.0, "a refresh is lost");
                return Err(error);
            }
            Err(error) => tracing::warn!(connection = %id, %error, "a refresh waits for storage"),
        }
        pause(app).await;
        let Ok(now) = app.store.find_held(Reach::Instance, id).await else { continue };
        match now {
            // Somebody marked it meanwhile, and our result is newer than that mark.
            Some(now) if now.generation == known.held.generation && !now.grant_revoked => {
                held = now;
            }
            Some(now) => return Ok(Landed::At(Arc::new(now))),
            None => return Ok(Landed::Gone),
        }
    }
}

pub(super) async fn store_failure(
    app: &App,
    known: &Known,
    pace: Pace,
    verdict: &Verdict,
    sent_at: Timestamp,
) -> Result<Landed, Error> {
    let now = app.clock.now();
    let class = upstream::class(verdict);
    let spent = match known.held.spent {
        Some(before) => Spent { last_at: sent_at, times: before.times + 1, ..before },
        None => Spent { first_at: sent_at, last_at: sent_at, times: 1 },
    };
    let dice = u64::from_be_bytes(app.dice.bytes());
    let facts = failure_facts(&known.held, pace, spent);
    let judged = judge(class, &facts, verdict.retry_after, now, dice);
    tracing::info!(
        connection = %known.held.connection.id,
        provider = known.held.provider,
        class = class.as_str(),
        status = verdict.status,
        error = verdict.code.as_deref(),
        words = verdict.words.as_deref(),
        "a refresh failed"
    );
    if judged.blames_connector {
        blame(app, known, verdict, judged.next_try_at).await?;
    }
    let mut failed = failed(app, class, judged, upstream::upstream(verdict));
    if judged.blames_connector {
        // The connector's fault holds everybody back; once it is mended, nobody waits.
        failed.verdict.next_try_at = now;
    }
    record_failure(app, known, failed).await
}

/// One alert per fault: the first to see it tells, the others find it told.
async fn blame(
    app: &App,
    known: &Known,
    verdict: &Verdict,
    probe_at: Timestamp,
) -> Result<(), Error> {
    let connector = &known.kept.connector;
    let fault = verdict.code.as_deref().unwrap_or("refused");
    let (organization, id) = (connector.organization, connector.id);
    app.store.blame_connector(organization, id, fault, probe_at, act(app)).await?;
    Ok(())
}

pub(super) fn failed(
    app: &App,
    class: Class,
    verdict: keyhaven_protocol::connection::failure::Verdict,
    upstream: Upstream,
) -> Failed {
    // A dead grant still has its access token: when that ends, the state says so already.
    let due_at = if verdict.drops_grant { None } else { Some(verdict.next_try_at) };
    Failed { class, verdict, due_at, upstream, node: app.vault.node }
}

/// A failure that finds another generation is none: somebody else renewed it.
pub(super) async fn record_failure(
    app: &App,
    known: &Known,
    failed: Failed,
) -> Result<Landed, Error> {
    app.store.record_failure(&known.held, &failed, act(app)).await?;
    again(app, known.held.connection.id).await
}
