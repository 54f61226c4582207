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
use keyhaven_protocol::scope::Scopes;
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::{parse_borrowed, read_bytes};
use super::checked::{Checked, CheckedCredential};
use super::problems::CheckProblems;
use super::usage::{UsageCost, UsedFrom};
use crate::app::{App, Origin, Shared};
use crate::http::error::ApiError;
use crate::http::{rate_limit, reply};
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
    #[schema(value_type = String, extensions(("x-sdk-secret" = json!(true))))]
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
            let described = CheckedCredential::of(&app, &checked);
            let mut response = reply::ok_written(described.written());
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
