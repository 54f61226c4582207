//! `/v1/clients`: OAuth clients. What a client may be is decided in `settings.rs`; its secrets are
//! in `client_secrets.rs`.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use keyhaven_protocol::id::{ClientId, OrganizationId};
use keyhaven_store::client_secrets::NewSecret;
use keyhaven_store::clients::ClientRecord;
use keyhaven_store::{Outcome, Reach};
use utoipa::IntoParams;

use super::administrator::Administrator;
use super::body::{Members, Strict};
use super::deed::Deed;
use super::grants::{Receipt, narrowed};
use super::once::{Ended, Once};
use super::page::{Asked, Listing, PageParams};
use super::problems::{
    ChangeProblems, CreateProblems, IdempotencyKey, ListProblems, NamedProblems,
};
use super::tenant::{Named, find_organization};
use crate::app::{App, Origin, Shared};
use crate::http::error::ApiError;
use crate::http::reply::NoContent;

mod settings;
mod sign_in;
mod wire;

pub use wire::{Client, CreateClient, NoMembers, RegisteredClient, UpdateClient};

/// How often a change is decided again when somebody else was faster.
const ATTEMPTS: usize = 4;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_clients, create_client))
        .routes(routes!(show_client, update_client, delete_client))
        .routes(routes!(revoke_client_tokens))
}

/// How lists of clients can be narrowed.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what the handler reads")]
struct ClientFilters {
    /// Only clients of this organization: id or slug.
    organization: Option<String>,
}

/// List clients
///
/// Oldest first.
#[utoipa::path(
    get, path = "/v1/clients", tag = "clients", params(PageParams, ClientFilters),
    responses((status = 200, description = "A page of clients", body = Listing<Client>), ListProblems)
)]
async fn list_clients(
    State(app): State<Shared>,
    administrator: Administrator,
    asked: Asked,
) -> Result<Json<Listing<Client>>, ApiError> {
    let (page, scope) = asked.page(&app, "clients", &["organization"])?;
    let reach = narrowed(&app, administrator.reach, &asked).await?;
    let listed = app.store.list_clients(reach, page).await?;
    Ok(Json(Listing::of(&app, &scope, listed, |client| (&client).into())?))
}

/// Create a client
///
/// The secret is in this answer only; a repetition under the same idempotency key shows it again
/// for a day. Without `organization` the client belongs to the caller's organization, or to the
/// instance when an administrator of the instance creates it.
#[utoipa::path(
    post, path = "/v1/clients", tag = "clients", params(IdempotencyKey),
    request_body = CreateClient,
    responses((status = 201, description = "The client", body = RegisteredClient), CreateProblems)
)]
async fn create_client(
    State(app): State<Shared>,
    administrator: Administrator,
    origin: Origin,
    request: Once<CreateClient>,
) -> Result<Response, Ended> {
    let (body, mut once) = request.split();
    let owner = owner_of(&app, administrator.reach, body.organization()).await?;
    let mut record =
        settings::fresh(ClientId(once.act.id()), owner, &app.settings.new_clients, once.act.now);
    let mut members = Members::default();
    body.apply(&mut record, &mut members);
    settings::fit(&record, &mut members);
    settings::fit_keys_uri(&record, app.outside.egress(), &mut members);
    members.finish()?;
    app.keys.ensure_for(&app, &record.client, &origin).await?;
    let secret =
        settings::holds_secret(&record).then(|| NewSecret::mint(once.act.id(), &app.dice.bytes()));
    let answer = RegisteredClient::of(&record, secret.as_ref());
    let location = format!("/v1/clients/{}", record.client.public_id);
    let (act, answer) = once.created(location, &answer)?;
    let outcome = app.store.register_client(&record, secret.as_ref(), act).await?;
    Ok(answer.after(outcome, "organization").await?)
}

/// Show a client
#[utoipa::path(
    get, path = "/v1/clients/{client}", tag = "clients",
    params(("client" = String, Path, description = "The `client_id`")),
    responses((status = 200, description = "The client", body = Client), NamedProblems)
)]
async fn show_client(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(client): Named<ClientId>,
) -> Result<Json<Client>, ApiError> {
    Ok(Json((&find(&app, administrator.reach, client).await?).into()))
}

/// Change a client
///
/// Absent members stay as they are. `disabled` stops the client: its tokens count no more, until it
/// is enabled again.
#[utoipa::path(
    patch, path = "/v1/clients/{client}", tag = "clients",
    params(("client" = String, Path, description = "The `client_id`")),
    request_body = UpdateClient,
    responses((status = 200, description = "As it is now", body = Client), ChangeProblems)
)]
async fn update_client(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(client): Named<ClientId>,
    origin: Origin,
    Deed(first): Deed,
    Strict(body): Strict<UpdateClient>,
) -> Result<Json<Client>, ApiError> {
    let mut act = Some(first);
    for _ in 0..ATTEMPTS {
        let before = find(&app, administrator.reach, client).await?;
        let deed = act.take().unwrap_or_else(|| again(&app, &administrator));
        let mut after = before.clone();
        let mut members = Members::default();
        body.apply(&mut after, deed.now, &mut members);
        settings::fit(&after, &mut members);
        settings::fit_keys_uri(&after, app.outside.egress(), &mut members);
        members.finish()?;
        app.keys.ensure_for(&app, &after.client, &origin).await?;
        let detail = changed(&before, &after);
        match app.store.update_client(&before, &after, &detail, deed).await? {
            Outcome::Done => {
                return Ok(Json((&find(&app, administrator.reach, client).await?).into()));
            }
            Outcome::Moved => {}
            other => return Err(ApiError::of_outcome(other, "client")),
        }
    }
    Err(ApiError::of_outcome(Outcome::Moved, "client"))
}

/// Delete a client
///
/// Its secrets and all that was issued to it die at once.
#[utoipa::path(
    delete, path = "/v1/clients/{client}", tag = "clients",
    params(("client" = String, Path, description = "The `client_id`")),
    responses((status = 204, description = "It is gone"), NamedProblems)
)]
async fn delete_client(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(client): Named<ClientId>,
    Deed(act): Deed,
) -> Result<NoContent, ApiError> {
    let record = find(&app, administrator.reach, client).await?;
    match app.store.delete_client(&record.client, act).await? {
        Outcome::Done => Ok(NoContent),
        other => Err(ApiError::of_outcome(other, "client")),
    }
}

/// Revoke a client's tokens
///
/// Everything issued to the client so far: access tokens, refresh tokens, grants. Its secrets stay,
/// so it can get new ones.
#[utoipa::path(
    post, path = "/v1/clients/{client}/revocation", tag = "clients",
    params(("client" = String, Path, description = "The `client_id`"), IdempotencyKey),
    request_body(content = NoMembers, description = "Empty, or an object without members"),
    responses((status = 200, description = "The receipt", body = Receipt), CreateProblems)
)]
async fn revoke_client_tokens(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(client): Named<ClientId>,
    request: Once<NoMembers>,
) -> Result<Response, Ended> {
    let record = find(&app, administrator.reach, client).await?;
    let (_, once) = request.split();
    let receipt = app.store.receipt(once.act.now);
    let (act, answer) = once.done(&Receipt::from(receipt))?;
    let (outcome, _) = app.store.revoke_issued(&record.client, act).await?;
    Ok(answer.after(outcome, "client").await?)
}

/// The client, if within reach.
pub(super) async fn find(
    app: &App,
    reach: Reach,
    client: ClientId,
) -> Result<ClientRecord, ApiError> {
    let found = app.store.find_client_record(reach, client).await?;
    found.ok_or_else(|| ApiError::not_found("client"))
}

/// Whose a new client will be. An organization out of reach looks like one that does not exist.
async fn owner_of(
    app: &App,
    reach: Reach,
    asked: Option<&str>,
) -> Result<Option<OrganizationId>, ApiError> {
    let Some(text) = asked else { return Ok(reach.organization()) };
    let found = find_organization(app, reach, text).await?;
    let found = found.ok_or_else(|| ApiError::member("/organization", "is not there"))?;
    Ok(Some(found.id))
}

/// What a change changes, for the audit: the members that differ, as they will be.
fn changed(before: &ClientRecord, after: &ClientRecord) -> String {
    let shown = |record| serde_json::to_value(Client::from(record)).unwrap_or_default();
    let (before, mut after) = (shown(before), shown(after));
    if let (Some(before), Some(after)) = (before.as_object(), after.as_object_mut()) {
        after.retain(|name, value| before.get(name) != Some(value));
    }
    after.to_string()
}

/// The deed of another attempt.
fn again(app: &App, administrator: &Administrator) -> keyhaven_store::Act {
    keyhaven_store::Act::new(
        app.clock.millis(),
        app.dice.bytes(),
        administrator.actor.clone(),
        "repeated",
    )
}
