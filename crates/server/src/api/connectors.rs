//! `/v1/connectors`: a provider and one app registered there. A client secret is write-only: what is
//! shown of it is its last four characters and when it was set.

mod bulk;
mod import;
mod probing;
pub mod wire;

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use keyhaven_protocol::id::{ConnectorId, OrganizationId};
use keyhaven_protocol::secret::Secret;
use keyhaven_store::connectors::{ConnectorEdit, Kept};
use keyhaven_store::{Outcome, Reach};

use super::administrator::Administrator;
use super::body::{Members, Strict};
use super::connections::base_of;
use super::connections::wire::{Authorization, StartAuthorization};
use super::deed::Deed;
use super::once::{Ended, Once};
use super::page::{Asked, Listing, PageParams};
use super::problems::{
    ChangeProblems, CreateProblems, IdempotencyKey, ListProblems, NamedProblems,
};
use super::tenant::{Named, find_organization};
use crate::app::{App, Shared};
use crate::http::error::{ApiError, Kind};
use crate::http::reply::NoContent;
use crate::operations::refresh_connection::scopes_of;
use crate::operations::start_connection::{NoStart, Start, start_connection};
use crate::vault::provider_of::{Found, find_provider};
use crate::vault::upstream::{Other, arriving};

pub use wire::{Connector, CreateConnector, UpdateConnector};

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_connectors, create_connector))
        .routes(routes!(show_connector, update_connector, delete_connector))
        .routes(routes!(start_authorization))
        .merge(bulk::routes())
        .merge(probing::routes())
        .merge(import::routes())
}

/// List connectors
///
/// Of one organization, oldest first.
#[utoipa::path(
    get, path = "/v1/connectors", tag = "connectors",
    params(("organization" = Option<String>, Query, description = "Id or slug; the caller's own if absent"), PageParams),
    responses((status = 200, description = "A page of connectors", body = Listing<Connector>), ListProblems)
)]
async fn list_connectors(
    State(app): State<Shared>,
    administrator: Administrator,
    asked: Asked,
) -> Result<Json<Listing<Connector>>, ApiError> {
    let (page, scope) = asked.page(&app, "connectors", &["organization"])?;
    let owner = tenant_of(&app, administrator.reach, asked.text("organization")).await?;
    let listed = app.store.list_connectors(owner, page).await?;
    Ok(Json(Listing::of(&app, &scope, listed, |connector| Connector::of(&app, &connector))?))
}

/// Create a connector
///
/// Register `redirect_uri` of the answer with the provider.
#[utoipa::path(
    post, path = "/v1/connectors", tag = "connectors", params(IdempotencyKey),
    request_body = CreateConnector,
    responses((status = 201, description = "The connector", body = Connector), CreateProblems)
)]
async fn create_connector(
    State(app): State<Shared>,
    administrator: Administrator,
    request: Once<CreateConnector>,
) -> Result<Response, Ended> {
    let (body, mut once) = request.split();
    let owner = tenant_of(&app, administrator.reach, body.organization()).await?;
    let provider = find_provider(&app, owner, body.provider()).await?;
    let provider = provider.ok_or_else(|| ApiError::member("/provider", "is not there"))?;
    let id = ConnectorId(once.act.id());
    let (new, secret) = body.parse(id, owner, &provider, once.act.now)?;
    let shown = Connector::of(&app, &new);
    let (act, answer) = once.created(format!("/v1/connectors/{id}"), &shown)?;
    let nonces = app.dice.bytes();
    let outcome = app.store.create_connector(&new, secret.as_ref(), nonces, act).await?;
    Ok(answer.after(outcome, "organization").await?)
}

/// Show a connector
#[utoipa::path(
    get, path = "/v1/connectors/{connector}", tag = "connectors",
    params(("connector" = String, Path, description = "Id")),
    responses((status = 200, description = "The connector", body = Connector), NamedProblems)
)]
async fn show_connector(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(connector): Named<ConnectorId>,
) -> Result<Json<Connector>, ApiError> {
    let kept = find(&app, administrator.reach, connector).await?;
    Ok(Json(Connector::of(&app, &kept.connector)))
}

/// Change a connector
///
/// Another secret of the same app is tried beside the present one and takes its place with its first
/// success. Another `client_id` is another app: its connections must be authorized again, because
/// their grants belong to the app before. New credentials clear a fault.
#[utoipa::path(
    patch, path = "/v1/connectors/{connector}", tag = "connectors",
    params(("connector" = String, Path, description = "Id")),
    request_body = UpdateConnector,
    responses((status = 200, description = "As it is now", body = Connector), ChangeProblems)
)]
async fn update_connector(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(connector): Named<ConnectorId>,
    Deed(act): Deed,
    Strict(body): Strict<UpdateConnector>,
) -> Result<Json<Connector>, ApiError> {
    let kept = find(&app, administrator.reach, connector).await?;
    let provider = provider_of(&app, &kept).await?;
    let change = body.parse(&kept.connector, &provider)?;
    let other = match &change.client_id {
        Some(id) if kept.connector.client_id.as_ref() != Some(id) => Other::Yes,
        _ => Other::No,
    };
    let edit = ConnectorEdit {
        name: change.name.as_deref(),
        client_id: change.client_id.as_deref(),
        scopes: change.scopes.as_deref(),
        required_scopes: change.required_scopes.as_deref(),
        vars: change.vars.as_deref(),
        params: change.params.as_deref(),
        secret: change.secret.as_ref().map(|secret: &Secret| arriving(&kept, other, secret)),
    };
    match app.store.update_connector(&kept, edit, app.dice.bytes(), act).await? {
        Outcome::Done => show_connector(State(app), administrator, Named(connector)).await,
        other => Err(ApiError::of_outcome(other, "connector")),
    }
}

/// Delete a connector
///
/// It makes no connection from here on. Its connections end, and their provider is told, in the
/// background; then the connector goes.
#[utoipa::path(
    delete, path = "/v1/connectors/{connector}", tag = "connectors",
    params(("connector" = String, Path, description = "Id")),
    responses((status = 204, description = "It is going"), NamedProblems)
)]
async fn delete_connector(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(connector): Named<ConnectorId>,
    Deed(act): Deed,
) -> Result<NoContent, ApiError> {
    let kept = find(&app, administrator.reach, connector).await?;
    let organization = kept.connector.organization;
    match app.store.begin_deleting_connector(organization, connector, act).await? {
        Outcome::Done => Ok(NoContent),
        other => Err(ApiError::of_outcome(other, "connector")),
    }
}

/// Start a connection
///
/// Send the user to `authorization_url`. Within ten minutes the provider sends them back; then the
/// connection is there. Nothing is stored of a user who does not return.
#[utoipa::path(
    post, path = "/v1/connectors/{connector}/authorization", tag = "connectors",
    params(("connector" = String, Path, description = "Id")),
    request_body = StartAuthorization,
    responses((status = 200, description = "Where to send the user", body = Authorization), ChangeProblems)
)]
async fn start_authorization(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(connector): Named<ConnectorId>,
    Strict(body): Strict<StartAuthorization>,
) -> Result<Json<Authorization>, ApiError> {
    let kept = find(&app, administrator.reach, connector).await?;
    let provider = provider_of(&app, &kept).await?;
    let mut members = Members::default();
    let base = members.read("/base_url", base_of(&app, body.base_url.as_deref()));
    let owner = members.read("/user", body.owner());
    let (Some(base), Some(owner)) = (base, owner) else { return Err(members.refuse()) };
    let start = Start {
        kept: &kept,
        provider: &provider,
        renews: None,
        owner,
        starter: &administrator.actor,
        base: &base,
        scopes: &body.scopes,
        session: None,
    };
    let started = start_connection(&app, &start).await.map_err(not_started)?;
    Ok(Json(Authorization::of(&app, &started)))
}

/// The connector, if within reach and not going away.
pub(super) async fn find(app: &App, reach: Reach, id: ConnectorId) -> Result<Kept, ApiError> {
    let found = app.store.find_connector(reach, id).await?;
    let found = found.filter(|kept| kept.connector.deleting_since.is_none());
    found.ok_or_else(|| ApiError::not_found("connector"))
}

/// The provider of a connector.
pub(super) async fn provider_of(app: &App, kept: &Kept) -> Result<Found, ApiError> {
    let connector = &kept.connector;
    let found = find_provider(app, connector.organization, &connector.provider).await?;
    found.ok_or_else(|| {
        let detail = "The provider of this connector is not defined any more.";
        ApiError::new(Kind::Conflict, detail).within(Some(connector.organization))
    })
}

/// The organization a request is about: the one it names, or the caller's own.
pub(super) async fn tenant_of(
    app: &App,
    reach: Reach,
    asked: Option<&str>,
) -> Result<OrganizationId, ApiError> {
    match (asked, reach.organization()) {
        (None, Some(own)) => Ok(own),
        (None, None) => Err(ApiError::parameter("organization", "is required")),
        (Some(text), _) => {
            let found = find_organization(app, reach, text).await?;
            Ok(found.ok_or_else(|| ApiError::not_found("organization"))?.id)
        }
    }
}

/// Why no flow began, to an administrator.
pub(super) fn not_started(why: NoStart) -> ApiError {
    match why {
        NoStart::NotOauth => {
            ApiError::new(Kind::Conflict, "This connector asks no user: it does not use OAuth.")
        }
        NoStart::NoCredentials => ApiError::new(Kind::Conflict, "This connector has no client id."),
        NoStart::Misconfigured(why) => {
            ApiError::new(Kind::Conflict, format!("This connector is not complete: {why}."))
        }
        NoStart::Storage(error) => error.into(),
    }
}

/// Scopes as a list.
pub(super) fn list(text: &str) -> Vec<String> {
    scopes_of(text)
}
