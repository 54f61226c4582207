//! Letting people in: sign-in tickets, the history of somebody's sign-ins, and requiring a new
//! password. Whatever can sign somebody in is for administrators of the instance: a person may
//! belong to several organizations, and none of them owns the account.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use keyhaven_protocol::email::parse_email;
use keyhaven_protocol::id::UserId;
use keyhaven_store::Outcome;
use keyhaven_store::audit::Recorded;
use keyhaven_store::one_time_codes::Purpose;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::administrator::Administrator;
use super::deed::Deed;
use super::once::{Ended, Once};
use super::page::{Asked, Listing, PageParams};
use super::problems::{CreateProblems, IdempotencyKey, NamedProblems};
use super::tenant::Named;
use crate::app::Shared;
use crate::http::error::ApiError;
use crate::http::reply::NoContent;
use crate::operations::accounts::mint_code;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(create_ticket))
        .routes(routes!(list_user_sign_ins))
        .routes(routes!(require_password_reset))
}

/// Whose ticket.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"user": "019a2b3c-4d5e-7f60-8123-456789abcdef"}))]
pub struct CreateTicket {
    /// The user that the caller has authenticated: id or address.
    user: String,
}

/// A sign-in ticket, shown once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"shared_token": "kh_once_0AbCdEf…", "expires_at": 1_764_000_060}))]
pub struct Ticket {
    /// What the browser brings to `/rpc/auth.callback` as `shared_token`.
    #[schema(extensions(("x-sdk-secret" = json!(true))))]
    pub shared_token: String,
    /// When it ends, in seconds since 1970.
    pub expires_at: i64,
}

/// Create a sign-in ticket
///
/// For a trusted backend that has authenticated the user itself: whoever brings the ticket within a
/// minute is signed in as them, once. For administrators of the instance.
#[utoipa::path(
    post, path = "/v1/tickets", tag = "sign-in", params(IdempotencyKey), request_body = CreateTicket,
    responses((status = 201, description = "The ticket", body = Ticket), CreateProblems)
)]
async fn create_ticket(
    State(app): State<Shared>,
    administrator: Administrator,
    request: Once<CreateTicket>,
) -> Result<Response, Ended> {
    administrator.of_instance()?;
    let (body, once) = request.split();
    let found = match UserId::parse(&body.user) {
        Some(id) => app.store.find_user(administrator.reach, id).await?,
        None => {
            let email = parse_email(&body.user);
            let email = email.map_err(|_| ApiError::member("/user", "is no id and no address"))?;
            app.store.find_user_by_email(administrator.reach, &email).await?
        }
    };
    let found = found.ok_or_else(|| ApiError::member("/user", "is not there"))?;
    let (mut code, text) = mint_code(&app, Purpose::Ticket);
    code.user = Some(found.id);
    let answer = Ticket { shared_token: text.reveal().to_owned(), expires_at: code.expires_at.0 };
    let (act, answer) = once.created(format!("/v1/tickets/{}", code.id), &answer)?;
    let outcome = app.store.keep_one_time_code(&code, "ticket.created", act).await?;
    Ok(answer.after(outcome, "ticket").await?)
}

/// Something in the history of a person's sign-ins.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "at": 1_764_000_000, "what": "sign_in.failed", "actor": "visitor",
    "detail": {"method": "password", "reason": "wrong password", "address": "192.0.2.7"}
}))]
pub struct SignIn {
    /// When, in seconds since 1970.
    pub at: i64,
    /// `session.begun`, `session.ended`, `sessions.ended` or `sign_in.failed`.
    pub what: String,
    /// Who did it.
    pub actor: String,
    /// The method, the address, the session and, of a failure, the rule.
    #[schema(value_type = Object)]
    pub detail: serde_json::Value,
}

impl From<Recorded> for SignIn {
    fn from(recorded: Recorded) -> Self {
        let Recorded { at, entry, .. } = recorded;
        let detail = serde_json::from_str(&entry.detail);
        let detail = detail.unwrap_or(serde_json::Value::String(entry.detail));
        Self { at: at.0, what: entry.action, actor: entry.actor, detail }
    }
}

/// List a user's sign-ins
///
/// Newest first, failed ones included, as long as the audit is kept. For administrators of the
/// instance.
#[utoipa::path(
    get, path = "/v1/users/{user}/sign-ins", tag = "sign-in",
    params(("user" = String, Path, description = "Id"), PageParams),
    responses((status = 200, description = "A page of the history", body = Listing<SignIn>), NamedProblems)
)]
async fn list_user_sign_ins(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(user): Named<UserId>,
    asked: Asked,
) -> Result<Json<Listing<SignIn>>, ApiError> {
    let visible = app.store.find_user(administrator.reach, user).await?;
    visible.ok_or_else(|| ApiError::not_found("user"))?;
    administrator.of_instance()?;
    let (page, scope) = asked.page(&app, "sign-ins", &[])?;
    let listed = app.store.list_sign_ins(user, page).await?;
    Ok(Json(Listing::of(&app, &scope, listed, SignIn::from)?))
}

/// Require a new password
///
/// The user's password stops working and every session ends; the next one is chosen by a recovery
/// link. Second factors stay. For administrators of the instance.
#[utoipa::path(
    post, path = "/v1/users/{user}/require-reset", tag = "sign-in",
    params(("user" = String, Path, description = "Id")),
    responses((status = 204, description = "It is required"), NamedProblems)
)]
async fn require_password_reset(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(user): Named<UserId>,
    Deed(act): Deed,
) -> Result<NoContent, ApiError> {
    let visible = app.store.find_user(administrator.reach, user).await?;
    visible.ok_or_else(|| ApiError::not_found("user"))?;
    administrator.of_instance()?;
    match app.store.require_reset(user, act).await? {
        Outcome::Done => Ok(NoContent),
        other => Err(ApiError::of_outcome(other, "user")),
    }
}
