//! `/v1/users`: people. An administrator of one organization sees its members only; creating,
//! changing and deleting people is for administrators of the instance, because a person may belong
//! to several organizations and an address must not tell one tenant of another.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use keyhaven_protocol::display_name::parse_display_name;
use keyhaven_protocol::email::parse_email;
use keyhaven_protocol::id::UserId;
use keyhaven_store::users::{self as room, UserEdit};
use keyhaven_store::{Listed, Outcome};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::administrator::Administrator;
use super::body::{Members, Strict, set};
use super::deed::Deed;
use super::once::{Ended, Once};
use super::organizations::power;
use super::page::{Asked, Listing, PageParams};
use super::problems::{
    ChangeProblems, CreateProblems, IdempotencyKey, ListProblems, NamedProblems,
};
use super::tenant::Named;
use crate::app::Shared;
use crate::http::error::ApiError;
use crate::http::reply::NoContent;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list_users, create_user)).routes(routes!(
        show_user,
        update_user,
        delete_user
    ))
}

/// A person.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019a2b3c-4d5e-7f60-8123-456789abcdef", "email": "ada@example.com",
    "name": "Ada Lovelace", "created_at": 1_764_000_000
}))]
pub struct User {
    /// The user's id: the identity, unlike the address.
    pub id: String,
    /// The address in its canonical form.
    pub email: String,
    /// The name people see.
    pub name: String,
    /// When the user was created, in seconds since 1970.
    pub created_at: i64,
    /// Since when the user may not act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<i64>,
}

impl From<&room::User> for User {
    fn from(user: &room::User) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email.clone(),
            name: user.name.clone(),
            created_at: user.created_at.0,
            disabled_at: user.disabled_at.map(|at| at.0),
        }
    }
}

/// A person to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "ada@example.com", "name": "Ada Lovelace"}))]
pub struct CreateUser {
    /// The address; case does not matter, it is unique.
    email: String,
    /// The name people see: 1 to 200 characters.
    name: String,
}

/// What to change of a person; absent members stay as they are.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"disabled": true}))]
pub struct UpdateUser {
    /// A new address.
    #[serde(deserialize_with = "set")]
    email: Option<String>,
    /// A new name.
    #[serde(deserialize_with = "set")]
    name: Option<String>,
    /// `true` stops the user, `false` lets them act again.
    #[serde(deserialize_with = "set")]
    disabled: Option<bool>,
}

/// How lists of people can be narrowed.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what the handler reads")]
struct UserFilters {
    /// Only the person with this address.
    email: Option<String>,
}

/// List users
///
/// Oldest first; an administrator of one organization sees its members.
#[utoipa::path(
    get, path = "/v1/users", tag = "users", params(PageParams, UserFilters),
    responses((status = 200, description = "A page of users", body = Listing<User>), ListProblems)
)]
async fn list_users(
    State(app): State<Shared>,
    administrator: Administrator,
    asked: Asked,
) -> Result<Json<Listing<User>>, ApiError> {
    let (page, scope) = asked.page(&app, "users", &["email"])?;
    let listed = match asked.text("email") {
        None => app.store.list_users(administrator.reach, page).await?,
        Some(text) => {
            let email = parse_email(text).map_err(|rule| ApiError::parameter("email", rule))?;
            let found = app.store.find_user_by_email(administrator.reach, &email).await?;
            Listed { items: found.into_iter().collect(), next: None }
        }
    };
    Ok(Json(Listing::of(&app, &scope, listed, |user| (&user).into())?))
}

/// Create a user
///
/// For administrators of the instance.
#[utoipa::path(
    post, path = "/v1/users", tag = "users", params(IdempotencyKey), request_body = CreateUser,
    responses((status = 201, description = "The user", body = User), CreateProblems)
)]
async fn create_user(
    State(app): State<Shared>,
    administrator: Administrator,
    request: Once<CreateUser>,
) -> Result<Response, Ended> {
    administrator.of_instance()?;
    let (body, mut once) = request.split();
    let mut members = Members::default();
    let email = members.read("/email", parse_email(&body.email));
    let name = members.read("/name", parse_display_name(&body.name));
    let (Some(email), Some(name)) = (email, name) else { return Err(members.refuse().into()) };
    let (id, created_at) = (UserId(once.act.id()), once.act.now);
    let new = room::User { id, email, name, created_at, disabled_at: None };
    let (act, answer) = once.created(format!("/v1/users/{id}"), &User::from(&new))?;
    let outcome = app.store.create_user(&new, act).await?;
    Ok(answer.after(outcome, "user").await?)
}

/// Show a user
#[utoipa::path(
    get, path = "/v1/users/{user}", tag = "users",
    params(("user" = String, Path, description = "Id")),
    responses((status = 200, description = "The user", body = User), NamedProblems)
)]
async fn show_user(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(user): Named<UserId>,
) -> Result<Json<User>, ApiError> {
    let found = app.store.find_user(administrator.reach, user).await?;
    found.map(|user| Json((&user).into())).ok_or_else(|| ApiError::not_found("user"))
}

/// Change a user
///
/// For administrators of the instance.
#[utoipa::path(
    patch, path = "/v1/users/{user}", tag = "users",
    params(("user" = String, Path, description = "Id")), request_body = UpdateUser,
    responses((status = 200, description = "As it is now", body = User), ChangeProblems)
)]
async fn update_user(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(user): Named<UserId>,
    Deed(act): Deed,
    Strict(body): Strict<UpdateUser>,
) -> Result<Json<User>, ApiError> {
    let visible = app.store.find_user(administrator.reach, user).await?;
    visible.ok_or_else(|| ApiError::not_found("user"))?;
    administrator.of_instance()?;
    let mut members = Members::default();
    let email = body.email.and_then(|email| members.read("/email", parse_email(&email)));
    let name = body.name.and_then(|name| members.read("/name", parse_display_name(&name)));
    members.finish()?;
    let standing = body.disabled.map(power);
    let detail = json!({"email": &email, "name": &name, "disabled": body.disabled}).to_string();
    let edit = UserEdit { email: email.as_deref(), name: name.as_deref(), standing };
    match app.store.update_user(user, edit, &detail, act).await? {
        Outcome::Done => show_user(State(app), administrator, Named(user)).await,
        other => Err(ApiError::of_outcome(other, "user")),
    }
}

/// Delete a user
///
/// With every membership and every grant the user gave. For administrators of the instance.
#[utoipa::path(
    delete, path = "/v1/users/{user}", tag = "users",
    params(("user" = String, Path, description = "Id")),
    responses((status = 204, description = "The user is gone"), NamedProblems)
)]
async fn delete_user(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(user): Named<UserId>,
    Deed(act): Deed,
) -> Result<NoContent, ApiError> {
    let visible = app.store.find_user(administrator.reach, user).await?;
    visible.ok_or_else(|| ApiError::not_found("user"))?;
    administrator.of_instance()?;
    match app.store.delete_user(user, act).await? {
        Outcome::Done => Ok(NoContent),
        other => Err(ApiError::of_outcome(other, "user")),
    }
}
