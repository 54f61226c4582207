//! `/v1/connections`: outside accounts' grants, their timeline, and the token call itself.

pub(in crate::api) mod create;
pub mod edit;
pub(in crate::api) mod proxy;
pub(super) mod token;
pub mod wire;

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::{FromRequestParts, RawPathParams, State};
use axum::http::request::Parts;
use axum::response::Response;
use keyhaven_connect::talk::Tried;
use keyhaven_protocol::connection::Method;
use keyhaven_protocol::connection::state::{Reason, Standing, Status};
use keyhaven_protocol::connection::timing::Pace;
use keyhaven_protocol::id::{ConnectionId, ConnectorId, UserId};
use keyhaven_store::connections::{Filter, Held, NewConnection};
use keyhaven_store::{Outcome, Reach};

use super::administrator::Administrator;
use super::body::Strict;
use super::connection_caller::{ConnectionCaller, Power};
use super::connectors::{find as find_connector, not_started, provider_of, tenant_of};
use super::once::{Ended, Once};
use super::page::{Asked, Listing, PageParams};
use super::problems::{
    ChangeProblems, CreateProblems, IdempotencyKey, ListProblems, NamedProblems,
};
use super::tenant::Named;
use crate::app::{App, Origin, Shared};
use crate::http::error::{ApiError, Kind};
use crate::http::reply::NoContent;
use crate::operations::confirm_connection::confirm_connection;
use crate::operations::finish_connection::account_id;
use crate::operations::revoke_connection::revoke_connection;
use crate::operations::start_connection::{Start, start_connection};
use crate::operations::try_typed::try_typed;
use crate::vault::arrived::scheme;
use crate::vault::upstream::pace;
use create::{CreateConnection, Terms};
use edit::UpdateConnection;
use wire::{Authorization, Confirmation, Connection, StartAuthorization, TimelineEvent};

const FILTERS: [&str; 7] =
    ["organization", "connector", "user", "status", "label", "account", "external_id"];

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_connections, create_connection))
        .routes(routes!(show_connection, update_connection))
        .routes(routes!(revoke_one_connection))
        .routes(routes!(restart_authorization))
        .routes(routes!(confirm_one_connection))
        .routes(routes!(list_connection_events))
        .merge(token::routes())
}

/// List connections
///
/// Of one organization, oldest first. People see their own and their team's; `user` asks for one
/// person's.
#[utoipa::path(
    get, path = "/v1/connections", tag = "connections",
    params(
        ("organization" = Option<String>, Query, description = "Id or slug; the caller's own if absent"),
        ("connector" = Option<String>, Query, description = "Under this connector only"),
        ("user" = Option<String>, Query, description = "Of this user only"),
        ("status" = Option<String>, Query, description = "In this state only"),
        ("label" = Option<String>, Query, description = "With this label only"),
        ("account" = Option<String>, Query, description = "Of this outside account only"),
        ("external_id" = Option<String>, Query, description = "With this name of yours only"),
        PageParams
    ),
    responses((status = 200, description = "A page of connections", body = Listing<Connection>), ListProblems)
)]
async fn list_connections(
    State(app): State<Shared>,
    administrator: Administrator,
    asked: Asked,
) -> Result<Json<Listing<Connection>>, ApiError> {
    let (page, scope) = asked.page(&app, "connections", &FILTERS)?;
    let tenant = tenant_of(&app, administrator.reach, asked.text("organization")).await?;
    let filter = Filter {
        connector: parsed(&asked, "connector", ConnectorId::parse)?,
        owner: parsed(&asked, "user", UserId::parse)?,
        status: parsed(&asked, "status", Status::parse)?,
        label: asked.text("label"),
        account: asked.text("account"),
        external_id: asked.text("external_id"),
        ..Filter::default()
    };
    let listed = app.store.list_connections(tenant, filter, page).await?;
    let now = app.clock.now();
    Ok(Json(Listing::of(&app, &scope, listed, |connection| Connection::of(&connection, now))?))
}

fn parsed<T>(
    asked: &Asked,
    name: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, ApiError> {
    let Some(text) = asked.text(name) else { return Ok(None) };
    let known = parse(text).ok_or_else(|| ApiError::parameter(name, "names nothing"))?;
    Ok(Some(known))
}

/// Create a connection
///
/// Without a consent page: a pasted key or login, or the connector's own authority; or one that
/// another system already holds, with its tokens. A key or login is tried once where the provider has a
/// call for that, and refused if the provider does not know it. An account that is connected already is answered
/// with 409, so a repetition makes no second one.
#[utoipa::path(
    post, path = "/v1/connections", tag = "connections", params(IdempotencyKey),
    request_body = CreateConnection,
    responses((status = 201, description = "The connection", body = Connection), CreateProblems)
)]
async fn create_connection(
    State(app): State<Shared>,
    administrator: Administrator,
    request: Once<CreateConnection>,
) -> Result<Response, Ended> {
    let (body, mut once) = request.split();
    let connector = ConnectorId::parse(body.connector());
    let connector = connector.ok_or_else(|| ApiError::member("/connector", "is not there"))?;
    let kept = find_connector(&app, administrator.reach, connector).await?;
    let provider = provider_of(&app, &kept).await?;
    let pace: Pace = pace(&provider, kept.connector.method);
    let dice = u64::from_be_bytes(app.dice.bytes());
    let terms = Terms { pace: &pace, scheme: scheme(&provider), now: once.act.now, dice };
    let mut arrived = body.parse(&kept.connector, &terms)?;
    match try_typed(&app, &kept, &provider, &arrived.tokens).await? {
        Tried::Refused => return Err(not_taken(kept.connector.method).into()),
        Tried::Taken(Some(identity)) => {
            arrived.account.get_or_insert_with(|| account_id(&identity));
            arrived.account_label = arrived.account_label.or(identity.label);
        }
        Tried::Taken(None) | Tried::Untold => {}
    }
    let (id, now, node) = (ConnectionId(once.act.id()), once.act.now, app.vault.node_name());
    let new = NewConnection {
        id,
        organization: kept.connector.organization,
        connector,
        owner: arrived.owner,
        method: kept.connector.method,
        account: arrived.account.as_deref(),
        account_label: arrived.account_label.as_deref(),
        external_id: arrived.external_id.as_deref(),
        labels: &arrived.labels,
        metadata: &arrived.metadata,
        slots: &[],
        standing: Standing::authorized(arrived.tokens.coverage, now),
        issued_to: kept.connector.client_id.as_deref(),
        flow: None,
        node: &node,
    };
    let shown = Connection::fresh(&new, &arrived.tokens);
    let (act, answer) = once.created(format!("/v1/connections/{id}"), &shown)?;
    let outcome = app.store.connect_account(&new, &arrived.tokens, app.dice.bytes(), act).await?;
    Ok(answer.after(outcome, "connector").await?)
}

/// The member that holds what the provider does not know.
fn not_taken(method: Method) -> ApiError {
    let member = if method == Method::Basic { "/password" } else { "/api_key" };
    ApiError::member(member, "is not known to the provider")
}

/// Show a connection
#[utoipa::path(
    get, path = "/v1/connections/{connection}", tag = "connections",
    params(("connection" = String, Path, description = "Id")),
    responses((status = 200, description = "The connection", body = Connection), NamedProblems)
)]
async fn show_connection(
    State(app): State<Shared>,
    caller: ConnectionCaller,
    ConnectionPath(connection): ConnectionPath,
) -> Result<Json<Connection>, ApiError> {
    let held = caller.find(&app, connection).await?;
    shown(&app, &held).await
}

/// A connection with its further tokens.
async fn shown(app: &App, held: &Held) -> Result<Json<Connection>, ApiError> {
    let now = app.clock.now();
    let slots = app.store.list_slots(held.connection.id).await?;
    let mut shown = Connection::of_held(held, now);
    shown.slots = slots.iter().filter_map(|slot| wire::Slot::of(slot, now)).collect();
    Ok(Json(shown))
}

/// Change a connection
///
/// What its callers keep with it; its tokens and its state stay as they are. Members that are absent
/// stay; `metadata` is merged (RFC 7396): a member that is null goes.
#[utoipa::path(
    patch, path = "/v1/connections/{connection}", tag = "connections",
    params(("connection" = String, Path, description = "Id")),
    request_body = UpdateConnection,
    responses((status = 200, description = "As it is now", body = Connection), ChangeProblems)
)]
async fn update_connection(
    State(app): State<Shared>,
    caller: ConnectionCaller,
    ConnectionPath(connection): ConnectionPath,
    origin: Origin,
    Strict(body): Strict<UpdateConnection>,
) -> Result<Json<Connection>, ApiError> {
    let held = caller.find_own(&app, connection).await?;
    let change = body.parse(&held.connection)?;
    let edit = change.edit();
    let (node, act) = (app.vault.node_name(), app.act(caller.actor.clone(), &origin));
    match app.store.edit_connection(&held.connection, edit, &node, act).await? {
        Outcome::Done => {
            let held = caller.find(&app, connection).await?;
            shown(&app, &held).await
        }
        other => Err(ApiError::of_outcome(other, "connection")),
    }
}

/// Revoke a connection
///
/// Its tokens are erased here at once; the provider is told in the background. Its timeline stays.
#[utoipa::path(
    delete, path = "/v1/connections/{connection}", tag = "connections",
    operation_id = "revoke_connection",
    params(("connection" = String, Path, description = "Id")),
    responses((status = 204, description = "It is revoked"), NamedProblems)
)]
async fn revoke_one_connection(
    State(app): State<Shared>,
    caller: ConnectionCaller,
    ConnectionPath(connection): ConnectionPath,
    origin: Origin,
) -> Result<NoContent, ApiError> {
    let held = caller.find_own(&app, connection).await?;
    let reason = match caller.power {
        Power::Person(_) => Reason::ByUser,
        Power::Administrator | Power::Program => Reason::ByAdministrator,
    };
    let reach = Reach::Organization(held.connection.organization);
    let revoked =
        revoke_connection(&app, reach, connection, reason, &caller.actor, &origin).await?;
    match revoked {
        Outcome::Done => Ok(NoContent),
        other => Err(ApiError::of_outcome(other, "connection")),
    }
}

/// Authorize a connection again
///
/// For the same account, with the scopes it has and those the connector or this request adds. The
/// connection keeps its id; until the user returns it stays as it is.
#[utoipa::path(
    post, path = "/v1/connections/{connection}/authorization", tag = "connections",
    params(("connection" = String, Path, description = "Id")),
    request_body = StartAuthorization,
    responses((status = 200, description = "Where to send the user", body = Authorization), ChangeProblems)
)]
async fn restart_authorization(
    State(app): State<Shared>,
    caller: ConnectionCaller,
    ConnectionPath(connection): ConnectionPath,
    Strict(body): Strict<StartAuthorization>,
) -> Result<Json<Authorization>, ApiError> {
    let held = caller.find_own(&app, connection).await?;
    if held.connection.standing.status == Status::Revoked {
        return Err(ApiError::new(Kind::Conflict, "A revoked connection does not come back."));
    }
    let reach = Reach::Organization(held.connection.organization);
    let kept = find_connector(&app, reach, held.connection.connector).await?;
    let provider = provider_of(&app, &kept).await?;
    let base = base_of(&app, body.base_url.as_deref());
    let base = base.map_err(|rule| ApiError::member("/base_url", rule))?;
    let start = Start {
        kept: &kept,
        provider: &provider,
        renews: Some(&held),
        owner: held.connection.owner,
        starter: &caller.actor,
        base: &base,
        scopes: &body.scopes,
        session: None,
    };
    let started = start_connection(&app, &start).await.map_err(not_started)?;
    Ok(Json(Authorization::of(&app, &started)))
}

/// Confirm a connection
///
/// For one whose callback arrived without the browser that started it. Only its user can, and only
/// with the ticket that the callback's browser was sent on with.
#[utoipa::path(
    post, path = "/v1/connections/{connection}/confirmation", tag = "connections",
    params(("connection" = String, Path, description = "Id")),
    request_body = Confirmation,
    responses((status = 200, description = "The connection", body = Connection), ChangeProblems)
)]
async fn confirm_one_connection(
    State(app): State<Shared>,
    caller: ConnectionCaller,
    ConnectionPath(connection): ConnectionPath,
    origin: Origin,
    Strict(body): Strict<Confirmation>,
) -> Result<Json<Connection>, ApiError> {
    let held = caller.find_own(&app, connection).await?;
    let act = app.act(caller.actor.clone(), &origin);
    let confirmed = confirm_connection(&app, &held, &body.ticket, act).await?;
    let outcome =
        confirmed.ok_or_else(|| ApiError::member("/ticket", "is not one of this connection"))?;
    match outcome {
        Outcome::Done => {
            let held = caller.find(&app, connection).await?;
            Ok(Json(Connection::of_held(&held, app.clock.now())))
        }
        other => Err(ApiError::of_outcome(other, "connection")),
    }
}

/// List what happened to a connection
///
/// Newest first: what, when, on which node, what a failure meant and what the provider answered.
#[utoipa::path(
    get, path = "/v1/connections/{connection}/timeline", tag = "connections",
    params(("connection" = String, Path, description = "Id"), PageParams),
    responses((status = 200, description = "A page of its timeline", body = Listing<TimelineEvent>), NamedProblems)
)]
async fn list_connection_events(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(connection): Named<ConnectionId>,
    asked: Asked,
) -> Result<Json<Listing<TimelineEvent>>, ApiError> {
    let held = app.store.find_held(administrator.reach, connection).await?;
    let held = held.ok_or_else(|| ApiError::not_found("connection"))?;
    let (page, scope) = asked.page(&app, &format!("timeline of {connection}"), &[])?;
    let organization = held.connection.organization;
    let listed = app.store.list_token_events(organization, connection, page).await?;
    Ok(Json(Listing::of(&app, &scope, listed, TimelineEvent::from)?))
}

/// Where a user may be sent in the end: ours, or an origin an operator configured.
pub(super) fn base_of(app: &App, asked: Option<&str>) -> Result<String, &'static str> {
    app.settings.return_origins.allow(asked).ok_or("is not one of the configured origins")
}

/// The connection a path names, for callers who need not be administrators.
pub(super) struct ConnectionPath(pub(super) ConnectionId);

impl FromRequestParts<Shared> for ConnectionPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, ApiError> {
        named(parts, app, "connection", ConnectionId::parse).await.map(Self)
    }
}

/// The connector a path names, for callers who need not be administrators.
pub(super) struct ConnectorPath(pub(super) ConnectorId);

impl FromRequestParts<Shared> for ConnectorPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, ApiError> {
        named(parts, app, "connector", ConnectorId::parse).await.map(Self)
    }
}

/// What a path names under the word `noun`.
pub(super) async fn named<T>(
    parts: &mut Parts,
    app: &Shared,
    noun: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, ApiError> {
    let missing = || ApiError::not_found(noun);
    let params = <RawPathParams as FromRequestParts<Shared>>::from_request_parts(parts, app).await;
    let params = params.map_err(|_| missing())?;
    let text = params.iter().find(|(name, _)| *name == noun).map(|(_, text)| text);
    text.and_then(parse).ok_or_else(missing)
}
