//! Signing in with another OpenID provider, and linking one to an account. A visit begins here, goes
//! through the browser, and ends here once: whatever the answer says, its state is spent first.

use keyhaven_protocol::credential::{self, Kind};
use keyhaven_protocol::email::parse_email;
use keyhaven_protocol::id::Id;
use keyhaven_protocol::params::{Params, ParamsError};
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::secret::{Digest, Secret};
use keyhaven_protocol::upstream::authorization::{Request, random_text};
use keyhaven_protocol::upstream::callback::{Answer, Outcome as Answered};
use keyhaven_store::pending_sign_ins::PendingSignIn;
use keyhaven_store::sessions::SignedIn;
use keyhaven_store::upstream_flows::{LIVES, Purpose, UpstreamFlow};
use keyhaven_store::upstream_providers::UpstreamProvider;
use keyhaven_store::{Error, Reach};
use serde::{Deserialize, Serialize};

use super::Failure;
use super::factors::require_fresh;
use super::sign_in::{self, Next, Visitor};
use crate::app::App;
use crate::upstream::{Distrust, Visit, fetch_profile};

mod account;

use account::{link, sign_in_as};

/// How a visit ended.
#[derive(Debug)]
pub enum Came {
    /// Somebody signed in, or still needs another factor.
    SignedIn(Next),
    /// The person who is signed in has linked the provider.
    Linked,
}

/// What a visit goes on with. Kept sealed.
#[derive(Serialize, Deserialize)]
struct Luggage {
    verifier: String,
    /// The handle of the pending sign-in; empty for a link.
    handle: String,
}

/// The one path of a provider's answers: with a path of its own per provider, one provider's answer
/// cannot be taken for another's (RFC 9700 §4.4.2).
#[must_use]
pub fn redirect_uri(app: &App, provider: Id) -> String {
    format!("{}/login/with/{provider}/callback", app.settings.issuer)
}

/// The provider that the organization of this address signs in with, if it has claimed the domain and
/// names one that is enabled.
pub async fn find_home_upstream(
    app: &App,
    address: &str,
) -> Result<Option<UpstreamProvider>, Error> {
    let Ok(address) = parse_email(address) else { return Ok(None) };
    let home = app.store.find_home(&address).await?;
    let Some(id) = home.upstream.as_deref().and_then(Id::parse) else { return Ok(None) };
    let found = app.store.find_upstream(Reach::Instance, id).await?;
    Ok(found.filter(|provider| provider.disabled_at.is_none()))
}

/// Where a browser goes to sign in with a provider.
pub async fn start_sign_in(
    app: &App,
    provider: Id,
    pending: &PendingSignIn,
    handle: &Secret,
    browser: &Secret,
) -> Result<String, Failure> {
    let luggage = handle.reveal().to_owned();
    let start = Start { purpose: Purpose::SignIn, bound: pending.id, browser: browser.digest() };
    start_visit(app, provider, start, luggage).await
}

/// Where the browser of somebody who is signed in goes to link a provider.
pub async fn start_link(app: &App, provider: Id, signed_in: &SignedIn) -> Result<String, Failure> {
    require_fresh(app, signed_in)?;
    let session = signed_in.session.id.0;
    let start = Start { purpose: Purpose::Link, bound: session, browser: browser_of(session) };
    start_visit(app, provider, start, String::new()).await
}

/// A link is bound to the session, whatever other cookies the browser holds.
fn browser_of(session: Id) -> Digest {
    Digest::of(&[b"session\0".as_slice(), &session.0].concat())
}

struct Start {
    purpose: Purpose,
    bound: Id,
    browser: Digest,
}

async fn start_visit(
    app: &App,
    provider: Id,
    start: Start,
    handle: String,
) -> Result<String, Failure> {
    let provider = enabled(app, provider).await?;
    let metadata = app.upstreams.metadata_of(&provider, app.clock.tick()).await;
    let metadata = metadata.map_err(|distrust| distrusted(&distrust, &provider))?;
    let (id, now) = (app.id(), app.clock.now());
    let state = credential::mint(Kind::Flow, id, &app.dice.bytes());
    let (nonce, verifier) = (random_text(&app.dice.bytes()), random_text(&app.dice.bytes()));
    let luggage = Luggage { verifier: verifier.reveal().to_owned(), handle };
    let flow = UpstreamFlow {
        id,
        hash: state.digest(),
        provider: provider.id,
        browser: start.browser,
        bound: start.bound,
        purpose: start.purpose,
        nonce: nonce.digest(),
        luggage: serde_json::to_vec(&luggage).map_err(Error::broken)?.into(),
        expires_at: now.plus(LIVES),
    };
    if !app.store.begin_upstream_flow(&flow, app.dice.bytes(), now).await? {
        return Err(Refusal::request("too many visits of this browser are under way").into());
    }
    let request = Request {
        client_id: &provider.client_id,
        redirect_uri: &redirect_uri(app, provider.id),
        scopes: &provider.scopes,
        state: &state,
        nonce: &nonce,
        verifier: &verifier,
        prompt: None,
    };
    Ok(request.url(&metadata))
}

/// A provider that may be used: asked at the start and again at the callback.
async fn enabled(app: &App, provider: Id) -> Result<UpstreamProvider, Failure> {
    let found = app.store.find_upstream(Reach::Instance, provider).await?;
    let found = found.ok_or_else(|| Refusal::request("no such provider"))?;
    if found.disabled_at.is_some() {
        return Err(Refusal::request("the provider is disabled").into());
    }
    Ok(found)
}

/// Ends a visit with the query of its callback.
pub async fn finish_visit(
    app: &App,
    provider: Id,
    query: Result<Params, ParamsError>,
    visitor: Visitor<'_>,
    signed_in: Option<&SignedIn>,
) -> Result<Came, Failure> {
    let answer = Answer::parse(query)?;
    let provider = enabled(app, provider).await?;
    let flow = end_flow(app, &answer, &provider, visitor, signed_in).await?;
    let came = come_back(app, &answer, &provider, &flow, visitor, signed_in).await;
    if let Err(Failure::Refused(refused)) = &came {
        // A provider that lies, or somebody who tries to make it look like one (A73).
        let act = app.act(format!("upstream:{}", provider.id), visitor.origin);
        let reason = refused.refusal.reason.as_ref();
        app.store.note_upstream_refusal(&provider, reason, act).await?;
    }
    came
}

async fn end_flow(
    app: &App,
    answer: &Answer,
    provider: &UpstreamProvider,
    visitor: Visitor<'_>,
    signed_in: Option<&SignedIn>,
) -> Result<UpstreamFlow, Failure> {
    let state = credential::parse_kind(Kind::Flow, answer.state.reveal());
    let state = state.ok_or_else(|| Refusal::request("the state is not one of ours"))?;
    let session = signed_in.map(|signed_in| browser_of(signed_in.session.id.0));
    for browser in [Some(visitor.browser.digest()), session].into_iter().flatten() {
        let now = app.clock.now();
        let ended = app.store.end_upstream_flow(&state, provider.id, browser, now).await?;
        if let Some(flow) = ended {
            return Ok(flow);
        }
    }
    Err(Refusal::request("the visit is over, was answered, or is of another browser").into())
}

async fn come_back(
    app: &App,
    answer: &Answer,
    provider: &UpstreamProvider,
    flow: &UpstreamFlow,
    visitor: Visitor<'_>,
    signed_in: Option<&SignedIn>,
) -> Result<Came, Failure> {
    let metadata = app.upstreams.metadata_of(provider, app.clock.tick()).await;
    let metadata = metadata.map_err(|distrust| distrusted(&distrust, provider))?;
    answer.check_issuer(&provider.issuer, metadata.sends_iss)?;
    let code = match &answer.outcome {
        Answered::Code(code) => code,
        Answered::Refused(error) => {
            return Err(Refusal::grant("the provider did not sign the person in")
                .with("error", error.clone())
                .into());
        }
    };
    let luggage: Luggage = serde_json::from_slice(&flow.luggage).map_err(Error::broken)?;
    let visit = Visit {
        provider,
        redirect_uri: &redirect_uri(app, provider.id),
        code,
        verifier: &Secret::new(luggage.verifier),
        nonce: flow.nonce,
    };
    let told = fetch_profile(&app.upstreams, visit, app.clock.now(), app.clock.tick()).await;
    let profile = told.map_err(|distrust| distrusted(&distrust, provider))?;
    match flow.purpose {
        Purpose::SignIn => {
            let pending = sign_in::find(app, &luggage.handle, visitor.browser).await?;
            let next = sign_in_as(app, provider, &profile, &pending, visitor).await?;
            Ok(Came::SignedIn(next))
        }
        Purpose::Link => {
            let signed_in = signed_in.ok_or_else(|| Refusal::request("nobody is signed in"))?;
            link(app, provider, &profile, signed_in, visitor.origin).await?;
            Ok(Came::Linked)
        }
    }
}

fn distrusted(distrust: &Distrust, provider: &UpstreamProvider) -> Refusal {
    let refusal = match distrust {
        Distrust::Lies(rule) => Refusal::grant(*rule),
        Distrust::Unreachable(how) => {
            Refusal::grant("the provider cannot be reached").with("how", *how)
        }
    };
    refusal.with("issuer", provider.issuer.clone())
}
