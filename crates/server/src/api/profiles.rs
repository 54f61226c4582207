//! `/v1/users/{user}/profile`: what claims tell about a person (OpenID Connect Core §5.1) beyond what
//! the account itself says. Written by administrators of the instance.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::State;
use keyhaven_protocol::id::UserId;
use keyhaven_protocol::person::Person;
use keyhaven_store::Outcome;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::administrator::Administrator;
use super::body::Strict;
use super::deed::Deed;
use super::problems::{ChangeProblems, NamedProblems};
use super::tenant::Named;
use crate::app::{App, Shared};
use crate::http::error::ApiError;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(show_user_profile, write_user_profile))
}

/// The claims of a person that an administrator writes. `sub`, `email`, `email_verified` and
/// `updated_at` follow from the account. Texts have 1 to 500 bytes.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({
    "given_name": "Ada", "family_name": "Lovelace", "locale": "en-GB",
    "address": {"locality": "London", "country": "GB"}
}))]
pub struct Profile {
    /// The full name; the account's name where there is none here.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Surname or surnames.
    #[serde(skip_serializing_if = "Option::is_none")]
    family_name: Option<String>,
    /// First name or names.
    #[serde(skip_serializing_if = "Option::is_none")]
    given_name: Option<String>,
    /// Middle name or names.
    #[serde(skip_serializing_if = "Option::is_none")]
    middle_name: Option<String>,
    /// What friends say.
    #[serde(skip_serializing_if = "Option::is_none")]
    nickname: Option<String>,
    /// The short name the person would like to go by. Not unique, and no identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<String>,
    /// A page about the person: https.
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    /// A picture of the person: https.
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<String>,
    /// The person's own page: https.
    #[serde(skip_serializing_if = "Option::is_none")]
    website: Option<String>,
    /// `female`, `male`, or another word.
    #[serde(skip_serializing_if = "Option::is_none")]
    gender: Option<String>,
    /// `YYYY-MM-DD`, `0000-MM-DD` or `YYYY`.
    #[serde(skip_serializing_if = "Option::is_none")]
    birthdate: Option<String>,
    /// A time zone of the IANA database, such as `Europe/Paris`.
    #[serde(skip_serializing_if = "Option::is_none")]
    zoneinfo: Option<String>,
    /// A language (RFC 5646), such as `en-GB`.
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<String>,
    /// A number in E.164 form, which begins with `+`.
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number: Option<String>,
    /// Whether somebody made sure that the number is the person's.
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number_verified: Option<bool>,
    /// A postal address.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<Address>,
}

/// A postal address (OpenID Connect Core §5.1.1).
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Address {
    /// The whole address as one would write it on a letter; lines end with `\n`.
    #[serde(skip_serializing_if = "Option::is_none")]
    formatted: Option<String>,
    /// House and street; may have several lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    street_address: Option<String>,
    /// City.
    #[serde(skip_serializing_if = "Option::is_none")]
    locality: Option<String>,
    /// State, province or region.
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    /// Postal code.
    #[serde(skip_serializing_if = "Option::is_none")]
    postal_code: Option<String>,
    /// Country.
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
}

/// Show a user's profile
#[utoipa::path(
    get, path = "/v1/users/{user}/profile", tag = "users",
    params(("user" = String, Path, description = "Id")),
    responses((status = 200, description = "The profile", body = Profile), NamedProblems)
)]
async fn show_user_profile(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(user): Named<UserId>,
) -> Result<Json<Profile>, ApiError> {
    let visible = app.store.find_user(administrator.reach, user).await?;
    visible.ok_or_else(|| ApiError::not_found("user"))?;
    Ok(Json(find(&app, user).await?))
}

/// Write a user's profile
///
/// Replaces the whole profile: a claim that is absent is forgotten. For administrators of the
/// instance.
#[utoipa::path(
    put, path = "/v1/users/{user}/profile", tag = "users",
    params(("user" = String, Path, description = "Id")), request_body = Profile,
    responses((status = 200, description = "As it is now", body = Profile), ChangeProblems)
)]
async fn write_user_profile(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(user): Named<UserId>,
    Deed(act): Deed,
    Strict(body): Strict<Profile>,
) -> Result<Json<Profile>, ApiError> {
    let visible = app.store.find_user(administrator.reach, user).await?;
    visible.ok_or_else(|| ApiError::not_found("user"))?;
    administrator.of_instance()?;
    let claims = Person::parse(&members(&body))
        .map_err(|(name, rule)| ApiError::member(format!("/{name}"), rule))?;
    match app.store.write_profile(user, &claims, act).await? {
        Outcome::Done => Ok(Json(find(&app, user).await?)),
        other => Err(ApiError::of_outcome(other, "user")),
    }
}

async fn find(app: &App, user: UserId) -> Result<Profile, ApiError> {
    let found = app.store.find_profile(user).await?.ok_or_else(|| ApiError::not_found("user"))?;
    let claims: Map<String, Value> =
        found.claims.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    serde_json::from_value(Value::Object(claims))
        .map_err(|_| keyhaven_store::Error::broken("profiles.claims has a claim we never wrote"))
        .map_err(ApiError::from)
}

/// The claims that were sent.
fn members(profile: &Profile) -> Map<String, Value> {
    match serde_json::to_value(profile) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}
