//! `/v1/forward-auth`: the check for proxies (nginx `auth_request`, Traefik, Caddy, Envoy). The
//! proxy sends the bearer's `Authorization` here and lets the request through on 200.
//!
//! It believes nothing the proxy repeats of the original request: `X-Forwarded-*` and
//! `X-Original-*` can be the attacker's own headers (A62), so what is needed is in our own query.
//! Every header of a good answer is always there, if only empty, so that a proxy which copies them
//! also overwrites what a client sent under the same name.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::extract::{Request, State};
use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use keyhaven_protocol::params::Params;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::scope::Scopes;
use utoipa::IntoParams;

use crate::app::{App, Origin, Shared};
use crate::http::{bearer, rate_limit, refusal, reply};
use crate::key_limits::Limit;
use crate::operations::check::{CallerOf, Credential, Need, Principal, check};
use crate::operations::{Failure, keys};

/// The routes of this resource. The document has GET; a proxy repeats the method it was asked with,
/// so any is answered.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .describe(routes!(forward_auth))
        .route("/v1/forward-auth", axum::routing::any(forward_auth))
        .route("/v1/forward-auth/{*asked}", axum::routing::any(forward_auth_below))
}

/// What the proxied request needs.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what the handler reads")]
struct ForwardAuthNeed {
    /// Scopes the bearer's token must have, space-separated.
    scopes: Option<String>,
    /// The audience the bearer's token must be for.
    audience: Option<String>,
    /// `403` answers 403 where the answer would be 429, for nginx, which knows 401 and 403 only.
    refuse: Option<String>,
}

/// Check the bearer of a proxied request
///
/// Reads `Authorization: Bearer …` and nothing else of the original request. Any method is answered
/// alike. There is no caller authentication: holding the credential is the proof.
#[utoipa::path(
    get, path = "/v1/forward-auth", tag = "check", security(()), params(ForwardAuthNeed),
    responses(
        (status = 200, description = "Let it through", headers(
            ("X-Auth-Subject" = String, description = "Whom the token speaks for"),
            ("X-Auth-Client" = String, description = "The client it was issued to; empty for a session"),
            ("X-Auth-User" = String, description = "The user it speaks for; empty for a client's own, and for a pairwise subject"),
            ("X-Auth-Project" = String, description = "The project; empty when none was chosen"),
            ("X-Auth-Organization" = String, description = "The tenant; empty for the instance"),
            ("X-Auth-Scopes" = String, description = "What it opens, space-separated"),
            ("X-Auth-Token-Id" = String, description = "Its id"),
            ("X-Auth-Expires" = i64, description = "When it ends, in seconds since 1970; empty for a key without an end"),
        )),
        (status = 400, description = "The query is not one of ours"),
        (status = 401, description = "No token, or one that does not count; WWW-Authenticate says so"),
        (status = 403, description = "The token lacks a scope, or a key may not be used from there"),
        (status = 429, description = "A rate limit of the key is used up"),
        (status = 503, description = "Not possible right now, try again"),
    )
)]
async fn forward_auth(State(app): State<Shared>, request: Request) -> Response {
    let query = request.uri().query().map(str::to_owned);
    let asked = query.as_deref().map_or(Ok(Asked::default()), Asked::parse);
    answer(&app, request, asked).await
}

/// As above, for proxies that append the request's own path and query (Envoy): neither is looked at.
async fn forward_auth_below(State(app): State<Shared>, request: Request) -> Response {
    answer(&app, request, Ok(Asked::default())).await
}

async fn answer(app: &App, request: Request, asked: Result<Asked, Refusal>) -> Response {
    let (mut parts, _) = request.into_parts();
    let origin = Origin::of(&mut parts, app);
    let plain = asked.as_ref().is_ok_and(|asked| asked.plain);
    let resolved = match asked {
        Ok(asked) => resolve(app, &parts.headers, asked.need, &origin).await,
        Err(refusal) => Err(refusal.into()),
    };
    let principal = match resolved {
        Ok(principal) => principal,
        Err(failure) => return refuse(app, failure, plain, &origin),
    };
    let (limits, paced) = pace_if_key(app, &principal);
    let mut response = match paced {
        Ok(()) => {
            let mut response = reply::empty();
            describe(&principal, response.headers_mut());
            response
        }
        Err(failure) => refuse(app, failure, plain, &origin),
    };
    rate_limit::describe(&limits, response.headers_mut());
    response
}

/// Keeps the request out, and says why in a word for whoever configures the proxy.
fn refuse(app: &App, failure: Failure, plain: bool, origin: &Origin) -> Response {
    let word = match &failure {
        Failure::Storage(_) => "temporarily_unavailable",
        Failure::Refused(refused) => refused.refusal.code.as_str(),
    };
    let mut response = if plain {
        refusal::bearer_plainly(app, failure, origin)
    } else {
        refusal::bearer(app, failure, origin)
    };
    response.headers_mut().insert("x-auth-reason", HeaderValue::from_static(word));
    response
}

/// A key has rate limits of its own; a use that comes through a proxy counts.
fn pace_if_key(app: &App, principal: &Principal) -> (Vec<Limit>, Result<(), Failure>) {
    match &principal.credential {
        Credential::Key(known) => keys::pace(app, known),
        _ => (Vec::new(), Ok(())),
    }
}

async fn resolve(
    app: &App,
    headers: &HeaderMap,
    mut need: Need,
    origin: &Origin,
) -> Result<Principal, Failure> {
    need_more(headers, &mut need)?;
    let page = headers.get(ORIGIN).and_then(|value| value.to_str().ok()).map(str::to_owned);
    need.caller = Some(CallerOf { origin: page, address: Some(origin.address) });
    check(app, bearer::token(headers)?, &need).await
}

/// What our own query asks for.
#[derive(Default)]
struct Asked {
    need: Need,
    /// Whether refusals are told as 401 and 403 only.
    plain: bool,
}

impl Asked {
    /// A parameter with a typing error must not mean "nothing is needed".
    fn parse(query: &str) -> Result<Self, Refusal> {
        let params = Params::parse_form(query.as_bytes())
            .map_err(|error| Refusal::request(error.reason().into_owned()))?;
        if params.iter().any(|(name, _)| !["scopes", "audience", "refuse"].contains(&name)) {
            return Err(Refusal::request("the query takes scopes, audience and refuse only"));
        }
        let plain = match params.get("refuse") {
            None => false,
            Some("403") => true,
            Some(_) => return Err(Refusal::request("refuse is 403").on("refuse")),
        };
        let scopes = Scopes::parse(params.get("scopes").unwrap_or_default());
        let scopes = scopes.map_err(|rule| Refusal::request(rule).on("scopes"))?;
        let audience = params.get("audience").map(str::to_owned);
        Ok(Self { need: Need { scopes, audience, ..Need::default() }, plain })
    }
}

/// A proxy may ask for more scopes in a header. So may the caller: it only narrows.
fn need_more(headers: &HeaderMap, need: &mut Need) -> Result<(), Refusal> {
    for value in headers.get_all("x-auth-need-scopes") {
        let text =
            value.to_str().map_err(|_| Refusal::request("X-Auth-Need-Scopes is not ASCII"))?;
        let more = Scopes::parse(text).map_err(|rule| Refusal::request(rule).on("scopes"))?;
        let all = format!("{} {more}", need.scopes);
        need.scopes = Scopes::parse(all.trim()).map_err(Refusal::request)?;
    }
    Ok(())
}

fn describe(principal: &Principal, headers: &mut HeaderMap) {
    let text = |id: Option<String>| id.unwrap_or_default();
    let client = principal.client.as_ref().map(|client| client.public_id.as_str());
    let texts = [
        ("x-auth-subject", &*principal.subject()),
        ("x-auth-client", client.unwrap_or_default()),
        ("x-auth-user", &text(principal.told_user().map(|id| id.to_string()))),
        ("x-auth-organization", &text(principal.organization().map(|id| id.to_string()))),
        ("x-auth-project", &text(principal.project().map(|id| id.to_string()))),
        ("x-auth-scopes", principal.scopes().as_str()),
        ("x-auth-token-id", &principal.id().to_string()),
    ];
    for (name, text) in texts {
        // What cannot be a header value is said to be nothing, never left to the client.
        let value = HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
        headers.insert(HeaderName::from_static(name), value);
    }
    let ends = principal.expires_at().map_or(HeaderValue::from_static(""), |at| at.0.into());
    headers.insert(HeaderName::from_static("x-auth-expires"), ends);
}
