//! `/v1/organizations/{organization}/sign-in-policy` and `…/domains`: what an organization asks of
//! those who act in it, and the domains of addresses that are its own.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::{Path, State};
use keyhaven_protocol::email::parse_domain;
use keyhaven_protocol::id::{Id, OrganizationId};
use keyhaven_protocol::sign_in::Demand;
use keyhaven_store::sign_in_policies as room;
use keyhaven_store::{Outcome, Reach};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::administrator::Administrator;
use super::body::{Members, Strict};
use super::deed::Deed;
use super::problems::{ChangeProblems, NamedProblems};
use super::tenant::Tenant;
use crate::app::{App, Shared};
use crate::http::error::ApiError;
use crate::http::reply::NoContent;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(show_sign_in_policy, decide_sign_in_policy))
        .routes(routes!(list_domains))
        .routes(routes!(claim_domain, release_domain))
}

/// What an organization asks.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"demand": "second_factor", "changed_at": 1_764_000_000}))]
pub struct SignInPolicy {
    /// `nothing`, `second_factor`, `passkey` or `upstream`.
    pub demand: &'static str,
    /// The provider that vouches for addresses of its domains.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// When that was decided, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<i64>,
}

/// What an organization shall ask.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"demand": "second_factor"}))]
pub struct DecideSignInPolicy {
    /// `nothing`, `second_factor`, `passkey` or `upstream`.
    demand: String,
    /// With `upstream`: the id of the provider. It is the organization's own or the instance's.
    #[serde(default)]
    upstream: Option<String>,
}

/// The domains an organization has claimed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"items": [{"domain": "example.com", "claimed_at": 1_764_000_000}]}))]
pub struct Domains {
    /// By name.
    pub items: Vec<Domain>,
}

/// A claimed domain.
#[derive(Debug, Serialize, ToSchema)]
pub struct Domain {
    /// In lower case.
    pub domain: String,
    /// Since when, in seconds since 1970.
    pub claimed_at: i64,
}

/// Show a sign-in policy
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/sign-in-policy", tag = "organizations",
    params(("organization" = String, Path, description = "Id or slug")),
    responses((status = 200, description = "What it asks", body = SignInPolicy), NamedProblems)
)]
async fn show_sign_in_policy(
    State(app): State<Shared>,
    Tenant(organization): Tenant,
) -> Result<Json<SignInPolicy>, ApiError> {
    let policy = app.store.find_sign_in_policy(organization.id).await?;
    Ok(Json(SignInPolicy {
        demand: policy.demand.as_str(),
        upstream: policy.upstream.map(|id| id.to_string()),
        changed_at: policy.changed_at.map(|at| at.0),
    }))
}

/// Decide a sign-in policy
///
/// It counts at once: who has proved less is signed in, but cannot act in the organization.
#[utoipa::path(
    put, path = "/v1/organizations/{organization}/sign-in-policy", tag = "organizations",
    params(("organization" = String, Path, description = "Id or slug")),
    request_body = DecideSignInPolicy,
    responses((status = 200, description = "As it is now", body = SignInPolicy), ChangeProblems)
)]
async fn decide_sign_in_policy(
    State(app): State<Shared>,
    Tenant(organization): Tenant,
    Deed(act): Deed,
    Strict(body): Strict<DecideSignInPolicy>,
) -> Result<Json<SignInPolicy>, ApiError> {
    let mut members = Members::default();
    let demand =
        Demand::parse(&body.demand).ok_or("is nothing, second_factor, passkey or upstream");
    let demand = members.read("/demand", demand);
    let upstream = usable_upstream(&app, organization.id, body.upstream.as_deref()).await?;
    let upstream = members.read("/upstream", upstream);
    let (Some(demand), Some(upstream)) = (demand, upstream) else { return Err(members.refuse()) };
    if (demand == Demand::Upstream) != upstream.is_some() {
        return Err(ApiError::member(
            "/upstream",
            "is given with the demand upstream, and only then",
        ));
    }
    let policy = room::SignInPolicy { demand, upstream, changed_at: None };
    match app.store.decide_sign_in_policy(organization.id, &policy, act).await? {
        Outcome::Done => show_sign_in_policy(State(app), Tenant(organization)).await,
        other => Err(ApiError::of_outcome(other, "organization")),
    }
}

/// List claimed domains
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/domains", tag = "organizations",
    params(("organization" = String, Path, description = "Id or slug")),
    responses((status = 200, description = "The domains", body = Domains), NamedProblems)
)]
async fn list_domains(
    State(app): State<Shared>,
    Tenant(organization): Tenant,
) -> Result<Json<Domains>, ApiError> {
    let domains = app.store.list_domains(organization.id).await?;
    let items =
        domains.into_iter().map(|one| Domain { domain: one.domain, claimed_at: one.claimed_at.0 });
    Ok(Json(Domains { items: items.collect() }))
}

/// Claim a domain
///
/// Whoever has an address there belongs to the organization's sign-in policy. Nothing asks the DNS:
/// that the domain is the organization's is the word of the administrator of the instance who calls.
#[utoipa::path(
    put, path = "/v1/organizations/{organization}/domains/{domain}", tag = "organizations",
    params(
        ("organization" = String, Path, description = "Id or slug"),
        ("domain" = String, Path, description = "For example `example.com`")
    ),
    responses((status = 204, description = "It is claimed"), ChangeProblems)
)]
async fn claim_domain(
    State(app): State<Shared>,
    administrator: Administrator,
    Tenant(organization): Tenant,
    Path(path): Path<(String, String)>,
    Deed(act): Deed,
) -> Result<NoContent, ApiError> {
    administrator.of_instance()?;
    let domain = parse_domain(&path.1).map_err(|rule| ApiError::parameter("domain", rule))?;
    match app.store.claim_domain(organization.id, &domain, act).await? {
        Outcome::Done => Ok(NoContent),
        other => Err(ApiError::of_outcome(other, "organization")),
    }
}

/// Release a domain
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/domains/{domain}", tag = "organizations",
    params(
        ("organization" = String, Path, description = "Id or slug"),
        ("domain" = String, Path, description = "For example `example.com`")
    ),
    responses((status = 204, description = "It is nobody's"), NamedProblems)
)]
async fn release_domain(
    State(app): State<Shared>,
    administrator: Administrator,
    Tenant(organization): Tenant,
    Path(path): Path<(String, String)>,
    Deed(act): Deed,
) -> Result<NoContent, ApiError> {
    administrator.of_instance()?;
    let domain = parse_domain(&path.1).map_err(|_| ApiError::not_found("domain"))?;
    match app.store.release_domain(organization.id, &domain, act).await? {
        Outcome::Done => Ok(NoContent),
        other => Err(ApiError::of_outcome(other, "domain")),
    }
}

/// The provider a policy may name: the organization's own, or the instance's.
async fn usable_upstream(
    app: &App,
    organization: OrganizationId,
    text: Option<&str>,
) -> Result<Result<Option<Id>, &'static str>, ApiError> {
    let Some(text) = text else { return Ok(Ok(None)) };
    let Some(id) = Id::parse(text) else { return Ok(Err("is not an id")) };
    let found = app.store.find_upstream(Reach::Instance, id).await?;
    let usable = found.filter(|one| one.organization.is_none_or(|owner| owner == organization));
    Ok(usable.map(|one| Some(one.id)).ok_or("is not there"))
}
