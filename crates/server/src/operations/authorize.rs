//! The authorization request (RFC 6749 §4.1.1): find it, decide it on the stored login and consent,
//! and either give a code or say which page comes next. A request that has to wait is kept under a
//! handle that belongs to one browser; pages carry nothing else.

use std::sync::Arc;

use keyhaven_protocol::authorize::{
    Answer, Asked, AuthorizationRequest, Before, Channel, Decision, Facts, Login, Next, Target,
    Why, decide, find_target, parse_request,
};
use keyhaven_protocol::client::Client;
use keyhaven_protocol::id::ClientId;
use keyhaven_protocol::id_token::read_hint;
use keyhaven_protocol::params::Params;
use keyhaven_protocol::refusal::{Code, Refusal};
use keyhaven_protocol::scope::Scopes;
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::session::{Barred, enters};
use keyhaven_protocol::subject;
use keyhaven_store::Error;
use keyhaven_store::sessions::SignedIn;

use super::{Failure, Refused};
use crate::app::{App, Origin};

mod give;
mod wait;

use wait::Held;
pub use wait::{Led, find_waiting, keep_for_later, led_from};

/// How often a request whose consent was withdrawn meanwhile is decided again.
const ATTEMPTS: usize = 3;

/// Who asks, as far as their browser says.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// The person signed in there.
    pub signed_in: Option<&'a SignedIn>,
    /// What requests of this browser are bound to, if it holds that.
    pub bound: Option<&'a Secret>,
    /// Where the request came from.
    pub origin: &'a Origin,
}

impl Asker<'_> {
    /// How things stand for a request that comes in now.
    fn before(&self, app: &App) -> Before {
        let login = self.signed_in.map(|it| (it.session.id.grant(), it.session.user));
        Before { received_at: app.clock.now(), login }
    }
}

/// What comes next.
#[derive(Debug)]
pub enum Step {
    /// The answer goes to the client: a code.
    Done(Answer),
    /// No, and the client hears it.
    Refused(Target, Box<Refused>),
    /// Somebody signs in, then this request goes on.
    SignIn(Waiting, Why),
    /// The person decides.
    Consent(Waiting, Box<Question>),
    /// The request is kept and goes on by its handle.
    Kept(Secret),
}

/// A request that waits in this browser.
#[derive(Debug)]
pub struct Waiting {
    /// Names it.
    pub handle: Secret,
    /// What the browser must hold from now on.
    pub bound: Secret,
    /// What the person may have typed already.
    pub login_hint: Option<String>,
}

/// What a person is asked.
#[derive(Debug)]
pub struct Question {
    /// Who asks.
    pub client: Arc<Client>,
    /// Where the answer goes.
    pub target: Target,
    /// The resource; empty means this server.
    pub audience: String,
    /// Everything the client would have, and what of it is new.
    pub asked: Asked,
}

/// A request found, with everything but the decision.
pub(super) struct Open {
    client: Arc<Client>,
    request: Box<AuthorizationRequest>,
    form: String,
    /// As it is kept, if it is.
    held: Option<Held>,
    before: Before,
}

/// Decides a request that came by the browser.
pub async fn authorize(
    app: &App,
    asker: Asker<'_>,
    params: &Params,
    repeated: Option<&str>,
) -> Result<Step, Failure> {
    if let Some(handle) = params.get("request").filter(|text| text.starts_with("kh_flow_")) {
        let held = wait::resume(app, asker, handle).await?;
        return reopen(app, asker, held, Decision::Open).await;
    }
    if let Some(uri) = params.get("request_uri") {
        let held = wait::open_pushed(app, asker, uri, params.get("client_id")).await?;
        return reopen(app, asker, held, Decision::Open).await;
    }
    let before = asker.before(app);
    match read(app, params, repeated, Channel::Front).await? {
        Read::Sound(client, request) => {
            let open = Open { client, request, form: params.to_form(), held: None, before };
            go_on(app, asker, &open, Decision::Open).await
        }
        Read::Refused(target, refused) => Ok(Step::Refused(target, refused)),
    }
}

/// Keeps a request that a page of the client posted: it goes on by a GET, which carries the browser's
/// cookies where a cross-site POST does not.
pub async fn keep(app: &App, params: &Params, repeated: Option<&str>) -> Result<Step, Failure> {
    let read = read(app, params, repeated, Channel::Front).await?;
    let client = match read {
        Read::Sound(client, _) => client,
        Read::Refused(target, refused) => return Ok(Step::Refused(target, refused)),
    };
    let handle = keep_for_later(app, client.id, Channel::Front, params.to_form()).await?;
    Ok(Step::Kept(handle))
}

/// Carries out what the person said on the consent page.
pub async fn decide_consent(
    app: &App,
    asker: Asker<'_>,
    handle: &str,
    allowed: Answered,
) -> Result<Step, Failure> {
    let held = wait::resume(app, asker, handle).await?;
    let decision = match (allowed, asker.signed_in) {
        (Answered::No, _) => Decision::Denied,
        (Answered::Yes, Some(signed_in)) => Decision::Allowed(signed_in.session.id.grant()),
        (Answered::Yes, None) => Decision::Open,
    };
    reopen(app, asker, held, decision).await
}

/// The answer of a consent page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// Allow.
    Yes,
    /// Deny.
    No,
}

/// Reads a kept request again: its client may have changed since, and then the rules have too.
async fn reopen(
    app: &App,
    asker: Asker<'_>,
    held: Held,
    decision: Decision,
) -> Result<Step, Failure> {
    let kept = &held.request;
    let params = Params::parse_form(kept.form.as_bytes())
        .map_err(|_| Error::broken("authorization_requests.form does not parse"))?;
    match read(app, &params, None, kept.channel).await? {
        Read::Sound(client, request) => {
            let (form, before) = (kept.form.clone(), kept.before);
            let open = Open { client, request, form, held: Some(held), before };
            go_on(app, asker, &open, decision).await
        }
        Read::Refused(target, refused) => {
            app.store.close_request(&kept.handle, app.clock.now()).await?;
            Ok(Step::Refused(target, refused))
        }
    }
}

/// A request as far as its own text goes.
pub(super) enum Read {
    /// Sound.
    Sound(Arc<Client>, Box<AuthorizationRequest>),
    /// Refused, and there is somewhere to say so.
    Refused(Target, Box<Refused>),
}

/// Finds the client, matches the redirect URI, then reads everything else. An error here stays on our
/// page.
pub(super) async fn read(
    app: &App,
    params: &Params,
    repeated: Option<&str>,
    channel: Channel,
) -> Result<Read, Failure> {
    let id = params.get("client_id").and_then(ClientId::parse_public);
    let client = match id {
        Some(id) => app.store.recall_client(id, app.clock.tick()).await?,
        None => None,
    };
    let target = match (find_target(params, repeated, client.as_deref()), &client) {
        (Ok(target), _) => target,
        (Err(refusal), Some(client)) => return Err(Failure::from(refusal).of(client)),
        (Err(refusal), None) => return Err(refusal.into()),
    };
    let Some(client) = client else {
        return Err(Refusal::new(Code::UnauthorizedClient, "unknown client").into());
    };
    match parse_request(params, repeated, &client, target.clone(), channel) {
        Ok(request) => Ok(Read::Sound(client, Box::new(request))),
        Err(refusal) => Ok(Read::Refused(target, refused(refusal, &client))),
    }
}

fn refused(refusal: Refusal, client: &Arc<Client>) -> Box<Refused> {
    Box::new(Refused { refusal, client: Some(client.clone()), wait: None })
}

async fn go_on(
    app: &App,
    asker: Asker<'_>,
    open: &Open,
    decision: Decision,
) -> Result<Step, Failure> {
    for _ in 0..ATTEMPTS {
        if let Some(step) = attempt(app, asker, open, decision).await? {
            return Ok(step);
        }
    }
    Err(Error::busy("the consent of an authorization request is contended").into())
}

/// One pass: fresh facts, a decision, and its outcome. `None` when the facts moved.
async fn attempt(
    app: &App,
    asker: Asker<'_>,
    open: &Open,
    decision: Decision,
) -> Result<Option<Step>, Failure> {
    let login = asker.signed_in.map(|signed_in| login_of(app, signed_in, &open.client));
    let hinted = match hinted(app, open) {
        Ok(hinted) => hinted,
        Err(refusal) => return say_no(app, open, refusal).await.map(Some),
    };
    let given: Option<Scopes> = match &login {
        None => None,
        Some(login) => {
            let audience = &open.request.audience;
            app.store.find_consent(login.user, open.client.id, audience).await?
        }
    };
    let facts = Facts {
        client: &open.client,
        login: login.as_ref(),
        hinted: hinted.as_deref(),
        given: given.as_ref(),
        barred: asker.signed_in.and_then(|signed_in| barred(signed_in, &open.client)),
        before: open.before,
        decision,
    };
    match (decide(&open.request, &facts, app.clock.now()), &login, asker.signed_in) {
        (Err(refusal), ..) => say_no(app, open, refusal).await.map(Some),
        (Ok(Next::Issue(agreed)), Some(login), Some(signed_in)) => {
            let ends_at = signed_in.session.ends_at;
            give::give_code(app, asker.origin, open, (login, ends_at), &agreed).await
        }
        (Ok(Next::Consent(asked)), ..) => {
            let waiting = wait::keep(app, asker, open).await?;
            let question = Question {
                client: open.client.clone(),
                target: open.request.target.clone(),
                audience: open.request.audience.clone(),
                asked,
            };
            Ok(Some(Step::Consent(waiting, Box::new(question))))
        }
        (Ok(Next::Login(why)), ..) => {
            Ok(Some(Step::SignIn(wait::keep(app, asker, open).await?, why)))
        }
        // Nothing is issued to nobody: `decide` never says so.
        (Ok(Next::Issue(_)), ..) => Err(Error::broken("a code for nobody").into()),
    }
}

/// The request's one outcome is no.
async fn say_no(app: &App, open: &Open, refusal: Refusal) -> Result<Step, Failure> {
    if let Some(held) = &open.held
        && !app.store.close_request(&held.request.handle, app.clock.now()).await?
    {
        return Err(wait::over().into());
    }
    Ok(Step::Refused(open.request.target.clone(), refused(refusal, &open.client)))
}

fn login_of(app: &App, signed_in: &SignedIn, client: &Client) -> Login {
    let session = &signed_in.session;
    let mut amr: Vec<String> = Vec::new();
    let methods = session.methods.iter().filter_map(keyhaven_protocol::sign_in::Method::amr);
    let mfa = session.methods.is_multi_factor().then_some("mfa");
    for method in methods.chain(mfa) {
        if !amr.iter().any(|known| known == method) {
            amr.push(method.to_owned());
        }
    }
    Login {
        user: session.user,
        session: session.id.grant(),
        authenticated_at: session.authenticated_at,
        amr,
        subject: subject::of(session.user, &client.party, &app.private.pairwise),
    }
}

/// Why the person may not enter the organization of the client.
fn barred(signed_in: &SignedIn, client: &Client) -> Option<Barred> {
    let membership = signed_in.person.membership(client.organization?);
    enters(membership, &signed_in.session.methods).err()
}

/// Whom a hint names. It must be of ours and for this client; it may have expired.
fn hinted(app: &App, open: &Open) -> Result<Option<String>, Refusal> {
    let Some(text) = &open.request.id_token_hint else { return Ok(None) };
    let hint = read_hint(text, &app.keys.now().verifying, &app.settings.issuer)
        .map_err(|reason| Refusal::request(reason).on("id_token_hint"))?;
    if hint.client_id != open.client.public_id {
        return Err(Refusal::request("the hint is another client's").on("id_token_hint"));
    }
    Ok(Some(hint.subject))
}
