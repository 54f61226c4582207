//! `POST /v1/check`: whose is this credential and does it stand? The same question that our own
//! endpoints ask (`operations/check.rs`), for the APIs behind us.
//!
//! There is no caller authentication: holding the credential is the proof, and whoever holds it
//! could use it anyway. On the hot path nothing but the answer is allocated.

use std::borrow::Cow;

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::extract::{Request, State};
use axum::response::Response;
use keyhaven_protocol::budget::Budget as Balance;
use keyhaven_protocol::id::{GrantId, GroupId, Id, OrganizationId, ProjectId, UserId};
use keyhaven_protocol::scope::Scopes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{parse_borrowed, read_bytes};
use super::budgets::Budget;
use super::problems::CheckProblems;
use super::usage::{UsageCost, UsedFrom};
use crate::app::{App, Origin, Shared};
use crate::http::error::ApiError;
use crate::http::{rate_limit, reply};
use crate::key_limits::Limit;
use crate::operations::check::{Credential, Need, Principal, check};
use crate::operations::keys;
use crate::operations::metering::{Cost, would_fit};

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(check_credential))
}

/// A credential, and what it is needed for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "credential": "kh_access_0AbCdEfGhIjKlMnOpQrStU…",
    "need": {"scopes": "accounts.read", "audience": "https://api.example.com"}
}))]
pub struct CheckRequest<'a> {
    /// Any credential we issue, as its bearer sent it.
    #[serde(borrow)]
    #[schema(value_type = String)]
    credential: Cow<'a, str>,
    /// What it must be good for beyond being alive.
    #[serde(borrow, default)]
    need: Option<CheckNeed<'a>>,
    /// Where it was used, for keys that say where they may be.
    #[serde(default)]
    from: Option<UsedFrom>,
}

/// What a credential must be good for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckNeed<'a> {
    /// Scopes it must have, space-separated.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    scopes: Option<Cow<'a, str>>,
    /// The audience it must be for.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    audience: Option<Cow<'a, str>>,
    /// What a use of the key costs: it must fit every budget, as they are now.
    #[serde(default)]
    cost: Option<UsageCost>,
}

/// What a live credential resolves to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "active": true, "kind": "access_token", "format": "jwt",
    "id": "019a2b3c-4d5e-7f60-8123-456789abcdef",
    "client_id": "kh_client_0AbCdEfGhIjKlMnOpQrStU", "subject": "kh_client_0AbCdEfGhIjKlMnOpQrStU",
    "organization": "019a2b3c-0000-7f60-8123-456789abcdef", "scopes": "accounts.read",
    "audience": "https://auth.example.com", "issued_at": 1_764_000_000, "expires_at": 1_764_000_600
}))]
pub struct CheckedCredential<'a> {
    /// Always `true`; what is not alive is refused.
    active: bool,
    /// What it is: `access_token`, `session` or `key`.
    kind: &'static str,
    /// What it is made of: `jwt` or `opaque`.
    format: &'static str,
    /// Its id; the `jti` of a JWT.
    #[schema(value_type = String)]
    id: Id,
    /// The client it was issued to; a session has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    /// Whom it speaks for.
    subject: Cow<'a, str>,
    /// The user it speaks for; absent when a client speaks for itself, and where `subject` is the
    /// pairwise name by which a client knows them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    user: Option<UserId>,
    /// The tenant it acts in; absent for the instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    organization: Option<OrganizationId>,
    /// The project it acts in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    project: Option<ProjectId>,
    /// The groups of the tenant that its user is in.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(value_type = Vec<String>)]
    groups: &'a [GroupId],
    /// What it opens, space-separated.
    scopes: &'a str,
    /// Where it is good; absent for a key, which is good at every API behind this server.
    #[serde(skip_serializing_if = "str::is_empty")]
    audience: &'a str,
    /// When it was issued, in seconds since 1970.
    issued_at: i64,
    /// When it ends, in seconds since 1970; absent for a key without an end.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
    /// The grant it hangs on; absent when it stands on its client's own authority.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    grant: Option<GrantId>,
    /// The name of a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    /// How far the rate limits of a key are used up, this use included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rate_limits: Vec<CheckedRateLimit<'a>>,
    /// The budgets of a key that count the needed cost, from the key upwards.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    budgets: Vec<Budget>,
}

/// A rate limit of a checked key.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckedRateLimit<'a> {
    /// Its name.
    #[schema(example = "burst")]
    name: &'a str,
    /// How many uses.
    limit: u64,
    /// In how many seconds.
    window: u64,
    /// How many are left.
    remaining: u64,
    /// Seconds until all are there again.
    resets_in: u64,
}

/// A credential that counts, and for a key how far it goes.
struct Checked {
    principal: Principal,
    limits: Vec<Limit>,
    budgets: Vec<Balance>,
}

/// Check a credential
///
/// The principal of any credential we issue, or why it does not count: 401 `invalid_token` for one
/// that is dead or unknown, 403 `insufficient_scope` for one that lives but does not reach so far.
/// A key may also be refused with 402 when a budget does not have the needed cost left, with 403 when
/// it may not be used from there, and with 429 when a rate limit is used up; each check counts as a
/// use. Nothing is charged here: that is `/v1/usage/charge`, which checks as well. The caller needs no credential of its own: holding the one it asks about is the proof.
#[utoipa::path(
    post, path = "/v1/check", tag = "check", security(()), request_body = CheckRequest,
    responses((status = 200, description = "It counts", body = CheckedCredential), CheckProblems)
)]
async fn check_credential(State(app): State<Shared>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let answer = match read_bytes(body).await {
        Ok(bytes) => resolve(&app, &parts.headers, &bytes).await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(checked) => {
            let mut response = reply::ok(&CheckedCredential::of(&app, &checked));
            rate_limit::describe(&checked.limits, response.headers_mut());
            response
        }
        Err(error) => {
            let origin = Origin::of(&mut parts, &app);
            super::settle(&app, &error, &origin, parts.uri.path())
        }
    }
}

async fn resolve(
    app: &App,
    headers: &axum::http::HeaderMap,
    bytes: &[u8],
) -> Result<Checked, ApiError> {
    let request: CheckRequest<'_> = parse_borrowed(headers, bytes)?;
    let mut need = match &request.need {
        None => Need::default(),
        Some(need) => need.parse()?,
    };
    need.caller = request.from.as_ref().map(UsedFrom::read).transpose()?;
    let cost = request.need.as_ref().and_then(|need| need.cost.as_ref());
    let cost = cost.map(|cost| cost.read("/need/cost")).transpose()?;
    let principal = check(app, &request.credential, &need).await.map_err(ApiError::of_checked)?;
    afford(app, principal, cost).await
}

/// What only keys have: rate limits, and budgets that a cost must fit.
async fn afford(app: &App, principal: Principal, cost: Option<Cost>) -> Result<Checked, ApiError> {
    let Credential::Key(known) = &principal.credential else {
        return match cost {
            None => Ok(Checked { principal, limits: Vec::new(), budgets: Vec::new() }),
            Some(_) => Err(ApiError::member("/need/cost", "only keys have budgets")),
        };
    };
    let known = known.clone();
    let (limits, paced) = keys::pace(app, &known);
    if let Err(failure) = paced {
        return Err(ApiError::of_checked(failure).limited(limits));
    }
    let budgets = match &cost {
        None => Vec::new(),
        Some(cost) => match would_fit(app, &known, cost).await {
            Ok(budgets) => budgets,
            Err(failure) => return Err(ApiError::of_checked(failure).limited(limits)),
        },
    };
    Ok(Checked { principal, limits, budgets })
}

impl CheckNeed<'_> {
    fn parse(&self) -> Result<Need, ApiError> {
        let scopes = self.scopes.as_deref().map_or(Ok(Scopes::default()), Scopes::parse);
        let scopes = scopes.map_err(|rule| ApiError::member("/need/scopes", rule))?;
        let audience = self.audience.as_deref().map(str::to_owned);
        Ok(Need { scopes, audience, ..Need::default() })
    }
}

impl<'a> CheckedCredential<'a> {
    fn of(app: &'a App, checked: &'a Checked) -> Self {
        let (principal, now) = (&checked.principal, app.clock.now());
        let label = match &principal.credential {
            Credential::Key(known) => Some(known.key.label.as_str()),
            _ => None,
        };
        Self {
            active: true,
            kind: principal.kind(),
            format: principal.format(),
            id: principal.id(),
            client_id: principal.client.as_ref().map(|client| client.public_id.as_str()),
            subject: principal.subject(),
            user: principal.told_user(),
            organization: principal.organization(),
            project: principal.project(),
            groups: principal.groups(),
            scopes: principal.scopes().as_str(),
            audience: principal.audience(app),
            issued_at: principal.issued_at().0,
            expires_at: principal.expires_at().map(|at| at.0),
            grant: principal.grant(),
            label,
            rate_limits: checked.limits.iter().map(CheckedRateLimit::of).collect(),
            budgets: checked.budgets.iter().map(|budget| Budget::at(budget, now)).collect(),
        }
    }
}

impl<'a> CheckedRateLimit<'a> {
    fn of(limit: &'a Limit) -> Self {
        Self {
            name: &limit.name,
            limit: limit.most,
            window: limit.window,
            remaining: limit.remaining,
            resets_in: limit.resets_in,
        }
    }
}
