//! The one way a connection's token is renewed: for a waiting caller, the scheduler, a report or to
//! keep a grant alive. It runs detached from whoever asked (`vault::flights`).
//!
//! Lease, read again, write down what is about to be spent, one request, store under the generation
//! that was spent. Every step before the request may be repeated; the request is not, except once
//! at once where its reply got lost and the provider still answers a spent token.

mod recording;

use std::sync::Arc;
use std::time::Duration;

use keyhaven_connect::request::Renewal as Renewed;
use keyhaven_connect::verdict::Verdict;
use keyhaven_protocol::connection::failure::{
    Class, Facts as FailureFacts, Spent, Unanswered, after_no_answer, decide as judge,
};
use keyhaven_protocol::connection::serving::{Access, Ask, Facts, Serve, decide};
use keyhaven_protocol::connection::state::{Event, Reason};
use keyhaven_protocol::connection::timing::{Pace, backoff};
use keyhaven_protocol::connection::{Method, Renewal};
use keyhaven_protocol::id::ConnectionId;
use keyhaven_protocol::time::{Seconds, Timestamp};
use keyhaven_store::connections::{Held, LEASE, Upstream};
use keyhaven_store::connectors::Kept;
use keyhaven_store::{Act, Error, Reach};

use recording::{failed, record_failure, store_failure, store_success};

use crate::app::{App, Origin, Shared};
use crate::vault::arrived;
use crate::vault::flights::Landed;
use crate::vault::hosts::{Answered, NoSlot, Slot};
use crate::vault::numbers::About;
use crate::vault::provider_of::{Found, provider_of};
use crate::vault::upstream::{self, Answer, Asking, Beside, Login, Question};

/// How long a node waits for another one's refresh: as long as a lease.
const WAIT_MILLIS: u64 = 25_000;

/// How long the scheduler waits for a place: less than the pause between two of its batches.
const A_MOMENT: Duration = Duration::from_millis(400);

/// A connection with what its provider says about it.
pub struct Known {
    /// The row.
    pub held: Held,
    /// Its connector.
    pub kept: Kept,
    /// The provider.
    pub provider: Found,
}

/// Renews the token of a connection if `ask` needs that, once.
pub async fn refresh_connection(app: Shared, id: ConnectionId, ask: Ask) -> Landed {
    let landed = try_once(&app, id, ask).await;
    match &landed {
        Landed::At(held) if is_tried_again(held, app.clock.now()) => try_once(&app, id, ask).await,
        _ => landed,
    }
}

/// Whether a reply just got lost that the provider gives again to the same token.
fn is_tried_again(held: &Held, now: Timestamp) -> bool {
    held.spent.is_some_and(|spent| spent.times == 1)
        && held.connection.next_try_at.is_some_and(|at| at <= now)
}

async fn try_once(app: &Shared, id: ConnectionId, ask: Ask) -> Landed {
    let started = app.clock.tick();
    let mut first: Option<Held> = None;
    loop {
        match app.store.take_lease(id, app.vault.node, LEASE).await {
            Ok(true) => return with_lease(app, id, ask).await,
            Ok(false) => {}
            Err(error) => return Landed::Broken(Arc::new(error)),
        }
        let held = match app.store.find_held(Reach::Instance, id).await {
            Ok(Some(held)) => held,
            Ok(None) => return Landed::Gone,
            Err(error) => return Landed::Broken(Arc::new(error)),
        };
        if first.as_ref().is_some_and(|first| has_moved(first, &held)) {
            app.vault.numbers.waited("adopted");
            return Landed::At(Arc::new(held));
        }
        if app.clock.tick().saturating_sub(started) > WAIT_MILLIS {
            app.vault.numbers.waited("given_up");
            return Landed::StillLeased;
        }
        first.get_or_insert(held);
        pause(app).await;
    }
}

/// Between two looks at a row that another node renews: 50 to 150 milliseconds.
async fn pause(app: &App) {
    let [byte] = app.dice.bytes();
    tokio::time::sleep(Duration::from_millis(50 + u64::from(byte) * 100 / 255)).await;
}

fn has_moved(before: &Held, now: &Held) -> bool {
    before.generation != now.generation
        || before.connection.standing != now.connection.standing
        || before.streak != now.streak
        || before.connection.next_try_at != now.connection.next_try_at
}

/// What is known of a connection, and the connector's provider. `None` when either is gone.
pub async fn find_known(app: &App, id: ConnectionId) -> Result<Option<Known>, Error> {
    let Some(held) = app.store.find_held(Reach::Instance, id).await? else { return Ok(None) };
    let connector = held.connection.connector;
    let Some(kept) = app.store.find_connector(Reach::Instance, connector).await? else {
        return Ok(None);
    };
    let provider = provider_of(app, &held);
    Ok(provider.map(|provider| Known { held, kept, provider }))
}

async fn with_lease(app: &App, id: ConnectionId, ask: Ask) -> Landed {
    let landed = renew(app, id, ask).await;
    if let Err(error) = app.store.give_lease_back(id, app.vault.node).await {
        // It ends by itself.
        tracing::warn!(connection = %id, %error, "the lease was not given back");
    }
    landed.unwrap_or_else(|error| Landed::Broken(Arc::new(error)))
}

async fn renew(app: &App, id: ConnectionId, ask: Ask) -> Result<Landed, Error> {
    let Some(known) = find_known(app, id).await? else { return Ok(Landed::Gone) };
    let pace = upstream::pace(&known.provider, known.held.connection.method);
    let now = app.clock.now();
    let mut facts = facts(&known.held, pace);
    facts.leased = false;
    if !matches!(decide(&facts, ask, now), Serve::Refresh | Serve::CurrentAndRefresh) {
        return Ok(Landed::At(Arc::new(known.held)));
    }
    if known.held.issued_to != known.held.client_id && known.held.connection.method == Method::Oauth
    {
        end(app, &known.held, Event::GrantDead(Reason::ClientChange)).await?;
        return again(app, id).await;
    }
    if known.held.fault.is_some() && !may_probe(app, &known.kept, now).await? {
        return Ok(Landed::At(Arc::new(known.held)));
    }
    let beside = Beside::of(&known.held.connection.extra);
    let asking = Asking::new(app, &known.kept, &known.provider, &beside);
    let host = asking.host();
    let slot = match place_at(app, &host, ask).await {
        Ok(slot) => slot,
        Err(seconds) => return Ok(Landed::Paused(seconds)),
    };
    if let Some(landed) = settle_silence(app, &known, pace, ask, now).await? {
        return Ok(landed);
    }
    let (node, generation) = (app.vault.node, known.held.generation);
    if !app.store.begin_spending(id, generation, node, now).await? {
        return again(app, id).await;
    }
    let asked_at = app.clock.tick();
    let asked = ask_provider(&asking, &known, &beside).await?;
    drop(slot);
    note_host(app, &host, &asked);
    let outcome = asked.as_ref().map_or_else(|why| upstream::class(why).as_str(), |_| "refreshed");
    let took = app.clock.tick().saturating_sub(asked_at);
    let left = live_end(&known.held).map(|end| end.since(now).0);
    app.vault.numbers.refreshed(about(&known.kept), outcome, took, left);
    match asked {
        Ok(answer) => {
            // A further token's scopes are not the connector's.
            let scopes = match known.held.connection.slot {
                Some(_) => Vec::new(),
                None => scopes_of(&known.kept.connector.scopes),
            };
            let tokens = arrived::tokens(&asking, &answer, &scopes, Some(&known.held), beside);
            store_success(app, &known, &tokens, &answer).await
        }
        Err(verdict) => store_failure(app, &known, pace, &verdict, now).await,
    }
}

/// A place at the provider's host: a caller waits for one; the scheduler for a moment, because its batch
/// comes all at once, and then it comes again, so that a slow host holds up nobody else's connections.
async fn place_at(app: &App, host: &str, ask: Ask) -> Result<Slot, i64> {
    let tick = app.clock.tick();
    let entered = match ask {
        Ask::Scheduled => {
            let entered = tokio::time::timeout(A_MOMENT, app.vault.hosts.enter(host, tick)).await;
            entered.unwrap_or(Err(NoSlot::Full))
        }
        Ask::Lasting(_) | Ask::Another => app.vault.hosts.enter(host, tick).await,
    };
    entered.map_err(|refused| match refused {
        NoSlot::Paused(millis) => i64::try_from(millis / 1_000).unwrap_or(300) + 1,
        NoSlot::Full => 2,
    })
}

/// A refresh token that was sent before and never answered: sent again, kept for later, or lost.
async fn settle_silence(
    app: &App,
    known: &Known,
    pace: Pace,
    ask: Ask,
    now: Timestamp,
) -> Result<Option<Landed>, Error> {
    let Some(spent) = known.held.spent else { return Ok(None) };
    let access_ends_at = live_end(&known.held);
    match after_no_answer(&pace, access_ends_at, spent, now) {
        Unanswered::Again => Ok(None),
        // A caller whose token was refused cannot wait for its end.
        Unanswered::Later(_) if ask == Ask::Another => Ok(None),
        Unanswered::Later(_) | Unanswered::Lost => {
            let failure = failure_facts(&known.held, pace, spent);
            let dice = u64::from_be_bytes(app.dice.bytes());
            let verdict = judge(Class::Unanswered, &failure, None, now, dice);
            let failed = failed(app, Class::Unanswered, verdict, Upstream::default());
            record_failure(app, known, failed).await.map(Some)
        }
    }
}

/// One probe at a time asks a provider that refused the connector's credentials.
async fn may_probe(app: &App, kept: &Kept, now: Timestamp) -> Result<bool, Error> {
    let connector = &kept.connector;
    let dice = u64::from_be_bytes(app.dice.bytes());
    let next = now.plus(backoff(connector.probes + 1, Some(Seconds(30)), dice));
    app.store.take_probe(connector.organization, connector.id, next, now).await
}

async fn ask_provider(
    asking: &Asking<'_>,
    known: &Known,
    beside: &Beside,
) -> Result<Result<Answer, Verdict>, Error> {
    let store = &asking.app.store;
    let pace = upstream::pace(&known.provider, known.held.connection.method);
    let token = match pace.renewal {
        Renewal::Remint => None,
        Renewal::Exchange => store.open_access_token(&known.held)?,
        Renewal::Static | Renewal::Rotating | Renewal::Never => {
            store.open_refresh_token(&known.held)?
        }
    };
    let granted = scopes_of(&known.held.connection.scopes);
    if known.held.connection.method == Method::Password {
        let kept = store.open_refresh_token(&known.held)?;
        let login = kept.as_ref().and_then(Login::of);
        let login = login.ok_or_else(|| Error::broken("a connection has lost its login"))?;
        let scopes = scopes_of(&known.kept.connector.scopes);
        return asking.ask(Question::Login(&login, &scopes)).await;
    }
    match &token {
        Some(token) => {
            let redirect_uri = &beside.redirect_uri;
            let renewal = Renewed { token, redirect_uri, scopes: &granted };
            asking.ask(Question::Refresh(renewal)).await
        }
        None => asking.ask(Question::Remint(&scopes_of(&known.kept.connector.scopes))).await,
    }
}

fn note_host(app: &App, host: &str, asked: &Result<Answer, Verdict>) {
    let answered = match asked {
        Ok(_) => Answered::Well,
        Err(verdict) if verdict.status == Some(429) => {
            let wait = verdict.retry_after.map(|Seconds(wait)| wait.unsigned_abs() * 1_000);
            Answered::Limited(wait)
        }
        Err(verdict) if verdict.status.is_none_or(|status| status >= 500) => Answered::Badly,
        Err(_) => Answered::Well,
    };
    app.vault.hosts.note(host, answered, app.clock.tick());
}

async fn again(app: &App, id: ConnectionId) -> Result<Landed, Error> {
    let held = app.store.find_held(Reach::Instance, id).await?;
    Ok(held.map_or(Landed::Gone, |held| Landed::At(Arc::new(held))))
}

/// Moves a connection to where `event` leads; one that moved meanwhile is left to whoever did it.
pub async fn end(app: &App, held: &Held, event: Event) -> Result<(), Error> {
    let node = app.vault.node_name();
    app.store.note_end(&held.connection, event, &node, act(app)).await?;
    Ok(())
}

/// What serving a connection is decided by.
#[must_use]
pub fn facts(held: &Held, pace: Pace) -> Facts {
    let access = held.has_access().then_some(Access {
        ends_at: held.connection.access_ends_at,
        lifetime: held.access_lifetime,
    });
    let renewable = match pace.renewal {
        Renewal::Never => false,
        // The login may be gone with a grant that died.
        Renewal::Remint => held.connection.method != Method::Password || held.has_refresh(),
        Renewal::Exchange => held.has_access(),
        Renewal::Static | Renewal::Rotating => held.has_refresh(),
    };
    Facts {
        standing: held.connection.standing,
        pace,
        access,
        renewable,
        next_try_at: held.connection.next_try_at,
        renewed_at: held.connection.token_updated_at,
        misconfigured: held.fault.is_some(),
        leased: held.leased,
    }
}

fn failure_facts(held: &Held, pace: Pace, spent: Spent) -> FailureFacts {
    FailureFacts {
        pace,
        access_ends_at: live_end(held),
        grant_ends_at: held.grant_ends_at,
        spent,
        streak: held.streak,
    }
}

fn live_end(held: &Held) -> Option<Timestamp> {
    held.connection.access_ends_at.filter(|_| held.has_access())
}

/// What numbers of a connector's connections are about.
#[must_use]
pub fn about(kept: &Kept) -> About<'_> {
    About { provider: &kept.connector.provider, connector: kept.connector.id }
}

/// Words of a list.
#[must_use]
pub fn scopes_of(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn act(app: &App) -> Act {
    app.act("system", &Origin::of_job("refresh"))
}
