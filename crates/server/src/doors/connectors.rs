//! The connector family (operations 12 and 13): `getOAuthAuthorizationUrl` and
//! `handleOAuthCallback`.
//!
//! Its published document and the product behind it disagree about the callback. Both are served:
//! whoever sends a credential, or asks for JSON, gets 200 with a `redirectUrl`; everybody else is
//! redirected. A provider that posts its callback as a form arrives at the same place.

use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderMap, Method, header};
use axum::response::{IntoResponse as _, Response};
use keyhaven_protocol::connection::callback::{self, Word};
use keyhaven_protocol::id::ConnectorId;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::scope::{ADMIN, Scopes};
use keyhaven_protocol::secret::Secret;
use keyhaven_store::Reach;
use keyhaven_store::flows::Finished;
use serde::Serialize;

use crate::app::{App, Origin, Shared};
use crate::http::call::Call;
use crate::http::connector_family::{self, Wrong, found, no_referrer, refused};
use crate::http::{bearer, cookies, page, reply};
use crate::operations::begun_elsewhere::where_to_begin;
use crate::operations::check::{Credential, Need, Principal, check};
use crate::operations::confirm_connection::ticket_for;
use crate::operations::finish_connection::{Arrival, Ending, Visitor, finish_connection};
use crate::operations::start_connection::{NoStart, Start, cookie_name, start_connection};
use crate::pages::notice::Notice;
use crate::vault::provider_of::find_provider;

/// What a client's token must have; a person's session needs none.
const SCOPES: [&str; 3] = ["connector:read", "connector:write", ADMIN];

/// Longer queries and forms are no callback.
const MOST_BYTES: usize = 16 * 1024;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AuthorizationUrl<'a> {
    success: bool,
    authorization_url: &'a str,
    state: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallbackAnswer<'a> {
    redirect_url: &'a str,
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<&'static str>,
}

/// `getOAuthAuthorizationUrl`.
pub async fn start_connector_flow(
    State(app): State<Shared>,
    origin: Origin,
    Path(id): Path<String>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Response {
    match start(&app, &id, uri.query().unwrap_or_default(), &headers, &origin).await {
        Ok(response) => no_referrer(response),
        Err(response) => *response,
    }
}

type Answered = Result<Response, Box<Response>>;

async fn start(app: &App, id: &str, query: &str, headers: &HeaderMap, origin: &Origin) -> Answered {
    let no = |wrong, message: &str, rule| Box::new(refused(app, wrong, message, rule, origin));
    let principal = authenticate(app, headers, origin).await?;
    let reach = within(&principal)
        .ok_or_else(|| no(Wrong::Unauthorized, "Invalid token", rule("no organization")))?;
    let missing = || {
        let message = format!("Connector instance {id} not found or access denied");
        no(Wrong::NotFound, &message, rule("no such connector within reach"))
    };
    let connector = ConnectorId::parse(id).ok_or_else(missing)?;
    let kept = app.store.find_connector(reach, connector).await.map_err(broken)?;
    let kept = kept.filter(|kept| kept.connector.deleting_since.is_none()).ok_or_else(missing)?;
    let shown = &kept.connector;
    if !may_start(&principal, shown.sharing.is_of_a_team(), shown.owner) {
        let message = "Only an administrator, or the owner, may connect this connector";
        return Err(no(Wrong::Forbidden, message, rule("not the owner and no administrator")));
    }
    let asked = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "baseUrl");
    let asked = asked.map(|(_, value)| value.into_owned());
    let base = app.settings.return_origins.allow(asked.as_deref()).ok_or_else(|| {
        let refusal = rule("baseUrl is not a configured origin").on("baseUrl");
        no(Wrong::BadRequest, "baseUrl is not allowed", refusal)
    })?;
    let provider = find_provider(app, shown.organization, &shown.provider).await.map_err(broken)?;
    let provider = provider.ok_or_else(|| {
        no(
            Wrong::BadRequest,
            "OAuth configuration not found. Please configure first.",
            rule("no provider"),
        )
    })?;
    let owner = if shown.sharing.is_of_a_team() { None } else { principal.user() };
    let starter = principal.actor();
    let start = Start {
        kept: &kept,
        provider: &provider,
        renews: None,
        owner,
        starter: &starter,
        base: &base,
        scopes: &[],
        session: None,
    };
    let started =
        start_connection(app, &start).await.map_err(|why| not_started(app, why, origin))?;
    let mut response = reply::ok(&AuthorizationUrl {
        success: true,
        authorization_url: &started.authorization_url,
        state: &started.state,
    });
    let life = Some(keyhaven_store::flows::LIFE);
    let cookie = cookies::set(&started.browser.name, &started.browser.value, life);
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

fn not_started(app: &App, why: NoStart, origin: &Origin) -> Box<Response> {
    let message = match &why {
        NoStart::NotOauth => "Connector instance does not support OAuth",
        NoStart::NoCredentials | NoStart::Misconfigured(_) => {
            "OAuth configuration not found. Please configure first."
        }
        NoStart::Storage(error) => return Box::new(connector_family::unavailable(error)),
    };
    let refusal = match why {
        NoStart::Misconfigured(why) => Refusal::request(why),
        _ => Refusal::request(message),
    };
    Box::new(refused(app, Wrong::BadRequest, message, refusal, origin))
}

/// A team's connector is an administrator's or a program's; a person's own is theirs.
fn may_start(
    principal: &Principal,
    is_of_a_team: bool,
    owner: Option<keyhaven_protocol::id::UserId>,
) -> bool {
    let Some(user) = principal.user() else { return true };
    if principal.reach().is_some() {
        return true;
    }
    !is_of_a_team && owner.is_none_or(|owner| owner == user)
}

/// Where the caller's connectors are: its tenant, or every tenant for a client of the instance.
fn within(principal: &Principal) -> Option<Reach> {
    match principal.organization() {
        Some(organization) => Some(Reach::Organization(organization)),
        None => principal.reach(),
    }
}

async fn authenticate(
    app: &App,
    headers: &HeaderMap,
    origin: &Origin,
) -> Result<Principal, Box<Response>> {
    let no =
        |message: &str, failure| Box::new(connector_family::failed(app, message, failure, origin));
    if !bearer::is_sent(headers) {
        return Err(no("No token provided", Refusal::token("no Authorization header").into()));
    }
    let token = bearer::token(headers).map_err(|refusal| no("Invalid token", refusal.into()))?;
    let need = Need { audience: Some(app.settings.issuer.clone()), ..Need::default() };
    let principal =
        check(app, token, &need).await.map_err(|failure| no("Invalid token", failure))?;
    if matches!(principal.credential, Credential::Session(_)) || has_scope(&principal) {
        return Ok(principal);
    }
    let refusal = Refusal::token("the token has none of the family's scopes")
        .with("scope", principal.scopes().as_str());
    let message = "The token lacks the scope connector:read";
    Err(Box::new(refused(app, Wrong::Forbidden, message, refusal, origin)))
}

fn has_scope(principal: &Principal) -> bool {
    let held = principal.scopes();
    SCOPES
        .iter()
        .any(|scope| Scopes::parse(scope).is_ok_and(|wanted| wanted.beyond(held).is_none()))
}

/// `handleOAuthCallback`, and the same for a provider that posts a form.
pub async fn finish_connector_flow(
    State(app): State<Shared>,
    method: Method,
    path: Option<Path<String>>,
    call: Call,
) -> Response {
    let query = call.uri.query().unwrap_or_default();
    let text = if method == Method::POST { &call.body[..] } else { query.as_bytes() };
    let connector = path.map(|Path(id)| ConnectorId::parse(&id));
    match finish(&app, text, connector, &call.headers, &call.origin).await {
        Ok(response) | Err(response) => *response,
    }
}

async fn finish(
    app: &Shared,
    text: &[u8],
    connector: Option<Option<ConnectorId>>,
    headers: &HeaderMap,
    origin: &Origin,
) -> Result<Box<Response>, Box<Response>> {
    let visitor = if bearer::is_sent(headers) {
        let principal = authenticate(app, headers, origin).await?;
        Some(Visitor { user: principal.user(), actor: principal.actor() })
    } else {
        None
    };
    let wants_json = visitor.is_some() || prefers(headers, "application/json");
    let wants_page = !wants_json && prefers(headers, "text/html");
    let params: Vec<(String, String)> = if text.len() > MOST_BYTES {
        Vec::new()
    } else {
        form_urlencoded::parse(text).into_owned().collect()
    };
    if let (true, Some(Some(connector))) = (wants_page, connector)
        && let Some(from) = where_to_begin(app, connector, &params).await.map_err(broken)?
    {
        return Ok(Box::new(page::render(&Notice::begun_elsewhere(from)).into_response()));
    }
    let cookies = flow_cookie(headers, &params);
    // A path that names no connector can be no flow's.
    let arrival = Arrival {
        connector: connector
            .map(|id| id.unwrap_or(ConnectorId(keyhaven_protocol::id::Id([0; 16])))),
        params,
        cookies,
        visitor,
        origin: origin.clone(),
    };
    let ending = finish_connection(app, arrival).await.map_err(broken)?;
    Ok(Box::new(answer(app, &ending, wants_json, wants_page, origin)))
}

/// The cookie of the flow whose state is among the parameters, whatever the provider calls it.
fn flow_cookie(headers: &HeaderMap, params: &[(String, String)]) -> Vec<(String, Secret)> {
    let hash = params.iter().find_map(|(_, value)| callback::parse_state(value));
    let Some(name) = hash.map(cookie_name) else { return Vec::new() };
    cookies::find(headers, &name).map(|value| (name, value)).into_iter().collect()
}

fn answer(app: &App, ending: &Ending, json: bool, html: bool, origin: &Origin) -> Response {
    let (Some(base), Some(connector)) = (&ending.base, ending.connector) else {
        return nowhere(app, ending, html, origin);
    };
    let origins = &app.settings.return_origins;
    let word = match ending.outcome {
        Finished::Connected(_) => None,
        Finished::Refused(Word::InvalidState) => return nowhere(app, ending, html, origin),
        Finished::Refused(word) => Some(word),
    };
    let target = match (ending.outcome, word) {
        (Finished::Connected(id), _) if ending.unconfirmed => match ticket_for(app, id) {
            Ok(ticket) => {
                format!("{}/connections/{id}/confirm?ticket={ticket}", app.settings.issuer)
            }
            Err(error) => return connector_family::unavailable(&error),
        },
        (outcome, _) if ending.invited => invited_back(app, base, outcome),
        (_, None) => origins.success(base, ending.sharing, connector),
        (_, Some(word)) => origins.failure(base, ending.sharing, word),
    };
    if !json {
        return found(&target);
    }
    no_referrer(reply::ok(&CallbackAnswer {
        redirect_url: &target,
        success: word.is_none(),
        error: word.map(Word::as_str),
        error_message: word.map(message),
    }))
}

/// Where an invitation leads: back to who sent it, or to a page of ours that says how it went.
fn invited_back(app: &App, base: &str, outcome: Finished) -> String {
    let said = match outcome {
        Finished::Connected(id) => ("connection", id.to_string()),
        Finished::Refused(word) => ("error", word.as_str().to_owned()),
    };
    let page = match outcome {
        Finished::Connected(_) => "done",
        Finished::Refused(_) => "failed",
    };
    if base.is_empty() {
        return format!("{}/connect/{page}", app.settings.issuer);
    }
    let mark = if base.contains('?') { '&' } else { '?' };
    format!("{base}{mark}{}={}", said.0, said.1)
}

/// Nobody's callback: there is nowhere to send anybody.
fn nowhere(app: &App, ending: &Ending, html: bool, origin: &Origin) -> Response {
    let word = match ending.outcome {
        Finished::Refused(word) => word,
        Finished::Connected(_) => Word::ServerError,
    };
    let refusal = rule(word.as_str());
    if html {
        return page::refused(app, refusal.into(), origin);
    }
    refused(app, Wrong::BadRequest, message(word), refusal, origin)
}

/// What people are told.
const fn message(word: Word) -> &'static str {
    match word {
        Word::AccessDenied => "Access was denied at the provider",
        Word::MissingParameters => "Code or state is missing",
        Word::InvalidState => "The state is not one of a flow under way",
        Word::FlowExpired => "It took longer than ten minutes, or the link is used. Start again",
        Word::AccountMismatch => "This is another account than the connection's",
        Word::ConnectorMisconfigured => "The connector's credentials do not work",
        Word::InstanceNotFound => "The connector is gone",
        Word::ConfigNotFound => "The connector has no configuration",
        Word::InvalidToken => "The provider gave no usable token",
        Word::ServerError => "It did not work. Start again",
    }
}

/// Whether the first type that a client would take is `wanted`; a type for everything is no wish.
fn prefers(headers: &HeaderMap, wanted: &str) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let first = accept.and_then(|types| types.split(',').next());
    first.is_some_and(|first| first.split(';').next().is_some_and(|name| name.trim() == wanted))
}

fn rule(text: &'static str) -> Refusal {
    Refusal::request(text)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn broken(error: keyhaven_store::Error) -> Box<Response> {
    Box::new(connector_family::unavailable(&error))
}
