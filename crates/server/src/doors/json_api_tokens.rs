//! The JSON:API token family (operations 7 to 9): `CreateToken`, `FetchTokenGroups` and
//! `FetchTokenOrganization`, at `/oauth/token` and under `/pub`.
//!
//! Created tokens are 201, errors are 401, 403 and 409, and nothing but `application/vnd.api+json`
//! is read by its client. A refresh sends no secret here, so families begun here always rotate.
//! `data.id` names the refresh family (or the token, for a client that may not refresh).

use std::sync::Arc;

use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use keyhaven_protocol::client::Client;
use keyhaven_protocol::client_auth::{Manners, Presented};
use keyhaven_protocol::grants::{Rule, Terms};
use keyhaven_protocol::id::{GrantId, Id};
use keyhaven_protocol::refusal::{Code, Refusal};
use keyhaven_protocol::secret::Secret;
use keyhaven_store::{Error, Reach};
use serde_json::{Value, json};

use self::request::{Include, TokenBody};
use crate::app::{App, Origin, Shared};
use crate::config::{JsonApiInclude, JsonApiOrganization};
use crate::http::call::Call;
use crate::http::refusal::{Fault, JsonApiError, json_api};
use crate::http::{bearer, body, reply};
use crate::operations::Failure;
use crate::operations::check::{Credential, Need, check};
use crate::operations::issue_token::{IssuedToken, TokenRequest, issue_token};

mod request;

const GRANT_TYPE: Fault = Fault::Pointer("/data/attributes/grant_type");

/// `CreateToken`.
pub async fn create_json_api_token(
    State(app): State<Shared>,
    OriginalUri(uri): OriginalUri,
    call: Call,
) -> Response {
    match create(&app, &uri, &call).await {
        Ok(document) => reply::created_json_api(&document),
        Err(No { kind, fault, failure }) => json_api(&app, kind, fault, failure, &call.origin),
    }
}

/// `FetchTokenGroups`.
pub async fn fetch_token_groups(
    State(app): State<Shared>,
    origin: Origin,
    OriginalUri(uri): OriginalUri,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    match groups(&app, &uri, &id, &headers, &origin).await {
        Ok(document) => reply::ok_json_api(&document),
        Err(No { kind, fault, failure }) => json_api(&app, kind, fault, failure, &origin),
    }
}

/// `FetchTokenOrganization`.
pub async fn fetch_token_organization(
    State(app): State<Shared>,
    origin: Origin,
    OriginalUri(uri): OriginalUri,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    match organization(&app, &uri, &id, &headers, &origin).await {
        Ok(document) => reply::ok_json_api(&document),
        Err(No { kind, fault, failure }) => json_api(&app, kind, fault, failure, &origin),
    }
}

/// A refusal as this family tells it.
struct No {
    kind: JsonApiError,
    fault: Fault,
    failure: Failure,
}

impl No {
    fn new(kind: JsonApiError, fault: Fault, failure: impl Into<Failure>) -> Self {
        Self { kind, fault, failure: failure.into() }
    }
}

impl From<Error> for No {
    fn from(error: Error) -> Self {
        Self::new(JsonApiError::Forbidden, Fault::Nowhere, error)
    }
}

async fn create(app: &App, uri: &Uri, call: &Call) -> Result<Value, No> {
    let include = Include::parse(uri.query()).map_err(|refusal| {
        No::new(JsonApiError::InvalidParameter, Fault::Parameter("include"), refusal)
    })?;
    let TokenBody { params, ignored } = request::read(body::media_type(&call.headers), &call.body)?;
    let manners = Manners::Json;
    let presented =
        Presented::gather(None, &params, manners).map_err(|refused| judged(refused.into()))?;
    let terms = Terms::EveryAnswer(Rule::RotateBearer);
    let origin = &call.origin;
    let params = &params;
    let request =
        TokenRequest { presented, manners, params, terms, dpop: None, once: None, origin };
    let issued = issue_token(app, &request).await.map_err(judged)?;
    document(app, prefix(uri), &issued, include, &ignored, origin).await.map_err(No::from)
}

/// Which of the family's codes a refusal is.
fn judged(failure: Failure) -> No {
    let (kind, fault) = match &failure {
        Failure::Storage(_) => (JsonApiError::Forbidden, Fault::Nowhere),
        Failure::Refused(refused) => match (refused.refusal.code, refused.refusal.field) {
            (Code::UnsupportedGrantType, _) | (Code::InvalidRequest, Some("grant_type")) => {
                (JsonApiError::InvalidGrantType, GRANT_TYPE)
            }
            (Code::InvalidScope, _) => {
                (JsonApiError::InvalidBodyParameter, Fault::Pointer("/data/attributes/scope"))
            }
            (Code::InvalidRequest, Some("refresh_token")) => (
                JsonApiError::InvalidBodyParameter,
                Fault::Pointer("/data/attributes/refresh_token"),
            ),
            (Code::InvalidRequest | Code::InvalidTarget, _) => {
                (JsonApiError::InvalidBodyParameter, Fault::Pointer("/data"))
            }
            (
                Code::UnauthorizedClient
                | Code::InsufficientScope
                | Code::BudgetExhausted
                | Code::UnitMismatch
                | Code::NotFromHere,
                _,
            ) => (JsonApiError::Forbidden, Fault::Nowhere),
            // The family knows no pages, proofs or request objects: what is left are credentials.
            _ => (JsonApiError::InvalidCredentials, Fault::Nowhere),
        },
    };
    No { kind, fault, failure }
}

async fn document(
    app: &App,
    prefix: &str,
    issued: &IssuedToken,
    include: Include,
    ignored: &[String],
    origin: &Origin,
) -> Result<Value, Error> {
    let id = name(issued);
    let groups = app.store.list_groups_of_client(issued.client.id).await?;
    let identifiers: Vec<_> =
        groups.iter().map(|group| json!({"type": "group", "id": group.id.0.simple()})).collect();
    let mut relationships = json!({ "groups": {
        "data": identifiers,
        "links": { "related": format!("{prefix}/oauth/token/{id}/groups") },
    }});
    if let Some(organization) = issued.client.organization {
        relationships["organization"] = json!({
            "data": { "type": "organization", "id": organization.0.simple() },
            "links": { "related": format!("{prefix}/oauth/token/{id}/organization") },
        });
    }
    let mut document = json!({ "data": {
        "type": "token",
        "id": id,
        "attributes": {
            "access_token": issued.access_token.reveal(),
            "refresh_token": issued.refresh_token.as_ref().map_or("", Secret::reveal),
            "token_type": "bearer",
            "expires_in": issued.ttl.0,
        },
        "relationships": relationships,
    }});
    let mut included = Vec::new();
    if include.groups {
        included.extend(groups.iter().map(|group| group_resource(prefix, group)));
    }
    if include.organization
        && app.settings.jsonapi_include == JsonApiInclude::Organization
        && let Some(resource) = organization_resource(app, prefix, &issued.client).await?
    {
        included.push(resource);
    }
    if include.groups || include.organization {
        document["included"] = Value::from(included);
    }
    document["meta"] = json!({ "req_id": origin.request });
    if !ignored.is_empty() {
        document["meta"]["ignored"] = json!(ignored);
    }
    Ok(document)
}

fn name(issued: &IssuedToken) -> String {
    let family = issued
        .refresh_token
        .as_ref()
        .and_then(|text| keyhaven_protocol::credential::parse(text.reveal()));
    family.map_or(issued.id.0, |family| family.id).simple()
}

async fn groups(
    app: &App,
    uri: &Uri,
    id: &str,
    headers: &HeaderMap,
    origin: &Origin,
) -> Result<Value, No> {
    let client = own_token(app, id, headers).await?;
    let prefix = prefix(uri);
    let groups = app.store.list_groups_of_client(client.id).await?;
    let resources: Vec<_> = groups.iter().map(|group| group_resource(prefix, group)).collect();
    Ok(json!({
        "data": resources,
        "links": { "self": format!("{prefix}/oauth/token/{id}/groups") },
        "meta": { "count": groups.len(), "req_id": origin.request },
    }))
}

async fn organization(
    app: &App,
    uri: &Uri,
    id: &str,
    headers: &HeaderMap,
    origin: &Origin,
) -> Result<Value, No> {
    let open = app.settings.jsonapi_organization == JsonApiOrganization::Anyone;
    let client = if open && !bearer::is_sent(headers) {
        client_of_family(app, id).await?
    } else {
        own_token(app, id, headers).await?
    };
    let resource = organization_resource(app, prefix(uri), &client).await?;
    let resource = resource.ok_or_else(|| {
        No::new(
            JsonApiError::Forbidden,
            Fault::Nowhere,
            Refusal::token("the token's client belongs to no organization"),
        )
    })?;
    Ok(json!({ "data": resource, "meta": { "req_id": origin.request } }))
}

/// The client of the bearer's own token, which the path must name.
async fn own_token(app: &App, id: &str, headers: &HeaderMap) -> Result<Arc<Client>, No> {
    let unauthorized =
        |failure: Failure| No::new(JsonApiError::Unauthorized, Fault::Nowhere, failure);
    let text = bearer::token(headers).map_err(|refusal| unauthorized(refusal.into()))?;
    let principal = check(app, text, &Need::default()).await.map_err(unauthorized)?;
    let (Credential::Token(token), Some(client)) = (&principal.credential, &principal.client)
    else {
        return Err(unauthorized(Refusal::token("the bearer is no access token").into()));
    };
    let named = Id::parse(id);
    let own =
        named.is_some() && (named == Some(token.id.0) || named == token.grant.map(|grant| grant.0));
    if own {
        return Ok(client.clone());
    }
    // Only an id is told: somebody may have put the token itself where its id belongs (A75).
    let told = named.map_or_else(|| "not an id".to_owned(), |id| id.to_string());
    let refusal =
        Refusal::token("the path names another token than the bearer's").with("path", told);
    Err(No::new(JsonApiError::Forbidden, Fault::Nowhere, Failure::from(refusal).of(client)))
}

/// Without a bearer token, by the setting that follows the published contract to the letter.
async fn client_of_family(app: &App, id: &str) -> Result<Arc<Client>, No> {
    let forbidden = || {
        No::new(
            JsonApiError::Forbidden,
            Fault::Nowhere,
            Refusal::token("no living token has this id"),
        )
    };
    let id = Id::parse(id).map(GrantId).ok_or_else(forbidden)?;
    let grant = app.store.find_grant_record(Reach::Instance, id).await?;
    let living = grant.filter(|grant| grant.revoked_at.is_none());
    let client = living.and_then(|grant| grant.client).ok_or_else(forbidden)?;
    app.store.recall_client(client, app.clock.tick()).await?.ok_or_else(forbidden)
}

fn group_resource(prefix: &str, group: &keyhaven_store::groups::Group) -> Value {
    let id = group.id.0.simple();
    let mut attributes = json!({ "name": group.name });
    if let Some(bio) = &group.bio {
        attributes["bio"] = Value::from(bio.as_str());
    }
    let link = format!("{prefix}/group/{id}");
    json!({ "type": "group", "id": id, "attributes": attributes, "links": { "self": link } })
}

async fn organization_resource(
    app: &App,
    prefix: &str,
    client: &Client,
) -> Result<Option<Value>, Error> {
    let Some(id) = client.organization else { return Ok(None) };
    let Some(organization) = app.store.find_organization(Reach::Instance, id).await? else {
        return Ok(None);
    };
    let id = id.0.simple();
    let link = format!("{prefix}/organization/{id}");
    Ok(Some(json!({
        "type": "organization",
        "id": id,
        "attributes": { "name": organization.name },
        "links": { "self": link },
    })))
}

/// The mount the request came through, so that links lead back through it.
fn prefix(uri: &Uri) -> &'static str {
    if uri.path().starts_with("/pub/") { "/pub" } else { "" }
}
