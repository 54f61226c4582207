//! `/v1/organizations`: the tenants.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use keyhaven_protocol::display_name::parse_display_name;
use keyhaven_protocol::id::OrganizationId;
use keyhaven_protocol::slug::parse_slug;
use keyhaven_store::Outcome;
use keyhaven_store::organizations::{self as room, OrganizationEdit, Power};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::administrator::Administrator;
use super::body::{Members, Strict, set};
use super::deed::Deed;
use super::once::{Ended, Once};
use super::page::{Asked, Listing, PageParams};
use super::problems::{
    ChangeProblems, CreateProblems, IdempotencyKey, ListProblems, NamedProblems,
};
use super::tenant::Tenant;
use crate::app::Shared;
use crate::http::error::ApiError;
use crate::http::reply::NoContent;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list_organizations, create_organization)).routes(routes!(
        show_organization,
        update_organization,
        delete_organization
    ))
}

/// A tenant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019a2b3c-4d5e-7f60-8123-456789abcdef", "name": "Acme", "slug": "acme",
    "created_at": 1_764_000_000
}))]
pub struct Organization {
    /// Its id.
    pub id: String,
    /// The name people see.
    pub name: String,
    /// The unique short name; paths take it in place of the id.
    pub slug: String,
    /// When it was created, in seconds since 1970.
    pub created_at: i64,
    /// Since when it is disabled: none of its clients may act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<i64>,
}

impl From<&room::Organization> for Organization {
    fn from(organization: &room::Organization) -> Self {
        Self {
            id: organization.id.to_string(),
            name: organization.name.clone(),
            slug: organization.slug.clone(),
            created_at: organization.created_at.0,
            disabled_at: organization.disabled_at.map(|at| at.0),
        }
    }
}

/// A tenant to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Acme", "slug": "acme"}))]
pub struct CreateOrganization {
    /// The name people see: 1 to 200 characters.
    name: String,
    /// Lower-case letters, digits and single hyphens, at most 63; unique.
    slug: String,
}

/// What to change of a tenant; absent members stay as they are.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"name": "Acme Health"}))]
pub struct UpdateOrganization {
    /// A new name.
    #[serde(deserialize_with = "set")]
    name: Option<String>,
    /// A new slug. The old one is free for others at once.
    #[serde(deserialize_with = "set")]
    slug: Option<String>,
    /// `true` stops everything the tenant holds, `false` lets it act again. For administrators of
    /// the instance.
    #[serde(deserialize_with = "set")]
    disabled: Option<bool>,
}

/// List organizations
///
/// Oldest first; an administrator of one organization sees that one.
#[utoipa::path(
    get, path = "/v1/organizations", tag = "organizations", params(PageParams),
    responses((status = 200, description = "A page of organizations", body = Listing<Organization>), ListProblems)
)]
async fn list_organizations(
    State(app): State<Shared>,
    administrator: Administrator,
    asked: Asked,
) -> Result<Json<Listing<Organization>>, ApiError> {
    let (page, scope) = asked.page(&app, "organizations", &[])?;
    let listed = app.store.list_organizations(administrator.reach, page).await?;
    Ok(Json(Listing::of(&app, &scope, listed, |organization| (&organization).into())?))
}

/// Create an organization
///
/// For administrators of the instance.
#[utoipa::path(
    post, path = "/v1/organizations", tag = "organizations", params(IdempotencyKey),
    request_body = CreateOrganization,
    responses((status = 201, description = "The organization", body = Organization), CreateProblems)
)]
async fn create_organization(
    State(app): State<Shared>,
    administrator: Administrator,
    request: Once<CreateOrganization>,
) -> Result<Response, Ended> {
    administrator.of_instance()?;
    let (body, mut once) = request.split();
    let mut members = Members::default();
    let name = members.read("/name", parse_display_name(&body.name));
    let slug = members.read("/slug", parse_slug(&body.slug));
    let (Some(name), Some(slug)) = (name, slug) else { return Err(members.refuse().into()) };
    let id = OrganizationId(once.act.id());
    let created_at = once.act.now;
    let new = room::Organization { id, name, slug, created_at, disabled_at: None };
    let (act, answer) =
        once.created(format!("/v1/organizations/{id}"), &Organization::from(&new))?;
    let outcome = app.store.create_organization(&new, act).await?;
    Ok(answer.after(outcome, "organization").await?)
}

/// Show an organization
#[utoipa::path(
    get, path = "/v1/organizations/{organization}", tag = "organizations",
    params(("organization" = String, Path, description = "Id or slug")),
    responses((status = 200, description = "The organization", body = Organization), NamedProblems)
)]
async fn show_organization(Tenant(organization): Tenant) -> Json<Organization> {
    Json((&organization).into())
}

/// Change an organization
#[utoipa::path(
    patch, path = "/v1/organizations/{organization}", tag = "organizations",
    params(("organization" = String, Path, description = "Id or slug")), request_body = UpdateOrganization,
    responses((status = 200, description = "As it is now", body = Organization), ChangeProblems)
)]
async fn update_organization(
    State(app): State<Shared>,
    administrator: Administrator,
    Tenant(organization): Tenant,
    Deed(act): Deed,
    Strict(body): Strict<UpdateOrganization>,
) -> Result<Json<Organization>, ApiError> {
    if body.disabled.is_some() {
        administrator.of_instance()?;
    }
    let mut members = Members::default();
    let name = body.name.and_then(|name| members.read("/name", parse_display_name(&name)));
    let slug = body.slug.and_then(|slug| members.read("/slug", parse_slug(&slug)));
    members.finish()?;
    let standing = body.disabled.map(power);
    let detail = json!({"name": &name, "slug": &slug, "disabled": body.disabled}).to_string();
    let edit = OrganizationEdit { name: name.as_deref(), slug: slug.as_deref(), standing };
    let outcome = app.store.update_organization(organization.id, edit, &detail, act).await?;
    if outcome != Outcome::Done {
        return Err(ApiError::of_outcome(outcome, "organization"));
    }
    let found = app.store.find_organization(administrator.reach, organization.id).await?;
    found.map(|now| Json((&now).into())).ok_or_else(|| ApiError::not_found("organization"))
}

/// Delete an organization
///
/// With everything in it: projects, groups, memberships, clients and what those hold. For
/// administrators of the instance.
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}", tag = "organizations",
    params(("organization" = String, Path, description = "Id or slug")),
    responses((status = 204, description = "It is gone"), ChangeProblems)
)]
async fn delete_organization(
    State(app): State<Shared>,
    administrator: Administrator,
    Tenant(organization): Tenant,
    Deed(act): Deed,
) -> Result<NoContent, ApiError> {
    administrator.of_instance()?;
    match app.store.delete_organization(organization.id, act).await? {
        Outcome::Done => Ok(NoContent),
        other => Err(ApiError::of_outcome(other, "organization")),
    }
}

/// What `disabled` asks for.
pub(super) const fn power(disabled: bool) -> Power {
    if disabled { Power::Disabled } else { Power::Enabled }
}
