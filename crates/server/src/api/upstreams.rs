//! `/v1/upstreams`: other OpenID providers that people may sign in with. Those of the instance are
//! for everybody; those of an organization for its members and the domains it has claimed.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use keyhaven_protocol::id::{OrganizationId, UpstreamId};
use keyhaven_store::upstream_providers::UpstreamProvider;
use keyhaven_store::{Outcome, Reach};

use super::administrator::Administrator;
use super::body::{Members, Strict};
use super::deed::Deed;
use super::once::{Ended, Once};
use super::page::{Asked, Listing, PageParams};
use super::problems::{
    ChangeProblems, CreateProblems, IdempotencyKey, ListProblems, NamedProblems,
};
use super::tenant::{Named, find_organization};
use crate::app::{App, Shared};
use crate::http::error::ApiError;
use crate::http::reply::NoContent;

mod wire;

pub use wire::{CreateUpstream, UpdateUpstream, Upstream};

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list_upstreams, create_upstream)).routes(routes!(
        show_upstream,
        update_upstream,
        delete_upstream
    ))
}

/// List upstream providers
///
/// Oldest first; an administrator of one organization sees its own.
#[utoipa::path(
    get, path = "/v1/upstreams", tag = "upstreams", params(PageParams),
    responses((status = 200, description = "A page of providers", body = Listing<Upstream>), ListProblems)
)]
async fn list_upstreams(
    State(app): State<Shared>,
    administrator: Administrator,
    asked: Asked,
) -> Result<Json<Listing<Upstream>>, ApiError> {
    let (page, scope) = asked.page(&app, "upstreams", &[])?;
    let listed = app.store.list_upstreams(administrator.reach, page).await?;
    Ok(Json(Listing::of(&app, &scope, listed, |one| Upstream::of(&app, &one))?))
}

/// Add an upstream provider
///
/// The answer names the `redirect_uri` to register there.
#[utoipa::path(
    post, path = "/v1/upstreams", tag = "upstreams", params(IdempotencyKey),
    request_body = CreateUpstream,
    responses((status = 201, description = "The provider", body = Upstream), CreateProblems)
)]
async fn create_upstream(
    State(app): State<Shared>,
    administrator: Administrator,
    request: Once<CreateUpstream>,
) -> Result<Response, Ended> {
    let (body, mut once) = request.split();
    let organization = owner(&app, administrator.reach, body.organization.as_deref()).await?;
    let mut members = Members::default();
    let parsed = body.parse(&mut members);
    let Some(parsed) = parsed else { return Err(members.refuse().into()) };
    members.finish()?;
    let new =
        UpstreamProvider { id: once.act.id(), organization, created_at: once.act.now, ..parsed };
    let location = format!("/v1/upstreams/{}", new.id);
    let (act, answer) = once.created(location, &Upstream::of(&app, &new))?;
    let outcome = app.store.add_upstream(&new, app.dice.bytes(), act).await?;
    Ok(answer.after(outcome, "organization").await?)
}

/// Show an upstream provider
#[utoipa::path(
    get, path = "/v1/upstreams/{upstream}", tag = "upstreams",
    params(("upstream" = String, Path, description = "Id")),
    responses((status = 200, description = "The provider", body = Upstream), NamedProblems)
)]
async fn show_upstream(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(upstream): Named<UpstreamId>,
) -> Result<Json<Upstream>, ApiError> {
    let found = find(&app, administrator.reach, upstream).await?;
    Ok(Json(Upstream::of(&app, &found)))
}

/// Change an upstream provider
///
/// A disabled provider is refused when a sign-in starts and when it comes back.
#[utoipa::path(
    patch, path = "/v1/upstreams/{upstream}", tag = "upstreams",
    params(("upstream" = String, Path, description = "Id")), request_body = UpdateUpstream,
    responses((status = 200, description = "As it is now", body = Upstream), ChangeProblems)
)]
async fn update_upstream(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(upstream): Named<UpstreamId>,
    Deed(act): Deed,
    Strict(body): Strict<UpdateUpstream>,
) -> Result<Json<Upstream>, ApiError> {
    let old = find(&app, administrator.reach, upstream).await?;
    let body = body.parse()?;
    let (edit, detail) = (body.edit(), body.detail());
    let nonce = app.dice.bytes();
    match app.store.update_upstream(&old, edit, nonce, &detail.to_string(), act).await? {
        Outcome::Done => show_upstream(State(app), administrator, Named(upstream)).await,
        other => Err(ApiError::of_outcome(other, "upstream")),
    }
}

/// Delete an upstream provider
///
/// With every link to it. Who has no other way to sign in recovers by mail.
#[utoipa::path(
    delete, path = "/v1/upstreams/{upstream}", tag = "upstreams",
    params(("upstream" = String, Path, description = "Id")),
    responses((status = 204, description = "It is gone"), NamedProblems)
)]
async fn delete_upstream(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(upstream): Named<UpstreamId>,
    Deed(act): Deed,
) -> Result<NoContent, ApiError> {
    let old = find(&app, administrator.reach, upstream).await?;
    match app.store.remove_upstream(&old, act).await? {
        Outcome::Done => Ok(NoContent),
        other => Err(ApiError::of_outcome(other, "upstream")),
    }
}

async fn find(app: &App, reach: Reach, id: UpstreamId) -> Result<UpstreamProvider, ApiError> {
    let found = app.store.find_upstream(reach, id.0).await?;
    found.ok_or_else(|| ApiError::not_found("upstream"))
}

async fn owner(
    app: &App,
    reach: Reach,
    asked: Option<&str>,
) -> Result<Option<OrganizationId>, ApiError> {
    let Some(text) = asked else { return Ok(reach.organization()) };
    let found = find_organization(app, reach, text).await?;
    let found = found.ok_or_else(|| ApiError::member("/organization", "is not there"))?;
    Ok(Some(found.id))
}
