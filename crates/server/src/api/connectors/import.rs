//! `POST /v1/connectors/{connector}/import`: grants that another system holds go on here.

use std::collections::BTreeMap;

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::State;
use futures_util::StreamExt as _;
use keyhaven_protocol::connection::Method;
use keyhaven_protocol::connection::state::{Reason, Standing};
use keyhaven_protocol::id::{ConnectionId, ConnectorId};
use keyhaven_store::connections::NewConnection;
use keyhaven_store::connectors::Kept;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::administrator::Administrator;
use super::super::body::Strict;
use super::super::connections::create::{CreateConnection, Terms};
use super::super::problems::ChangeProblems;
use super::super::tenant::Named;
use super::{find, provider_of};
use crate::app::{Origin, Shared};
use crate::http::error::{ApiError, Kind};
use crate::operations::import_connections::{Imported, Proof, Proved, import_connection};
use crate::vault::arrived::scheme;
use crate::vault::provider_of::Found;
use crate::vault::upstream::pace;

/// Rows of one call; fewer where each is proved.
const MOST: usize = 100;
const MOST_PROVED: usize = 25;

/// Rows under way at once.
const AT_ONCE: usize = 8;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(import_connector_connections))
}

/// Grants of another system.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "prove": "refresh",
    "connections": [{
        "external_id": "customer-42", "account": "118234", "refresh_token": "…", "scopes": ["read"]
    }]
}))]
struct ImportConnections {
    /// At most 100 rows, 25 where they are proved.
    connections: Vec<ImportedGrant>,
    /// `refresh`: each is refreshed once after it is kept, which spends a rotating token. `account`:
    /// the provider is asked whose access token it is, and what it does not vouch for is not kept.
    #[serde(default)]
    prove: Option<ProofWish>,
}

/// How rows are proved.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ProofWish {
    /// By one refresh.
    Refresh,
    /// By asking whose access token it is.
    Account,
}

/// One grant.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"external_id": "customer-42", "refresh_token": "…"}))]
struct ImportedGrant {
    /// Your own name for it: what makes a repetition safe.
    external_id: String,
    /// Whose it is; absent for a team's.
    #[serde(default)]
    user: Option<String>,
    /// The outside account's id.
    #[serde(default)]
    account: Option<String>,
    /// What people call that account.
    #[serde(default)]
    account_label: Option<String>,
    /// Words its callers find it by.
    #[serde(default)]
    labels: Vec<String>,
    /// What else to keep with it.
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    /// The access token.
    #[serde(default)]
    #[schema(extensions(("x-sdk-secret" = json!(true))))]
    access_token: Option<String>,
    /// The refresh token.
    #[serde(default)]
    #[schema(extensions(("x-sdk-secret" = json!(true))))]
    refresh_token: Option<String>,
    /// The access token's end, in seconds since 1970.
    #[serde(default)]
    expires_at: Option<i64>,
    /// What was granted.
    #[serde(default)]
    scopes: Vec<String>,
}

/// What became of each row, in order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"results": [{
    "external_id": "customer-42", "status": "created",
    "connection": "019a2b3c-4d5e-7f60-8123-456789abcdef", "proof": "passed"
}]}))]
struct ImportReport {
    /// One per row.
    results: Vec<ImportResult>,
}

/// What became of a row.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"external_id": "customer-42", "status": "exists"}))]
struct ImportResult {
    /// Your name for it.
    external_id: String,
    /// `created`, `exists` (kept as it is) or `refused` (nothing kept).
    status: &'static str,
    /// The connection it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<String>,
    /// `passed`; `failed`, its user is needed; or `unknown`, it is tried again by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<&'static str>,
    /// Why it was refused, or why its proof failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Import connections
///
/// Grants that another system holds, up to a hundred per call. Safe to repeat: a row whose external id
/// or account has a connection already changes nothing. Each row is reported on its own.
#[utoipa::path(
    post, path = "/v1/connectors/{connector}/import", tag = "connectors",
    operation_id = "import_connections",
    params(("connector" = String, Path, description = "Id")),
    request_body = ImportConnections,
    responses((status = 200, description = "What became of each row", body = ImportReport), ChangeProblems)
)]
async fn import_connector_connections(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(connector): Named<ConnectorId>,
    origin: Origin,
    Strict(body): Strict<ImportConnections>,
) -> Result<Json<ImportReport>, ApiError> {
    let kept = find(&app, administrator.reach, connector).await?;
    if kept.connector.method != Method::Oauth {
        return Err(ApiError::new(Kind::Conflict, "Only grants of OAuth connectors are imported."));
    }
    let provider = provider_of(&app, &kept).await?;
    let (proof, most) = match body.prove {
        None => (Proof::None, MOST),
        Some(ProofWish::Refresh) => (Proof::Refresh, MOST_PROVED),
        Some(ProofWish::Account) => (Proof::Account, MOST_PROVED),
    };
    if body.connections.len() > most {
        return Err(ApiError::member("/connections", format!("has at most {most} items")));
    }
    let job = Job { app, kept, provider, proof, actor: administrator.actor, origin };
    let rows = body.connections.into_iter().map(|row| job.take(row));
    let results: Vec<_> = futures_util::stream::iter(rows).buffered(AT_ONCE).collect().await;
    let results = results.into_iter().collect::<Result<Vec<_>, ApiError>>()?;
    Ok(Json(ImportReport { results }))
}

/// What all rows have in common.
struct Job {
    app: Shared,
    kept: Kept,
    provider: Found,
    proof: Proof,
    actor: String,
    origin: Origin,
}

impl Job {
    /// Keeps one row. What is wrong with it is its own result; only storage ends the call.
    async fn take(&self, row: ImportedGrant) -> Result<ImportResult, ApiError> {
        let (app, connector) = (&self.app, &self.kept.connector);
        let external_id = row.external_id.clone();
        let pace = pace(&self.provider, connector.method);
        let terms = Terms {
            pace: &pace,
            scheme: scheme(&self.provider),
            now: app.clock.now(),
            dice: u64::from_be_bytes(app.dice.bytes()),
        };
        let arrived = match row.into_create(connector.id).parse(connector, &terms) {
            Ok(arrived) => arrived,
            Err(wrong) => return Ok(ImportResult::refused(external_id, first_rule(&wrong))),
        };
        let node = app.vault.node_name();
        let new = NewConnection {
            id: ConnectionId(app.id()),
            organization: connector.organization,
            connector: connector.id,
            owner: arrived.owner,
            method: connector.method,
            account: arrived.account.as_deref(),
            account_label: arrived.account_label.as_deref(),
            external_id: Some(&external_id),
            labels: &arrived.labels,
            metadata: &arrived.metadata,
            slots: &[],
            standing: Standing::authorized(arrived.tokens.coverage, terms.now),
            issued_to: connector.client_id.as_deref(),
            flow: None,
            node: &node,
        };
        let act = app.act(self.actor.clone(), &self.origin);
        let at = (&self.kept, &self.provider);
        let done = import_connection(app, at, &new, &arrived.tokens, self.proof, act).await?;
        Ok(ImportResult::of(external_id, &done))
    }
}

impl ImportedGrant {
    fn into_create(self, connector: ConnectorId) -> CreateConnection {
        CreateConnection {
            connector: connector.to_string(),
            user: self.user,
            account: self.account,
            account_label: self.account_label,
            external_id: Some(self.external_id),
            labels: self.labels,
            metadata: self.metadata,
            api_key: None,
            username: None,
            password: None,
            access_token: self.access_token,
            refresh_token: self.refresh_token,
            expires_at: self.expires_at,
            scopes: self.scopes,
        }
    }
}

/// What is wrong with a row: the member and the rule, never its value.
fn first_rule(wrong: &ApiError) -> String {
    let first = wrong.errors.first();
    first.map_or_else(String::new, |error| {
        format!("{} {}", error.pointer.as_deref().unwrap_or_default(), error.detail)
    })
}

impl ImportResult {
    fn refused(external_id: String, reason: String) -> Self {
        let reason = Some(reason);
        Self { external_id, status: "refused", connection: None, proof: None, reason }
    }

    fn of(external_id: String, done: &Imported) -> Self {
        let (status, connection, proved) = match done {
            Imported::Refused(why) => return Self::refused(external_id, (*why).to_owned()),
            Imported::Exists(id) => ("exists", id, None),
            Imported::Created(id, proved) => ("created", id, proved.as_ref()),
        };
        let (proof, reason) = match proved {
            None => (None, None),
            Some(Proved::Yes) => (Some("passed"), None),
            Some(Proved::No(reason)) => (Some("failed"), Some(Reason::as_str(*reason).to_owned())),
            Some(Proved::NotNow) => (Some("unknown"), None),
        };
        Self { external_id, status, connection: Some(connection.to_string()), proof, reason }
    }
}
