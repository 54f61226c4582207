//! `/v1/organizations/{organization}/members`: who belongs to a tenant, and as what.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use keyhaven_protocol::id::UserId;
use keyhaven_store::Outcome;
use keyhaven_store::memberships::{self as room, Role};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::administrator::Administrator;
use super::body::{Members, Strict};
use super::deed::Deed;
use super::once::{Ended, Once};
use super::page::{Asked, Listing, PageParams};
use super::problems::{ChangeProblems, CreateProblems, IdempotencyKey, NamedProblems};
use super::tenant::{Named, Tenant};
use super::users::User;
use crate::app::Shared;
use crate::http::error::ApiError;
use crate::http::reply::NoContent;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list_members, add_member)).routes(routes!(
        show_member,
        change_member_role,
        remove_member
    ))
}

/// A user as a member of an organization.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "user": {
        "id": "019a2b3c-4d5e-7f60-8123-456789abcdef", "email": "ada@example.com",
        "name": "Ada Lovelace", "created_at": 1_764_000_000
    },
    "role": "admin", "created_at": 1_764_000_100
}))]
pub struct Member {
    /// The user.
    pub user: User,
    /// `owner`, `admin` or `member`.
    pub role: &'static str,
    /// Since when, in seconds since 1970.
    pub created_at: i64,
}

impl From<&room::Membership> for Member {
    fn from(membership: &room::Membership) -> Self {
        Self {
            user: (&membership.user).into(),
            role: membership.role.as_str(),
            created_at: membership.created_at.0,
        }
    }
}

/// A user to make a member.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"user": "019a2b3c-4d5e-7f60-8123-456789abcdef", "role": "admin"}))]
pub struct AddMember {
    /// The user's id.
    user: String,
    /// `owner`, `admin` or `member`.
    role: String,
}

/// A member's new role.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"role": "owner"}))]
pub struct ChangeMemberRole {
    /// `owner`, `admin` or `member`.
    role: String,
}

/// List members
///
/// Of one organization, by user id.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/members", tag = "members",
    params(("organization" = String, Path, description = "Id or slug"), PageParams),
    responses((status = 200, description = "A page of members", body = Listing<Member>), NamedProblems)
)]
async fn list_members(
    State(app): State<Shared>,
    Tenant(organization): Tenant,
    asked: Asked,
) -> Result<Json<Listing<Member>>, ApiError> {
    let (page, scope) = asked.page(&app, &format!("members of {}", organization.id), &[])?;
    let listed = app.store.list_members(organization.id, page).await?;
    Ok(Json(Listing::of(&app, &scope, listed, |member| (&member).into())?))
}

/// Add a member
///
/// The user must be within the caller's reach: an administrator of the organization cannot draw
/// people of other tenants into it.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/members", tag = "members",
    params(("organization" = String, Path, description = "Id or slug"), IdempotencyKey),
    request_body = AddMember,
    responses((status = 201, description = "The member", body = Member), CreateProblems)
)]
async fn add_member(
    State(app): State<Shared>,
    administrator: Administrator,
    Tenant(organization): Tenant,
    request: Once<AddMember>,
) -> Result<Response, Ended> {
    let (body, once) = request.split();
    let mut members = Members::default();
    let role = members.read("/role", parse_role(&body.role));
    let user = members.read("/user", UserId::parse(&body.user).ok_or("is not an id"));
    let (Some(role), Some(user)) = (role, user) else { return Err(members.refuse().into()) };
    let found = app.store.find_user(administrator.reach, user).await?;
    let user = found.ok_or_else(|| ApiError::member("/user", "is not there"))?;
    let id = user.id;
    let new = room::Membership { user, role, created_at: once.act.now };
    let location = format!("/v1/organizations/{}/members/{id}", organization.id);
    let (act, answer) = once.created(location, &Member::from(&new))?;
    let outcome = app.store.add_member(organization.id, id, role, act).await?;
    Ok(answer.after(outcome, "organization").await?)
}

/// Show a member
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/members/{user}", tag = "members",
    params(("organization" = String, Path, description = "Id or slug"), ("user" = String, Path, description = "Id")),
    responses((status = 200, description = "The member", body = Member), NamedProblems)
)]
async fn show_member(
    State(app): State<Shared>,
    Tenant(organization): Tenant,
    Named(user): Named<UserId>,
) -> Result<Json<Member>, ApiError> {
    let found = app.store.find_member(organization.id, user).await?;
    found.map(|member| Json((&member).into())).ok_or_else(|| ApiError::not_found("member"))
}

/// Change a member's role
#[utoipa::path(
    patch, path = "/v1/organizations/{organization}/members/{user}", tag = "members",
    params(("organization" = String, Path, description = "Id or slug"), ("user" = String, Path, description = "Id")),
    request_body = ChangeMemberRole,
    responses((status = 200, description = "As it is now", body = Member), ChangeProblems)
)]
async fn change_member_role(
    State(app): State<Shared>,
    Tenant(organization): Tenant,
    Named(user): Named<UserId>,
    Deed(act): Deed,
    Strict(body): Strict<ChangeMemberRole>,
) -> Result<Json<Member>, ApiError> {
    let role = parse_role(&body.role).map_err(|rule| ApiError::member("/role", rule))?;
    match app.store.change_role(organization.id, user, role, act).await? {
        Outcome::Done => show_member(State(app), Tenant(organization), Named(user)).await,
        other => Err(ApiError::of_outcome(other, "member")),
    }
}

/// Remove a member
///
/// The user leaves the organization's groups too, and what the user granted there is revoked.
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/members/{user}", tag = "members",
    params(("organization" = String, Path, description = "Id or slug"), ("user" = String, Path, description = "Id")),
    responses((status = 204, description = "No member any more"), NamedProblems)
)]
async fn remove_member(
    State(app): State<Shared>,
    Tenant(organization): Tenant,
    Named(user): Named<UserId>,
    Deed(act): Deed,
) -> Result<NoContent, ApiError> {
    match app.store.remove_member(organization.id, user, act).await? {
        Outcome::Done => Ok(NoContent),
        other => Err(ApiError::of_outcome(other, "member")),
    }
}

fn parse_role(word: &str) -> Result<Role, &'static str> {
    Role::parse(word).ok_or("is owner, admin or member")
}
