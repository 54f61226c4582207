//! `/v1/organizations/{organization}/projects`.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use keyhaven_protocol::display_name::parse_display_name;
use keyhaven_protocol::id::ProjectId;
use keyhaven_protocol::slug::parse_slug;
use keyhaven_store::Outcome;
use keyhaven_store::projects::{self as room, ProjectEdit};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::body::{Members, Strict, set};
use super::deed::Deed;
use super::once::{Ended, Once};
use super::page::{Asked, Listing, PageParams};
use super::problems::{ChangeProblems, CreateProblems, IdempotencyKey, NamedProblems};
use super::tenant::{Named, Tenant};
use crate::app::Shared;
use crate::http::error::ApiError;
use crate::http::reply::NoContent;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list_projects, create_project)).routes(routes!(
        show_project,
        update_project,
        delete_project
    ))
}

/// A project of an organization.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019a2b3c-4d5e-7f60-8123-456789abcdef",
    "organization": "019a2b3c-0000-7f60-8123-456789abcdef",
    "name": "Production", "slug": "production", "created_at": 1_764_000_000
}))]
pub struct Project {
    /// Its id.
    pub id: String,
    /// The tenant.
    pub organization: String,
    /// The name people see.
    pub name: String,
    /// The short name, unique within the organization.
    pub slug: String,
    /// When it was created, in seconds since 1970.
    pub created_at: i64,
}

impl From<&room::Project> for Project {
    fn from(project: &room::Project) -> Self {
        Self {
            id: project.id.to_string(),
            organization: project.organization.to_string(),
            name: project.name.clone(),
            slug: project.slug.clone(),
            created_at: project.created_at.0,
        }
    }
}

/// A project to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Production", "slug": "production"}))]
pub struct CreateProject {
    /// The name people see: 1 to 200 characters.
    name: String,
    /// Lower-case letters, digits and single hyphens, at most 63; unique within the organization.
    slug: String,
}

/// What to change of a project; absent members stay as they are.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"name": "Production EU"}))]
pub struct UpdateProject {
    /// A new name.
    #[serde(deserialize_with = "set")]
    name: Option<String>,
    /// A new slug.
    #[serde(deserialize_with = "set")]
    slug: Option<String>,
}

/// List projects
///
/// Of one organization, oldest first.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/projects", tag = "projects",
    params(("organization" = String, Path, description = "Id or slug"), PageParams),
    responses((status = 200, description = "A page of projects", body = Listing<Project>), NamedProblems)
)]
async fn list_projects(
    State(app): State<Shared>,
    Tenant(organization): Tenant,
    asked: Asked,
) -> Result<Json<Listing<Project>>, ApiError> {
    let (page, scope) = asked.page(&app, &format!("projects of {}", organization.id), &[])?;
    let listed = app.store.list_projects(organization.id, page).await?;
    Ok(Json(Listing::of(&app, &scope, listed, |project| (&project).into())?))
}

/// Create a project
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/projects", tag = "projects",
    params(("organization" = String, Path, description = "Id or slug"), IdempotencyKey),
    request_body = CreateProject,
    responses((status = 201, description = "The project", body = Project), CreateProblems)
)]
async fn create_project(
    State(app): State<Shared>,
    Tenant(organization): Tenant,
    request: Once<CreateProject>,
) -> Result<Response, Ended> {
    let (body, mut once) = request.split();
    let mut members = Members::default();
    let name = members.read("/name", parse_display_name(&body.name));
    let slug = members.read("/slug", parse_slug(&body.slug));
    let (Some(name), Some(slug)) = (name, slug) else { return Err(members.refuse().into()) };
    let (id, created_at) = (ProjectId(once.act.id()), once.act.now);
    let organization = organization.id;
    let new = room::Project { id, organization, name, slug, created_at };
    let location = format!("/v1/organizations/{organization}/projects/{id}");
    let (act, answer) = once.created(location, &Project::from(&new))?;
    let outcome = app.store.create_project(&new, act).await?;
    Ok(answer.after(outcome, "organization").await?)
}

/// Show a project
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/projects/{project}", tag = "projects",
    params(("organization" = String, Path, description = "Id or slug"), ("project" = String, Path, description = "Id")),
    responses((status = 200, description = "The project", body = Project), NamedProblems)
)]
async fn show_project(
    State(app): State<Shared>,
    Tenant(organization): Tenant,
    Named(project): Named<ProjectId>,
) -> Result<Json<Project>, ApiError> {
    let found = app.store.find_project(organization.id, project).await?;
    found.map(|project| Json((&project).into())).ok_or_else(|| ApiError::not_found("project"))
}

/// Change a project
#[utoipa::path(
    patch, path = "/v1/organizations/{organization}/projects/{project}", tag = "projects",
    params(("organization" = String, Path, description = "Id or slug"), ("project" = String, Path, description = "Id")),
    request_body = UpdateProject,
    responses((status = 200, description = "As it is now", body = Project), ChangeProblems)
)]
async fn update_project(
    State(app): State<Shared>,
    Tenant(organization): Tenant,
    Named(project): Named<ProjectId>,
    Deed(act): Deed,
    Strict(body): Strict<UpdateProject>,
) -> Result<Json<Project>, ApiError> {
    let mut members = Members::default();
    let name = body.name.and_then(|name| members.read("/name", parse_display_name(&name)));
    let slug = body.slug.and_then(|slug| members.read("/slug", parse_slug(&slug)));
    members.finish()?;
    let edit = ProjectEdit { name: name.as_deref(), slug: slug.as_deref() };
    let detail = json!({"name": &name, "slug": &slug}).to_string();
    match app.store.update_project(organization.id, project, edit, &detail, act).await? {
        Outcome::Done => show_project(State(app), Tenant(organization), Named(project)).await,
        other => Err(ApiError::of_outcome(other, "project")),
    }
}

/// Delete a project
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/projects/{project}", tag = "projects",
    params(("organization" = String, Path, description = "Id or slug"), ("project" = String, Path, description = "Id")),
    responses((status = 204, description = "It is gone"), NamedProblems)
)]
async fn delete_project(
    State(app): State<Shared>,
    Tenant(organization): Tenant,
    Named(project): Named<ProjectId>,
    Deed(act): Deed,
) -> Result<NoContent, ApiError> {
    match app.store.delete_project(organization.id, project, act).await? {
        Outcome::Done => Ok(NoContent),
        other => Err(ApiError::of_outcome(other, "project")),
    }
}
