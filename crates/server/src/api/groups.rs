//! `/v1/organizations/{organization}/groups` and the members of a group.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use keyhaven_protocol::display_name::{parse_display_name, parse_prose};
use keyhaven_protocol::id::{GroupId, UserId};
use keyhaven_store::Outcome;
use keyhaven_store::groups::{self as room, GroupEdit};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::body::{Members, Strict, set, set_or_removed};
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
    OpenApiRouter::new()
        .routes(routes!(list_groups, create_group))
        .routes(routes!(show_group, update_group, delete_group))
        .routes(routes!(list_group_members))
        .routes(routes!(add_group_member, remove_group_member))
}

/// A group of an organization.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019a2b3c-4d5e-7f60-8123-456789abcdef",
    "organization": "019a2b3c-0000-7f60-8123-456789abcdef",
    "name": "North Clinic", "bio": "Everybody up north", "created_at": 1_764_000_000
}))]
pub struct Group {
    /// Its id.
    pub id: String,
    /// The tenant.
    pub organization: String,
    /// The name people see.
    pub name: String,
    /// A few words about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bio: Option<String>,
    /// When it was created, in seconds since 1970.
    pub created_at: i64,
}

impl From<&room::Group> for Group {
    fn from(group: &room::Group) -> Self {
        Self {
            id: group.id.to_string(),
            organization: group.organization.to_string(),
            name: group.name.clone(),
            bio: group.bio.clone(),
            created_at: group.created_at.0,
        }
    }
}

/// A group to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "North Clinic", "bio": "Everybody up north"}))]
pub struct CreateGroup {
    /// The name people see: 1 to 200 characters.
    name: String,
    /// A few words about it, at most 1000 characters.
    #[serde(default)]
    bio: Option<String>,
}

/// What to change of a group; absent members stay as they are.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"bio": null}))]
pub struct UpdateGroup {
    /// A new name.
    #[serde(deserialize_with = "set")]
    name: Option<String>,
    /// A new bio; `null` removes it.
    #[serde(deserialize_with = "set_or_removed")]
    #[schema(value_type = Option<String>)]
    bio: Option<Option<String>>,
}

/// Somebody in a group.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"user": "019a2b3c-4d5e-7f60-8123-456789abcdef"}))]
pub struct GroupMember {
    /// The user's id.
    pub user: String,
}

/// List groups
///
/// Of one organization, oldest first.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/groups", tag = "groups",
    params(("organization" = String, Path, description = "Id or slug"), PageParams),
    responses((status = 200, description = "A page of groups", body = Listing<Group>), NamedProblems)
)]
async fn list_groups(
    State(app): State<Shared>,
    Tenant(organization): Tenant,
    asked: Asked,
) -> Result<Json<Listing<Group>>, ApiError> {
    let (page, scope) = asked.page(&app, &format!("groups of {}", organization.id), &[])?;
    let listed = app.store.list_groups(organization.id, page).await?;
    Ok(Json(Listing::of(&app, &scope, listed, |group| (&group).into())?))
}

/// Create a group
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/groups", tag = "groups",
    params(("organization" = String, Path, description = "Id or slug"), IdempotencyKey),
    request_body = CreateGroup,
    responses((status = 201, description = "The group", body = Group), CreateProblems)
)]
async fn create_group(
    State(app): State<Shared>,
    Tenant(organization): Tenant,
    request: Once<CreateGroup>,
) -> Result<Response, Ended> {
    let (body, mut once) = request.split();
    let mut members = Members::default();
    let name = members.read("/name", parse_display_name(&body.name));
    let bio = body.bio.and_then(|bio| members.read("/bio", parse_bio(&bio)));
    let Some(name) = name else { return Err(members.refuse().into()) };
    members.finish()?;
    let (id, created_at) = (GroupId(once.act.id()), once.act.now);
    let organization = organization.id;
    let new = room::Group { id, organization, name, bio, created_at };
    let location = format!("/v1/organizations/{organization}/groups/{id}");
    let (act, answer) = once.created(location, &Group::from(&new))?;
    let outcome = app.store.create_group(&new, act).await?;
    Ok(answer.after(outcome, "organization").await?)
}

/// Show a group
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/groups/{group}", tag = "groups",
    params(("organization" = String, Path, description = "Id or slug"), ("group" = String, Path, description = "Id")),
    responses((status = 200, description = "The group", body = Group), NamedProblems)
)]
async fn show_group(
    State(app): State<Shared>,
    Tenant(organization): Tenant,
    Named(group): Named<GroupId>,
) -> Result<Json<Group>, ApiError> {
    let found = app.store.find_group(organization.id, group).await?;
    found.map(|group| Json((&group).into())).ok_or_else(|| ApiError::not_found("group"))
}

/// Change a group
#[utoipa::path(
    patch, path = "/v1/organizations/{organization}/groups/{group}", tag = "groups",
    params(("organization" = String, Path, description = "Id or slug"), ("group" = String, Path, description = "Id")),
    request_body = UpdateGroup,
    responses((status = 200, description = "As it is now", body = Group), ChangeProblems)
)]
async fn update_group(
    State(app): State<Shared>,
    Tenant(organization): Tenant,
    Named(group): Named<GroupId>,
    Deed(act): Deed,
    Strict(body): Strict<UpdateGroup>,
) -> Result<Json<Group>, ApiError> {
    let mut members = Members::default();
    let name = body.name.and_then(|name| members.read("/name", parse_display_name(&name)));
    let bio = match body.bio {
        None => None,
        Some(None) => Some(None),
        Some(Some(bio)) => members.read("/bio", parse_bio(&bio)).map(Some),
    };
    members.finish()?;
    let edit = GroupEdit { name: name.as_deref(), bio: bio.as_ref().map(Option::as_deref) };
    let detail = json!({"name": &name, "bio": &bio}).to_string();
    match app.store.update_group(organization.id, group, edit, &detail, act).await? {
        Outcome::Done => show_group(State(app), Tenant(organization), Named(group)).await,
        other => Err(ApiError::of_outcome(other, "group")),
    }
}

/// Delete a group
///
/// Its clients and members remain, without it.
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/groups/{group}", tag = "groups",
    params(("organization" = String, Path, description = "Id or slug"), ("group" = String, Path, description = "Id")),
    responses((status = 204, description = "It is gone"), NamedProblems)
)]
async fn delete_group(
    State(app): State<Shared>,
    Tenant(organization): Tenant,
    Named(group): Named<GroupId>,
    Deed(act): Deed,
) -> Result<NoContent, ApiError> {
    match app.store.delete_group(organization.id, group, act).await? {
        Outcome::Done => Ok(NoContent),
        other => Err(ApiError::of_outcome(other, "group")),
    }
}

/// List the members of a group
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/groups/{group}/members", tag = "groups",
    params(("organization" = String, Path, description = "Id or slug"), ("group" = String, Path, description = "Id"), PageParams),
    responses((status = 200, description = "A page of members", body = Listing<GroupMember>), NamedProblems)
)]
async fn list_group_members(
    State(app): State<Shared>,
    Tenant(organization): Tenant,
    Named(group): Named<GroupId>,
    asked: Asked,
) -> Result<Json<Listing<GroupMember>>, ApiError> {
    let (page, scope) = asked.page(&app, &format!("members of group {group}"), &[])?;
    let found = app.store.find_group(organization.id, group).await?;
    found.ok_or_else(|| ApiError::not_found("group"))?;
    let listed = app.store.list_group_members(organization.id, group, page).await?;
    let show = |user: UserId| GroupMember { user: user.to_string() };
    Ok(Json(Listing::of(&app, &scope, listed, show)?))
}

/// Put a member into a group
///
/// The user must be a member of the organization. Doing so twice changes nothing.
#[utoipa::path(
    put, path = "/v1/organizations/{organization}/groups/{group}/members/{user}", tag = "groups",
    params(("organization" = String, Path, description = "Id or slug"), ("group" = String, Path, description = "Id"), ("user" = String, Path, description = "Id")),
    responses((status = 204, description = "The user is in the group"), NamedProblems)
)]
async fn add_group_member(
    State(app): State<Shared>,
    Tenant(organization): Tenant,
    Named(group): Named<GroupId>,
    Named(user): Named<UserId>,
    Deed(act): Deed,
) -> Result<NoContent, ApiError> {
    match app.store.add_group_member(organization.id, group, user, act).await? {
        Outcome::Done => Ok(NoContent),
        Outcome::Unknown(..) => Err(ApiError::not_found("member")),
        other => Err(ApiError::of_outcome(other, "group")),
    }
}

/// Take a member out of a group
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/groups/{group}/members/{user}", tag = "groups",
    params(("organization" = String, Path, description = "Id or slug"), ("group" = String, Path, description = "Id"), ("user" = String, Path, description = "Id")),
    responses((status = 204, description = "The user is out of the group"), NamedProblems)
)]
async fn remove_group_member(
    State(app): State<Shared>,
    Tenant(organization): Tenant,
    Named(group): Named<GroupId>,
    Named(user): Named<UserId>,
    Deed(act): Deed,
) -> Result<NoContent, ApiError> {
    match app.store.remove_group_member(organization.id, group, user, act).await? {
        Outcome::Done => Ok(NoContent),
        other => Err(ApiError::of_outcome(other, "member")),
    }
}

fn parse_bio(text: &str) -> Result<String, &'static str> {
    if text.chars().count() > 1000 {
        return Err("a bio has at most 1000 characters");
    }
    parse_prose(text)
}
