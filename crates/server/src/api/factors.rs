//! `/v1/users/{user}/factors`: the ways a person signs in beside the password, and taking them away
//! for somebody who has lost them. Administrators never see a secret of them.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::{Path, State};
use keyhaven_protocol::id::{Id, UserId};
use keyhaven_store::Outcome;
use keyhaven_store::sessions::ending_others;
use keyhaven_store::users::User;
use serde::Serialize;
use utoipa::ToSchema;

use super::administrator::Administrator;
use super::deed::Deed;
use super::problems::NamedProblems;
use super::tenant::Named;
use crate::app::{App, Shared};
use crate::http::error::ApiError;
use crate::http::reply::NoContent;
use crate::mail::letter::Notice;
use crate::operations::notify;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list_user_factors)).routes(routes!(remove_user_factor))
}

/// How a person signs in beside the password.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "items": [
        {"id": "totp", "method": "totp", "created_at": 1_764_000_000, "used_at": 1_764_000_100},
        {"id": "019a2b3c-4d5e-7f60-8123-456789abcdef", "method": "passkey", "name": "Ada's phone",
         "created_at": 1_764_000_000},
        {"id": "recovery-codes", "method": "recovery_code", "left": 9, "created_at": 1_764_000_000}
    ]
}))]
pub struct Factors {
    /// Each of them.
    pub items: Vec<Factor>,
}

/// One way to sign in.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Factor {
    /// Its id: `totp`, `recovery-codes`, or the id of a passkey or link.
    pub id: String,
    /// `totp`, `recovery_code`, `passkey` or `upstream`.
    pub method: &'static str,
    /// What its owner calls it, or the issuer of a link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Recovery codes that were not used yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<i64>,
    /// When it was set up, in seconds since 1970.
    pub created_at: i64,
    /// When it was used last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_at: Option<i64>,
}

/// List a user's factors
///
/// Without any secret of them.
#[utoipa::path(
    get, path = "/v1/users/{user}/factors", tag = "users",
    params(("user" = String, Path, description = "Id")),
    responses((status = 200, description = "The factors", body = Factors), NamedProblems)
)]
async fn list_user_factors(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(user): Named<UserId>,
) -> Result<Json<Factors>, ApiError> {
    let user = visible(&app, &administrator, user).await?;
    Ok(Json(Factors { items: gather(&app, user.id).await? }))
}

/// Remove a user's factor
///
/// For somebody who has lost it. The user is told by mail, and their sessions end. For administrators
/// of the instance.
#[utoipa::path(
    delete, path = "/v1/users/{user}/factors/{factor}", tag = "users",
    params(
        ("user" = String, Path, description = "Id"),
        ("factor" = String, Path, description = "`totp`, `recovery-codes`, or the id of a passkey or link")
    ),
    responses((status = 204, description = "It is gone"), NamedProblems)
)]
async fn remove_user_factor(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(user): Named<UserId>,
    Path(path): Path<(String, String)>,
    Deed(mut act): Deed,
) -> Result<NoContent, ApiError> {
    let user = visible(&app, &administrator, user).await?;
    administrator.of_instance()?;
    let told = notify::notice(&app, &user.email, Notice::FactorsReset)?;
    let told = told.and(ending_others(user.id, None, &mut act));
    let store = &app.store;
    let factor = path.1;
    let outcome = match (factor.as_str(), Id::parse(&factor)) {
        ("totp", _) => store.remove_totp(user.id, told, act).await?,
        ("recovery-codes", _) => store.remove_recovery_codes(user.id, told, act).await?,
        (_, Some(id)) if is_passkey(&app, user.id, id).await? => {
            store.remove_passkey(user.id, id, told, act).await?
        }
        (_, Some(id)) => store.unlink_upstream(user.id, id, told, act).await?,
        (_, None) => Outcome::Absent,
    };
    match outcome {
        Outcome::Done => Ok(NoContent),
        other => Err(ApiError::of_outcome(other, "factor")),
    }
}

async fn visible(app: &App, administrator: &Administrator, user: UserId) -> Result<User, ApiError> {
    let found = app.store.find_user(administrator.reach, user).await?;
    found.ok_or_else(|| ApiError::not_found("user"))
}

async fn is_passkey(app: &App, user: UserId, id: Id) -> Result<bool, ApiError> {
    Ok(app.store.list_passkeys(user).await?.iter().any(|passkey| passkey.id == id))
}

async fn gather(app: &App, user: UserId) -> Result<Vec<Factor>, ApiError> {
    let mut items = Vec::new();
    if let Some(totp) = app.store.find_totp(user).await?
        && let Some(confirmed_at) = totp.confirmed_at
    {
        items.push(Factor {
            id: "totp".into(),
            method: "totp",
            created_at: confirmed_at.0,
            used_at: totp.used_at.map(|at| at.0),
            ..Factor::default()
        });
    }
    items.extend(app.store.list_passkeys(user).await?.into_iter().map(|passkey| Factor {
        id: passkey.id.to_string(),
        method: "passkey",
        name: Some(passkey.name),
        left: None,
        created_at: passkey.created_at.0,
        used_at: passkey.used_at.map(|at| at.0),
    }));
    let codes = app.store.count_recovery_codes(user).await?;
    if let Some(made_at) = codes.made_at {
        items.push(Factor {
            id: "recovery-codes".into(),
            method: "recovery_code",
            left: Some(codes.left),
            created_at: made_at.0,
            ..Factor::default()
        });
    }
    let links = app.store.list_upstream_identities(user).await?;
    items.extend(links.into_iter().map(|link| Factor {
        id: link.id.to_string(),
        method: "upstream",
        name: Some(link.issuer),
        left: None,
        created_at: link.created_at.0,
        used_at: link.used_at.map(|at| at.0),
    }));
    Ok(items)
}
