//! `/v1/providers`: how services speak OAuth. The shipped ones are files; an organization may define
//! its own in the same schema, within what the operator lets requests reach.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::State;
use keyhaven_connect::catalogue;
use keyhaven_connect::provider::{
    Kind as ProviderKind, Provider as Definition, RefreshKind, VarSource,
};
use keyhaven_store::{Outcome, Page};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::administrator::Administrator;
use super::body::Strict;
use super::connectors::tenant_of;
use super::deed::Deed;
use super::page::Asked;
use super::problems::{ChangeProblems, ListProblems, NamedProblems};
use super::tenant::{Named, PathId, Tenant};
use crate::app::Shared;
use crate::http::error::{ApiError, Kind};
use crate::http::reply::NoContent;
use crate::vault::provider_of::find_provider;

/// Own providers shown in one list.
const MOST_OWN: u32 = 100;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_providers))
        .routes(routes!(show_provider))
        .routes(routes!(define_provider, delete_provider))
}

/// A provider's key in a path.
pub struct ProviderKey(String);

impl PathId for ProviderKey {
    const NAME: &'static str = "provider";

    fn parse(text: &str) -> Option<Self> {
        let sound =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        ((1..=64).contains(&text.len()) && text.bytes().all(sound)).then(|| Self(text.to_owned()))
    }
}

/// A service that connectors can be made for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "key": "google", "name": "Google", "source": "shipped", "kind": "oauth2", "refresh": "static",
    "vars": [], "tested": ""
}))]
pub struct Provider {
    /// Its key.
    pub key: String,
    /// As people know it.
    pub name: String,
    /// `shipped`, or `organization` for one of the organization's own.
    pub source: &'static str,
    /// What its connections hold: `oauth2`, `api_key` or `basic`.
    pub kind: &'static str,
    /// How its tokens are renewed.
    pub refresh: &'static str,
    /// What a connector must say.
    pub vars: Vec<ProviderVar>,
    /// The day of the last real consent, refresh and revocation; empty until there was one.
    pub tested: String,
    /// What somebody who sets up a connector should know.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A variable of a provider.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProviderVar {
    /// Its name.
    pub name: String,
    /// What to ask for.
    pub title: String,
    /// Whether a connector must say it.
    pub required: bool,
}

impl Provider {
    fn of(definition: &Definition, source: &'static str) -> Self {
        let by_connector =
            definition.vars.iter().filter(|(_, var)| var.from == VarSource::Connector);
        Self {
            key: definition.key.clone(),
            name: definition.name.clone(),
            source,
            kind: match definition.kind {
                ProviderKind::Oauth2 => "oauth2",
                ProviderKind::ApiKey => "api_key",
                ProviderKind::Basic => "basic",
            },
            refresh: match definition.refresh.kind {
                RefreshKind::Static => "static",
                RefreshKind::Rotating => "rotating",
                RefreshKind::Exchange => "exchange",
                RefreshKind::Remint => "remint",
                RefreshKind::None => "none",
            },
            vars: by_connector
                .map(|(name, var)| ProviderVar {
                    name: name.clone(),
                    title: var.title.clone(),
                    required: !var.optional && var.default.is_none(),
                })
                .collect(),
            tested: definition.facts.tested.clone(),
            note: definition.facts.note.clone(),
        }
    }
}

/// All providers an organization can use.
#[derive(Debug, Serialize, ToSchema)]
pub struct Providers {
    /// Its own first, then the shipped ones by key.
    pub items: Vec<Provider>,
}

/// A provider with its whole file.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProviderFile {
    /// The provider.
    #[serde(flatten)]
    pub provider: Provider,
    /// The file: TOML of a shipped one, JSON of an organization's own.
    pub file: String,
}

/// A provider to define.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"definition": {
    "key": "intranet", "name": "Intranet", "authorize": {"url": "https://sso.example/authorize"},
    "token": {"url": "https://sso.example/token"}, "refresh": {"kind": "rotating"}
}}))]
pub struct DefineProvider {
    /// The provider file as JSON, in the schema of the shipped ones.
    #[schema(value_type = Object)]
    definition: Value,
}

/// List providers
///
/// All of them in one answer: the organization's own, and those that ship with the server.
#[utoipa::path(
    get, path = "/v1/providers", tag = "connectors",
    params(("organization" = Option<String>, Query, description = "Id or slug; the caller's own if absent")),
    responses((status = 200, description = "The providers", body = Providers), ListProblems)
)]
async fn list_providers(
    State(app): State<Shared>,
    administrator: Administrator,
    asked: Asked,
) -> Result<Json<Providers>, ApiError> {
    asked.page(&app, "providers", &["organization"])?;
    let mut items = Vec::new();
    let named = asked.text("organization");
    if named.is_some() || administrator.reach.organization().is_some() {
        let tenant = tenant_of(&app, administrator.reach, named).await?;
        let page = Page { after: None, limit: MOST_OWN };
        for own in app.store.list_providers(tenant, page).await?.items {
            if let Some(found) = find_provider(&app, tenant, &own.name).await? {
                items.push(Provider::of(&found, "organization"));
            }
        }
    }
    items.extend(catalogue::list_providers().map(|shipped| Provider::of(shipped, "shipped")));
    Ok(Json(Providers { items }))
}

/// Show a provider
#[utoipa::path(
    get, path = "/v1/providers/{provider}", tag = "connectors",
    params(
        ("provider" = String, Path, description = "Its key"),
        ("organization" = Option<String>, Query, description = "Id or slug; the caller's own if absent")
    ),
    responses((status = 200, description = "The provider and its file", body = ProviderFile), NamedProblems)
)]
async fn show_provider(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(ProviderKey(key)): Named<ProviderKey>,
    asked: Asked,
) -> Result<Json<ProviderFile>, ApiError> {
    if let (Some(shipped), Some(text)) =
        (catalogue::find_provider(&key), catalogue::find_text(&key))
    {
        let provider = Provider::of(shipped, "shipped");
        return Ok(Json(ProviderFile { provider, file: text.to_owned() }));
    }
    let missing = || ApiError::not_found("provider");
    let tenant = tenant_of(&app, administrator.reach, asked.text("organization")).await;
    let tenant = tenant.map_err(|_| missing())?;
    let own = app.store.find_provider(tenant, &key).await?.ok_or_else(missing)?;
    let found = find_provider(&app, tenant, &key).await?.ok_or_else(missing)?;
    let provider = Provider::of(&found, "organization");
    Ok(Json(ProviderFile { provider, file: own.document }))
}

/// Define a provider
///
/// Or define it anew; its connectors follow at once. A shipped provider's key cannot be taken.
#[utoipa::path(
    put, path = "/v1/organizations/{organization}/providers/{provider}", tag = "connectors",
    params(("organization" = String, Path, description = "Id or slug"), ("provider" = String, Path, description = "Its key")),
    request_body = DefineProvider,
    responses((status = 200, description = "As it is now", body = Provider), ChangeProblems)
)]
async fn define_provider(
    State(app): State<Shared>,
    Tenant(organization): Tenant,
    Named(ProviderKey(key)): Named<ProviderKey>,
    Deed(act): Deed,
    Strict(body): Strict<DefineProvider>,
) -> Result<Json<Provider>, ApiError> {
    if catalogue::find_provider(&key).is_some() {
        return Err(ApiError::new(Kind::Conflict, "A shipped provider has this key."));
    }
    let text = body.definition.to_string();
    let definition = Definition::from_json(body.definition, app.outside.egress())
        .map_err(|error| ApiError::member("/definition", error.to_string()))?;
    if definition.key != key {
        return Err(ApiError::member("/definition/key", "is not the key of the path"));
    }
    match app.store.define_provider(organization.id, &key, &text, act).await? {
        Outcome::Done => Ok(Json(Provider::of(&definition, "organization"))),
        other => Err(ApiError::of_outcome(other, "organization")),
    }
}

/// Delete a provider
///
/// One that no connector uses.
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/providers/{provider}", tag = "connectors",
    params(("organization" = String, Path, description = "Id or slug"), ("provider" = String, Path, description = "Its key")),
    responses((status = 204, description = "It is gone"), ChangeProblems)
)]
async fn delete_provider(
    State(app): State<Shared>,
    Tenant(organization): Tenant,
    Named(ProviderKey(key)): Named<ProviderKey>,
    Deed(act): Deed,
) -> Result<NoContent, ApiError> {
    match app.store.delete_provider(organization.id, &key, act).await? {
        Outcome::Done => Ok(NoContent),
        Outcome::Full(_) => Err(ApiError::new(Kind::Conflict, "A connector uses this provider.")),
        other => Err(ApiError::of_outcome(other, "provider")),
    }
}
