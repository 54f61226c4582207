//! Requests that wait: kept, found again by the browser they belong to, pushed by their client.

use keyhaven_protocol::authorize::{Before, Channel};
use keyhaven_protocol::consent::is_unverified;
use keyhaven_protocol::continuation::Continuation;
use keyhaven_protocol::credential::{self, Kind};
use keyhaven_protocol::id::ClientId;
use keyhaven_protocol::params::Params;
use keyhaven_protocol::redirect_uri::{origin, shown_host};
use keyhaven_protocol::refusal::{Code, Refusal};
use keyhaven_protocol::secret::Secret;
use keyhaven_store::authorization_requests::{Handle, OPEN_LIFE, PUSHED_LIFE, WaitingRequest};

use super::{Asker, Open, Read, Waiting, read};
use crate::app::App;
use crate::operations::Failure;
use crate::operations::pushed_authorization::URI_PREFIX;

/// The handle of a waiting request that belongs to this browser.
pub async fn find_waiting(
    app: &App,
    handle: &str,
    bound: Option<&Secret>,
) -> Result<WaitingRequest, Failure> {
    let presented = credential::parse_kind(Kind::Flow, handle)
        .ok_or_else(|| Refusal::request("not a request handle of ours"))?;
    let found = app.store.find_request(Handle::from(&presented), app.clock.now()).await?;
    let found = found.ok_or_else(over)?;
    match (found.browser, bound) {
        (Some(browser), Some(bound)) if browser == bound.digest() => Ok(found),
        (None, _) => Ok(found),
        _ => Err(Refusal::request("the request belongs to another browser").into()),
    }
}

/// The request had its outcome, or waited too long.
pub(super) fn over() -> Refusal {
    Refusal::token("the request is over, or had its outcome before")
}

/// A request that is kept, and how it was found.
pub(super) struct Held {
    pub(super) request: WaitingRequest,
    /// Names it.
    pub(super) handle: Secret,
    /// What its browser holds.
    pub(super) bound: Secret,
}

/// Goes on with a kept request. One that no browser has opened yet becomes this browser's.
pub(super) async fn resume(app: &App, asker: Asker<'_>, handle: &str) -> Result<Held, Failure> {
    let request = find_waiting(app, handle, asker.bound).await?;
    match (request.browser, asker.bound) {
        (Some(_), Some(bound)) => Ok(Held { request, handle: handle.into(), bound: bound.clone() }),
        _ => open(app, asker, request, handle).await,
    }
}

/// Binds a request that no browser has opened to this one.
async fn open(
    app: &App,
    asker: Asker<'_>,
    found: WaitingRequest,
    handle: &str,
) -> Result<Held, Failure> {
    let bound = asker.bound.cloned().unwrap_or_else(|| new_bound(app));
    let before = asker.before(app);
    if !app.store.open_request(found.handle, bound.digest(), before).await? {
        return Err(over().into());
    }
    let request = WaitingRequest { browser: Some(bound.digest()), before, ..found };
    Ok(Held { request, handle: handle.into(), bound })
}

/// Opens a pushed request (RFC 9126 §4): the client's own, once, by the browser that comes first. No
/// other `request_uri` is ever looked at (A26).
pub(super) async fn open_pushed(
    app: &App,
    asker: Asker<'_>,
    uri: &str,
    client_id: Option<&str>,
) -> Result<Held, Failure> {
    let no = |reason| Refusal::new(Code::InvalidRequestUri, reason).on("request_uri");
    let handle = uri.strip_prefix(URI_PREFIX).unwrap_or_default();
    let presented = credential::parse_kind(Kind::Flow, handle)
        .ok_or_else(|| no("request_uri is not one of ours"))?;
    let found = app.store.find_request(Handle::from(&presented), app.clock.now()).await?;
    let found = found.ok_or_else(|| no("request_uri is unknown, used or expired"))?;
    if found.channel != Channel::Pushed || client_id != Some(&found.client.to_string()) {
        return Err(no("request_uri is another client's").into());
    }
    match (found.browser, asker.bound) {
        (None, _) => open(app, asker, found, handle).await,
        (Some(browser), Some(bound)) if browser == bound.digest() => {
            Ok(Held { request: found, handle: handle.into(), bound: bound.clone() })
        }
        (Some(_), _) => Err(no("request_uri was opened by another browser").into()),
    }
}

fn new_bound(app: &App) -> Secret {
    credential::mint(Kind::Flow, app.id(), &app.dice.bytes())
}

/// Keeps a request of this browser; one that is kept already stays.
pub(super) async fn keep(app: &App, asker: Asker<'_>, open: &Open) -> Result<Waiting, Failure> {
    let login_hint = open.request.login_hint.clone();
    if let Some(held) = &open.held {
        let (handle, bound) = (held.handle.clone(), held.bound.clone());
        return Ok(Waiting { handle, bound, login_hint });
    }
    let bound = asker.bound.cloned().unwrap_or_else(|| new_bound(app));
    let id = app.id();
    let handle = credential::mint(Kind::Flow, id, &app.dice.bytes());
    let new = WaitingRequest {
        handle: Handle { id, hash: handle.digest() },
        client: open.client.id,
        channel: Channel::Front,
        browser: Some(bound.digest()),
        form: open.form.clone(),
        before: open.before,
        expires_at: app.clock.now().plus(OPEN_LIFE),
    };
    app.store.keep_request(&new).await?;
    Ok(Waiting { handle, bound, login_hint })
}

/// Keeps the form of a sound request for whichever browser opens it first.
pub async fn keep_for_later(
    app: &App,
    client: ClientId,
    channel: Channel,
    form: String,
) -> Result<Secret, Failure> {
    let id = app.id();
    let handle = credential::mint(Kind::Flow, id, &app.dice.bytes());
    let now = app.clock.now();
    let new = WaitingRequest {
        handle: Handle { id, hash: handle.digest() },
        client,
        channel,
        browser: None,
        form,
        before: Before { received_at: now, login: None },
        expires_at: now.plus(PUSHED_LIFE),
    };
    app.store.keep_request(&new).await?;
    Ok(handle)
}

/// Who sent a person to the sign-in page, for that page.
#[derive(Clone, Debug)]
pub struct Led {
    /// The client's name.
    pub name: String,
    /// The host its answers go to.
    pub host: String,
    /// Where a browser must be allowed to be sent after signing in.
    pub origin: String,
    /// Whether nobody else could pose as it.
    pub verified: bool,
    /// What the person may have typed already.
    pub login_hint: Option<String>,
}

/// The waiting request that a sign-in leads back to, if it does. The sign-in itself belongs to one
/// browser; nothing but the app's public name is told here.
pub async fn led_from(app: &App, continue_to: &Continuation) -> Result<Option<Led>, Failure> {
    let Some(query) = continue_to.as_str().strip_prefix("/oauth2/authorize?") else {
        return Ok(None);
    };
    let handle = Params::parse_form(query.as_bytes()).ok();
    let handle = handle.as_ref().and_then(|params| params.get("request"));
    let Some(handle) = handle else { return Ok(None) };
    let Some(presented) = credential::parse_kind(Kind::Flow, handle) else { return Ok(None) };
    let found = app.store.find_request(Handle::from(&presented), app.clock.now()).await?;
    let Some(waiting) = found else { return Ok(None) };
    let Ok(params) = Params::parse_form(waiting.form.as_bytes()) else { return Ok(None) };
    let Read::Sound(client, request) = read(app, &params, None, waiting.channel).await? else {
        return Ok(None);
    };
    let uri = &request.target.redirect_uri;
    Ok(Some(Led {
        name: client.name.clone(),
        host: shown_host(uri).to_owned(),
        origin: origin(uri).to_owned(),
        verified: !is_unverified(&client, uri),
        login_hint: request.login_hint.clone(),
    }))
}
