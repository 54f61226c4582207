//! The end of a flow: the callback. The flow is consumed before the exchange, so whoever arrives
//! second gets the stored outcome of the first, and a code is sent once.
//!
//! Without the cookie of the browser that started it, a user's connection is held until that user
//! confirms it: otherwise anyone could make somebody link the wrong account.

mod keeping;

use std::time::Duration;

use keyhaven_connect::callback::{self, Answer as Arrived};
use keyhaven_connect::request::Code;
use keyhaven_connect::response::Identity;
use keyhaven_connect::talk;
use keyhaven_connect::verdict::{Class, Verdict};
use keyhaven_protocol::connection::Sharing;
use keyhaven_protocol::connection::callback::{Word, parse_state};
use keyhaven_protocol::connection::state::Status;
use keyhaven_protocol::connection::timing::backoff;
use keyhaven_protocol::id::{ConnectorId, UserId};
use keyhaven_protocol::secret::{Digest, Secret};
use keyhaven_protocol::time::Seconds;
use keyhaven_store::connections::Tokens;
use keyhaven_store::connectors::{Connector, Kept};
use keyhaven_store::flows::{Finished, Flow};
use keyhaven_store::{Error, Reach};

use keeping::{Grant, keep};

use super::refresh_connection::{about, scopes_of};
use super::start_connection::cookie_name;
use crate::app::{App, Origin, Shared};
use crate::vault::arrived;
use crate::vault::provider_of::{Found, find_provider};
use crate::vault::upstream::{self, Answer, Asking, Beside, Question};

/// How long a second arrival waits for the first.
const WAIT: Duration = Duration::from_secs(12);

/// A callback as it arrived.
pub struct Arrival {
    /// Its parameters, in order.
    pub params: Vec<(String, String)>,
    /// The connector its path names.
    pub connector: Option<ConnectorId>,
    /// The browser's cookies.
    pub cookies: Vec<(String, Secret)>,
    /// Whoever proved to be there in person or as a program, if the request says.
    pub visitor: Option<Visitor>,
    /// Where it came from.
    pub origin: Origin,
}

/// Who brings a callback with a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// The user.
    pub user: Option<UserId>,
    /// As the audit names it.
    pub actor: String,
}

/// How a callback ended.
#[derive(Clone, Debug)]
pub struct Ending {
    /// What happened.
    pub outcome: Finished,
    /// Where the user goes: the flow's base, if there is a flow.
    pub base: Option<String>,
    /// The connector, if there is a flow.
    pub connector: Option<ConnectorId>,
    /// Whose its connections are.
    pub sharing: Sharing,
    /// The connection waits for its user's click.
    pub unconfirmed: bool,
    /// It followed an invitation: `base` is the whole URL to return to, or empty.
    pub invited: bool,
}

impl Ending {
    fn nowhere(word: Word) -> Self {
        Self {
            outcome: Finished::Refused(word),
            base: None,
            connector: None,
            sharing: Sharing::Private,
            unconfirmed: false,
            invited: false,
        }
    }

    fn of(flow: &Flow, outcome: Finished) -> Self {
        Self {
            outcome,
            base: Some(flow.base.clone()),
            connector: Some(flow.connector),
            invited: flow.session.is_some(),
            ..Self::nowhere(Word::ServerError)
        }
    }
}

/// What is at hand once a flow is known.
struct Scene {
    flow: Flow,
    kept: Kept,
    provider: Found,
    is_present: bool,
}

/// Carries a callback out. Detached from its request: an exchange that has begun is finished.
pub async fn finish_connection(app: &Shared, arrival: Arrival) -> Result<Ending, Error> {
    let node = app.clone();
    let finishing = tokio::spawn(async move { Box::pin(finish(&node, &arrival)).await });
    let ending = finishing
        .await
        .unwrap_or_else(|_| Err(Error::broken("the callback failed; outcome unknown")))?;
    if let (Finished::Refused(word), None) = (ending.outcome, &ending.base) {
        app.vault.numbers.stray_callback(word.as_str());
    }
    Ok(ending)
}

async fn finish(app: &App, arrival: &Arrival) -> Result<Ending, Error> {
    let name = state_param(app, arrival.connector).await?;
    let states: Vec<_> = values(&arrival.params, &name);
    let [state] = states.as_slice() else {
        return Ok(Ending::nowhere(Word::MissingParameters));
    };
    let Some(hash) = parse_state(state) else { return Ok(Ending::nowhere(Word::InvalidState)) };
    let Some(flow) = app.store.find_flow(hash).await? else {
        return Ok(Ending::nowhere(Word::InvalidState));
    };
    if arrival.connector.is_some_and(|connector| connector != flow.connector)
        || !may_bring(&flow, arrival.visitor.as_ref())
    {
        return Ok(Ending::of(&flow, Finished::Refused(Word::InvalidState)));
    }
    let is_present = arrival.visitor.is_some() || brings_cookie(&flow, &arrival.cookies);
    let scene = match scene(app, flow, is_present).await? {
        Ok(scene) => scene,
        Err(ending) => return Ok(ending),
    };
    let outcome = judge(app, arrival, &scene).await?;
    // Whoever comes after the end was counted then.
    if !scene.flow.is_consumed && !scene.flow.is_abandoned {
        app.vault.numbers.flow_ended(about(&scene.kept), word_for(outcome));
    }
    let mut ending = Ending::of(&scene.flow, outcome);
    ending.sharing = scene.kept.connector.sharing;
    ending.unconfirmed = is_unconfirmed(app, outcome).await?;
    Ok(ending)
}

const fn word_for(outcome: Finished) -> &'static str {
    match outcome {
        Finished::Connected(_) => "connected",
        Finished::Refused(word) => word.as_str(),
    }
}

/// What the provider calls the state. Where the path names no connector it can only be `state`.
async fn state_param(app: &App, connector: Option<ConnectorId>) -> Result<String, Error> {
    let usual = || "state".to_owned();
    let Some(connector) = connector else { return Ok(usual()) };
    let Some(kept) = app.store.find_connector(Reach::Instance, connector).await? else {
        return Ok(usual());
    };
    let Connector { organization, provider, .. } = &kept.connector;
    let provider = find_provider(app, *organization, provider).await?;
    Ok(provider.map_or_else(usual, |provider| provider.callback.state.clone()))
}

async fn scene(app: &App, flow: Flow, is_present: bool) -> Result<Result<Scene, Ending>, Error> {
    let refused = |flow: &Flow, word| Ok(Err(Ending::of(flow, Finished::Refused(word))));
    let Some(kept) = app.store.find_connector(Reach::Instance, flow.connector).await? else {
        return refused(&flow, Word::InstanceNotFound);
    };
    let key = &kept.connector.provider;
    let Some(provider) = find_provider(app, flow.organization, key).await? else {
        return refused(&flow, Word::ConfigNotFound);
    };
    Ok(Ok(Scene { flow, kept, provider, is_present }))
}

/// A credential must be the starter's own: the user the flow is for, or the same program.
fn may_bring(flow: &Flow, visitor: Option<&Visitor>) -> bool {
    match (visitor, flow.owner) {
        (None, _) => true,
        (Some(visitor), Some(owner)) => visitor.user == Some(owner),
        (Some(visitor), None) => visitor.actor == flow.starter,
    }
}

fn brings_cookie(flow: &Flow, cookies: &[(String, Secret)]) -> bool {
    let name = cookie_name(flow.hash);
    let mut brought = cookies.iter().filter(|(known, _)| *known == name);
    brought.any(|(_, value)| flow.browser == Some(value.digest()))
}

async fn judge(app: &App, arrival: &Arrival, scene: &Scene) -> Result<Finished, Error> {
    let flow = &scene.flow;
    if flow.is_consumed {
        return outcome_of_the_first(app, flow.hash).await;
    }
    if flow.expires_at <= app.clock.now() {
        app.store.refuse_flow(flow.hash, Word::FlowExpired).await?;
        return Ok(Finished::Refused(Word::FlowExpired));
    }
    if is_used_up(app, flow).await? {
        return refuse(app, flow, Word::FlowExpired).await;
    }
    let secrets = app.store.open_app_secrets(&scene.kept)?;
    let asking = Asking::new(app, &scene.kept, &scene.provider, &Beside::default());
    let secret = secrets.current.as_ref().or(secrets.next.as_ref());
    let read = callback::read(&scene.provider, &asking.registered(secret, None), &arrival.params);
    let (code, captured) = match read {
        Err(bad) => {
            tracing::info!(connector = %flow.connector, rule = bad.0, "a callback is not believed");
            return Ok(Finished::Refused(Word::MissingParameters));
        }
        Ok(Arrived::Denied { by_user }) => {
            let word = if by_user { Word::AccessDenied } else { Word::ServerError };
            return refuse(app, flow, word).await;
        }
        Ok(Arrived::Code { code, captured, .. }) => (code, captured),
    };
    if !app.store.consume_flow(flow.hash, app.clock.now()).await? {
        return outcome_of_the_first(app, flow.hash).await;
    }
    let beside =
        Beside { vars: captured, redirect_uri: flow.redirect_uri.clone(), ..Beside::default() };
    let state = values(&arrival.params, &scene.provider.callback.state);
    let state = state.first().copied().unwrap_or_default();
    match exchange(app, scene, &code, state, beside, &arrival.origin).await {
        Ok(finished) => Ok(finished),
        Err(error) => {
            // The code is spent: without this a second arrival would wait for nothing.
            let _ = app.store.refuse_flow(flow.hash, Word::ServerError).await;
            Err(error)
        }
    }
}

/// Whether the flow's invitation has led to a connection by another flow. Asked before the code is
/// spent, to spare the provider; what decides is the commit's own guard.
async fn is_used_up(app: &App, flow: &Flow) -> Result<bool, Error> {
    let Some(hash) = flow.session else { return Ok(false) };
    let session = app.store.find_connect_session(hash).await?;
    Ok(session.is_none_or(|session| session.made.is_some()))
}

/// Ends a flow that brought no code. Whoever consumed it first decides.
async fn refuse(app: &App, flow: &Flow, word: Word) -> Result<Finished, Error> {
    if app.store.consume_flow(flow.hash, app.clock.now()).await? {
        app.store.refuse_flow(flow.hash, word).await?;
        return Ok(Finished::Refused(word));
    }
    outcome_of_the_first(app, flow.hash).await
}

async fn outcome_of_the_first(app: &App, hash: Digest) -> Result<Finished, Error> {
    let waited = tokio::time::timeout(WAIT, async {
        loop {
            match app.store.find_flow(hash).await? {
                None => return Ok(Finished::Refused(Word::InvalidState)),
                Some(Flow { outcome: Some(outcome), .. }) => return Ok(outcome),
                Some(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    });
    waited.await.unwrap_or(Ok(Finished::Refused(Word::ServerError)))
}

async fn exchange(
    app: &App,
    scene: &Scene,
    code: &Secret,
    state: &str,
    beside: Beside,
    origin: &Origin,
) -> Result<Finished, Error> {
    let flow = &scene.flow;
    let asking = Asking::new(app, &scene.kept, &scene.provider, &beside);
    let asked = scopes_of(&flow.scopes);
    let verifier = app.store.open_verifier(flow)?;
    let code = Code {
        code,
        redirect_uri: &flow.redirect_uri,
        verifier: (asking.pkce() != keyhaven_connect::provider::Pkce::Off).then_some(&verifier),
        state,
        scopes: &asked,
    };
    let asked_at = app.clock.tick();
    let said = asking.ask(Question::Exchange(code)).await?;
    let outcome = said.as_ref().map_or_else(|why| upstream::class(why).as_str(), |_| "exchanged");
    let took = app.clock.tick().saturating_sub(asked_at);
    app.vault.numbers.exchanged(about(&scene.kept), outcome, took);
    let answer = match said {
        Ok(answer) => answer,
        Err(verdict) => {
            let word = word_of(app, scene, &verdict).await?;
            app.store.refuse_flow(flow.hash, word).await?;
            return Ok(Finished::Refused(word));
        }
    };
    let identity = find_account(&asking, &answer).await;
    let required = scene.provider.account.as_ref().is_some_and(|account| account.required);
    if identity.is_none() && required {
        app.store.refuse_flow(flow.hash, Word::ServerError).await?;
        return Ok(Finished::Refused(Word::ServerError));
    }
    let tokens = arrived::tokens(&asking, &answer, &asked, None, beside.clone());
    let grant = Grant {
        account: identity.as_ref().map(account_id),
        label: identity.and_then(|identity| identity.label),
        tokens: Tokens { scopes: tokens.scopes.or_else(|| Some(flow.scopes.clone())), ..tokens },
        slots: arrived::slots(&asking, &answer, &beside),
    };
    keep(app, scene, &grant, origin).await
}

/// What the user hears of a failed exchange. A connector to blame is blamed once.
async fn word_of(app: &App, scene: &Scene, verdict: &Verdict) -> Result<Word, Error> {
    let connector = &scene.kept.connector;
    tracing::info!(
        connector = %connector.id,
        class = verdict.class.reason(),
        status = verdict.status,
        error = verdict.code.as_deref(),
        words = verdict.words.as_deref(),
        "an exchange failed"
    );
    Ok(match verdict.class {
        Class::Client | Class::Scopes => {
            let fault = verdict.code.as_deref().unwrap_or("refused");
            let dice = u64::from_be_bytes(app.dice.bytes());
            let probe_at = app.clock.now().plus(backoff(1, Some(Seconds(30)), dice));
            let act = app.act("system", &Origin::of_job("callback"));
            let (organization, id) = (connector.organization, connector.id);
            app.store.blame_connector(organization, id, fault, probe_at, act).await?;
            Word::ConnectorMisconfigured
        }
        Class::Unclear | Class::GrantDead => Word::InvalidToken,
        Class::GrantBlocked | Class::Transient => Word::ServerError,
    })
}

/// Whose account it is; nobody's, where the provider does not say now.
async fn find_account(asking: &Asking<'_>, answer: &Answer) -> Option<Identity> {
    let registered = asking.registered(answer.secret.as_ref(), None);
    let client = &asking.app.vault.client;
    match Box::pin(talk::find_account(client, asking.provider, &registered, &answer.reply)).await {
        Ok(identity) => identity,
        Err(failure) => {
            tracing::info!(why = failure.word(), "the account is not known");
            None
        }
    }
}

/// The account's id; with its tenant where one login spans many.
#[must_use]
pub fn account_id(identity: &Identity) -> String {
    match &identity.tenant {
        Some(tenant) => format!("{tenant}/{}", identity.id),
        None => identity.id.clone(),
    }
}

async fn is_unconfirmed(app: &App, outcome: Finished) -> Result<bool, Error> {
    let Finished::Connected(id) = outcome else { return Ok(false) };
    let held = app.store.find_held(Reach::Instance, id).await?;
    Ok(held.is_some_and(|held| held.connection.standing.status == Status::Pending))
}

fn values<'a>(params: &'a [(String, String)], name: &str) -> Vec<&'a str> {
    let named = params.iter().filter(|(known, _)| known == name);
    named.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty()).collect()
}
