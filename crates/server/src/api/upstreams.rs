//! `/v1/upstreams`: other OpenID providers that people may sign in with. Those of the instance are
//! for everybody; those of an organization for its members and the domains it has claimed.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use keyhaven_protocol::display_name::parse_display_name;
use keyhaven_protocol::id::{OrganizationId, UpstreamId};
use keyhaven_protocol::scope::Scopes;
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::upstream::admission::Admits;
use keyhaven_protocol::upstream::preset::{Preset, parse_issuer};
use keyhaven_store::upstream_providers::{UpstreamEdit, UpstreamProvider};
use keyhaven_store::{Outcome, Reach};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::administrator::Administrator;
use super::body::{Members, Strict, set};
use super::deed::Deed;
use super::once::{Ended, Once};
use super::organizations::power;
use super::page::{Asked, Listing, PageParams};
use super::problems::{
    ChangeProblems, CreateProblems, IdempotencyKey, ListProblems, NamedProblems,
};
use super::tenant::{Named, find_organization};
use crate::app::{App, Shared};
use crate::http::error::ApiError;
use crate::http::reply::NoContent;
use crate::operations::upstream_sign_in::redirect_uri;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list_upstreams, create_upstream)).routes(routes!(
        show_upstream,
        update_upstream,
        delete_upstream
    ))
}

/// A provider people may sign in with.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019a2b3c-4d5e-7f60-8123-456789abcdef", "name": "Google", "preset": "google",
    "issuer": "https://accounts.google.com", "client_id": "1234.apps.googleusercontent.com",
    "scope": "openid profile email", "admits": "nobody",
    "redirect_uri": "https://auth.example.com/login/with/019a2b3c-4d5e-7f60-8123-456789abcdef/callback",
    "created_at": 1_764_000_000
}))]
pub struct Upstream {
    /// Its id.
    pub id: String,
    /// The organization whose provider it is; absent for the whole instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// The name on its button.
    pub name: String,
    /// `generic`, `google`, `github`, `microsoft` or `gitlab`.
    pub preset: &'static str,
    /// Its issuer.
    pub issuer: String,
    /// Who we are there.
    pub client_id: String,
    /// What is asked for, separated by spaces.
    pub scope: String,
    /// Whom it may bring in: `nobody` but those who linked it, or `newcomers` too.
    pub admits: &'static str,
    /// What must be registered there as our redirect URI.
    pub redirect_uri: String,
    /// When it was added, in seconds since 1970.
    pub created_at: i64,
    /// Since when nobody signs in with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<i64>,
}

impl Upstream {
    fn of(app: &App, provider: &UpstreamProvider) -> Self {
        Self {
            id: provider.id.to_string(),
            organization: provider.organization.map(|id| id.to_string()),
            name: provider.name.clone(),
            preset: provider.preset.as_str(),
            issuer: provider.issuer.clone(),
            client_id: provider.client_id.clone(),
            scope: provider.scopes.clone(),
            admits: provider.admits.as_str(),
            redirect_uri: redirect_uri(app, provider.id),
            created_at: provider.created_at.0,
            disabled_at: provider.disabled_at.map(|at| at.0),
        }
    }
}

/// A provider to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "preset": "google", "client_id": "1234.apps.googleusercontent.com", "client_secret": "…"
}))]
pub struct CreateUpstream {
    /// `generic` (then `issuer` and `name` are needed), `google`, `github`, `microsoft` (then
    /// `issuer` is needed: `https://login.microsoftonline.com/TENANT/v2.0`) or `gitlab`.
    preset: String,
    /// Its issuer, exactly as its metadata says it. Never changes.
    #[serde(default)]
    issuer: Option<String>,
    /// The name on its button; presets have one.
    #[serde(default)]
    name: Option<String>,
    /// Who we are there.
    client_id: String,
    /// Our secret there. Kept sealed and never shown again.
    #[serde(default)]
    client_secret: Option<String>,
    /// What to ask for; presets know.
    #[serde(default)]
    scope: Option<String>,
    /// `nobody` (the default) or `newcomers`.
    #[serde(default)]
    admits: Option<String>,
    /// Whose it is: id or slug. Absent: the caller's organization, or the instance.
    #[serde(default)]
    organization: Option<String>,
}

/// What to change of a provider; absent members stay as they are.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"disabled": true}))]
pub struct UpdateUpstream {
    /// Another name.
    #[serde(deserialize_with = "set")]
    name: Option<String>,
    /// Another client there.
    #[serde(deserialize_with = "set")]
    client_id: Option<String>,
    /// A new secret.
    #[serde(deserialize_with = "set")]
    client_secret: Option<String>,
    /// What to ask for.
    #[serde(deserialize_with = "set")]
    scope: Option<String>,
    /// `nobody` or `newcomers`.
    #[serde(deserialize_with = "set")]
    admits: Option<String>,
    /// `true`: nobody signs in with it until it is enabled again.
    #[serde(deserialize_with = "set")]
    disabled: Option<bool>,
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
    let mut members = Members::default();
    let name = body.name.and_then(|name| members.read("/name", parse_display_name(&name)));
    let client_id = body.client_id.and_then(|id| members.read("/client_id", parse_client_id(&id)));
    let secret =
        body.client_secret.and_then(|text| members.read("/client_secret", parse_secret(&text)));
    let scopes = body.scope.and_then(|scope| members.read("/scope", parse_scope(&scope)));
    let admits = body.admits.and_then(|word| members.read("/admits", parse_admits(&word)));
    members.finish()?;
    let detail = json!({
        "name": &name, "client_id": &client_id, "client_secret": secret.as_ref().map(|_| "new"),
        "scope": &scopes, "admits": admits.map(Admits::as_str), "disabled": body.disabled,
    });
    let edit = UpstreamEdit {
        name: name.as_deref(),
        client_id: client_id.as_deref(),
        client_secret: secret.as_ref(),
        scopes: scopes.as_deref(),
        admits,
        standing: body.disabled.map(power),
    };
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

impl CreateUpstream {
    /// The provider the body describes, without id, owner and time.
    fn parse(&self, members: &mut Members) -> Option<UpstreamProvider> {
        let preset = members.read("/preset", parse_preset(&self.preset))?;
        let issuer = members.read("/issuer", self.issuer(preset));
        let name = self.name.as_deref().or(preset.label());
        let name = name.ok_or("is required").and_then(parse_display_name);
        let name = members.read("/name", name);
        let client_id = members.read("/client_id", parse_client_id(&self.client_id));
        let scope = self.scope.as_deref().unwrap_or(preset.scopes());
        let scopes = members.read("/scope", parse_scope(scope));
        let secret = self.client_secret.as_deref().map(parse_secret).transpose();
        let client_secret = members.read("/client_secret", secret);
        let admits = self.admits.as_deref().map(parse_admits).transpose();
        let admits = members.read("/admits", admits);
        Some(UpstreamProvider {
            id: keyhaven_protocol::id::Id([0; 16]),
            organization: None,
            name: name?,
            preset,
            issuer: issuer?,
            client_id: client_id?,
            client_secret: client_secret?,
            scopes: scopes?,
            admits: admits?.unwrap_or_default(),
            created_at: keyhaven_protocol::time::Timestamp(0),
            disabled_at: None,
            revision: 1,
        })
    }

    /// A preset's own issuer; GitLab may be somebody's own, GitHub and Google are where they are.
    fn issuer(&self, preset: Preset) -> Result<String, &'static str> {
        match (self.issuer.as_deref(), preset.issuer()) {
            (None, Some(known)) => Ok(known.to_owned()),
            (None, None) => Err("is required for this preset"),
            (Some(text), Some(known)) if preset != Preset::Gitlab && text != known => {
                Err("is another than the preset's: use generic")
            }
            (Some(text), _) => parse_issuer(text).map(str::to_owned),
        }
    }
}

fn parse_preset(word: &str) -> Result<Preset, &'static str> {
    Preset::parse(word).ok_or("is generic, google, github, microsoft or gitlab")
}

fn parse_admits(word: &str) -> Result<Admits, &'static str> {
    Admits::parse(word).ok_or("is nobody or newcomers")
}

fn parse_scope(text: &str) -> Result<String, &'static str> {
    let scopes = Scopes::parse(text).map_err(|_| "is a list of scopes separated by spaces")?;
    Ok(scopes.as_str().to_owned())
}

fn parse_client_id(text: &str) -> Result<String, &'static str> {
    visible(text, "is 1 to 512 visible ASCII characters").map(str::to_owned)
}

fn parse_secret(text: &str) -> Result<Secret, &'static str> {
    visible(text, "is 1 to 512 visible ASCII characters").map(Secret::from)
}

fn visible<'a>(text: &'a str, rule: &'static str) -> Result<&'a str, &'static str> {
    let fine = (1..=512).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if fine { Ok(text) } else { Err(rule) }
}
