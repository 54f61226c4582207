//! `/v1/organizations/{organization}/webhook-endpoints`: where an organization is told what happens
//! to its connections. Messages are signed with a secret that is shown once.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyhaven_protocol::connection::state::Announcement;
use keyhaven_protocol::id::Id;
use keyhaven_protocol::secret::Secret;
use keyhaven_store::Outcome;
use keyhaven_store::webhooks::Endpoint;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use super::body::Members;
use super::deed::Deed;
use super::once::{Ended, Once};
use super::page::Listing;
use super::problems::{CreateProblems, IdempotencyKey, NamedProblems};
use super::tenant::{Named, PathId, Tenant};
use crate::app::{App, Shared};
use crate::http::error::ApiError;
use crate::http::reply::NoContent;

/// The events that are not a connection's.
const CONNECTOR_EVENTS: [&str; 2] = ["connector.misconfigured", "connector.recovered"];

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_webhook_endpoints, create_webhook_endpoint))
        .routes(routes!(delete_webhook_endpoint))
}

/// An endpoint's id in a path.
pub struct EndpointId(Id);

impl PathId for EndpointId {
    const NAME: &'static str = "endpoint";

    fn parse(text: &str) -> Option<Self> {
        Id::parse(text).map(Self)
    }
}

/// Where an organization is told.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019a2b3c-4d5e-7f60-8123-456789abcdef", "url": "https://app.example/hooks",
    "events": ["connection.needs_reauth"], "created_at": 1_764_000_000
}))]
pub struct WebhookEndpoint {
    /// Its id.
    pub id: String,
    /// Its URL.
    pub url: String,
    /// The events it asks for; empty for all but `connection.refreshed`.
    pub events: Vec<String>,
    /// When it was made, in seconds since 1970.
    pub created_at: i64,
}

impl From<&Endpoint> for WebhookEndpoint {
    fn from(endpoint: &Endpoint) -> Self {
        Self {
            id: endpoint.id.to_string(),
            url: endpoint.url.clone(),
            events: endpoint.events.split_whitespace().map(str::to_owned).collect(),
            created_at: endpoint.created_at.0,
        }
    }
}

/// An endpoint with its secret, shown once.
#[derive(Serialize, ToSchema)]
pub struct CreatedWebhookEndpoint {
    /// The endpoint.
    #[serde(flatten)]
    pub endpoint: WebhookEndpoint,
    /// What messages are signed with, in the Standard Webhooks form: HMAC-SHA256 of
    /// `webhook-id.webhook-timestamp.body`, in `webhook-signature` as `v1,` and base64. The key is
    /// what follows `whsec_`, decoded from base64.
    #[schema(extensions(("x-sdk-secret" = json!(true))))]
    pub secret: String,
}

/// An endpoint to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"url": "https://app.example/hooks", "events": ["connection.needs_reauth"]}))]
pub struct CreateWebhookEndpoint {
    /// Its URL, https.
    url: String,
    /// The events to be told of; empty for all but `connection.refreshed`.
    #[serde(default)]
    events: Vec<String>,
}

/// List webhook endpoints
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/webhook-endpoints", tag = "connections",
    params(("organization" = String, Path, description = "Id or slug")),
    responses((status = 200, description = "The endpoints", body = Listing<WebhookEndpoint>), NamedProblems)
)]
async fn list_webhook_endpoints(
    State(app): State<Shared>,
    Tenant(organization): Tenant,
) -> Result<Json<Listing<WebhookEndpoint>>, ApiError> {
    let endpoints = app.store.list_webhook_endpoints(organization.id).await?;
    let items = endpoints.iter().map(WebhookEndpoint::from).collect();
    Ok(Json(Listing { items, next: None }))
}

/// Add a webhook endpoint
///
/// The secret is in this answer only.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/webhook-endpoints", tag = "connections",
    params(("organization" = String, Path, description = "Id or slug"), IdempotencyKey),
    request_body = CreateWebhookEndpoint,
    responses((status = 201, description = "The endpoint and its secret", body = CreatedWebhookEndpoint), CreateProblems)
)]
async fn create_webhook_endpoint(
    State(app): State<Shared>,
    Tenant(organization): Tenant,
    request: Once<CreateWebhookEndpoint>,
) -> Result<Response, Ended> {
    let (body, mut once) = request.split();
    body.check(&app)?;
    let secret = Secret::new(format!("whsec_{}", STANDARD.encode(app.dice.bytes::<32>())));
    let new = Endpoint {
        id: once.act.id(),
        organization: organization.id,
        url: body.url,
        events: body.events.join(" "),
        created_at: once.act.now,
    };
    let location = format!("/v1/organizations/{}/webhook-endpoints/{}", organization.id, new.id);
    let shown = CreatedWebhookEndpoint {
        endpoint: WebhookEndpoint::from(&new),
        secret: secret.reveal().to_owned(),
    };
    let (act, answer) = once.created(location, &shown)?;
    let outcome = app.store.add_webhook_endpoint(&new, &secret, app.dice.bytes(), act).await?;
    Ok(answer.after(outcome, "organization").await?)
}

/// Delete a webhook endpoint
///
/// What waits for it goes too.
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/webhook-endpoints/{endpoint}", tag = "connections",
    params(("organization" = String, Path, description = "Id or slug"), ("endpoint" = String, Path, description = "Id")),
    responses((status = 204, description = "It is gone"), NamedProblems)
)]
async fn delete_webhook_endpoint(
    State(app): State<Shared>,
    Tenant(organization): Tenant,
    Named(EndpointId(endpoint)): Named<EndpointId>,
    Deed(act): Deed,
) -> Result<NoContent, ApiError> {
    match app.store.remove_webhook_endpoint(organization.id, endpoint, act).await? {
        Outcome::Done => Ok(NoContent),
        other => Err(ApiError::of_outcome(other, "endpoint")),
    }
}

impl CreateWebhookEndpoint {
    fn check(&self, app: &App) -> Result<(), ApiError> {
        let mut members = Members::default();
        match Url::parse(&self.url) {
            Ok(url) if self.url.len() <= 2_048 => {
                members.read("/url", app.outside.egress().vet_url(&url));
            }
            _ => members.wrong("/url", "is a URL of at most 2048 characters"),
        }
        for (at, event) in self.events.iter().enumerate() {
            let known =
                Announcement::parse(event).is_some() || CONNECTOR_EVENTS.contains(&event.as_str());
            if !known {
                members.wrong(format!("/events/{at}"), "is no event");
            }
        }
        members.finish()
    }
}
