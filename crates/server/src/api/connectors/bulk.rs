//! `/v1/connectors/{connector}/counts` and `/bulk`: how a connector's connections stand, and what is done
//! with all of them.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use keyhaven_protocol::connection::state::{Reason, Status};
use keyhaven_protocol::id::ConnectorId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::administrator::Administrator;
use super::super::body::Strict;
use super::super::problems::{ChangeProblems, NamedProblems};
use super::super::tenant::Named;
use super::{find, provider_of};
use crate::api::open_api::{OpenApiRouter, routes};
use crate::app::Shared;
use crate::http::error::ApiError;
use crate::operations::change_connections::{Letters, reauthorize_some, revoke_some};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(count_connector_connections))
        .routes(routes!(change_connector_connections))
}

/// How many connections of a connector stand in which state.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"counts": {"active": 120, "needs_reauth": 3}}))]
struct ConnectorCounts {
    /// By state.
    counts: BTreeMap<&'static str, i64>,
}

impl ConnectorCounts {
    fn of(counts: &[(Status, i64)]) -> Self {
        Self { counts: counts.iter().map(|(status, count)| (status.as_str(), *count)).collect() }
    }
}

/// Why users are asked for a new authorization.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum AskedFor {
    /// An administrator wants it.
    #[default]
    Requested,
    /// The connector asks for other scopes now.
    ScopeChange,
    /// The connector is another app now.
    ClientChange,
}

impl AskedFor {
    const fn reason(self) -> Reason {
        match self {
            Self::Requested => Reason::Requested,
            Self::ScopeChange => Reason::ScopeChange,
            Self::ClientChange => Reason::ClientChange,
        }
    }
}

/// What to do with a connector's connections.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
#[schema(example = json!({"action": "reauthorize"}))]
enum BulkChange {
    /// Ask their users for a new authorization; access tokens serve to their end.
    Reauthorize {
        /// Whether each user gets a letter with the link, once a day at most.
        #[serde(default)]
        mail: bool,
        /// What their state will say.
        #[serde(default)]
        reason: AskedFor,
    },
    /// End them.
    Revoke {},
}

impl BulkChange {
    fn remaining(self, counts: &[(Status, i64)]) -> i64 {
        let remains = |status: Status| match self {
            Self::Reauthorize { .. } => status == Status::Active,
            Self::Revoke {} => status != Status::Revoked,
        };
        counts.iter().filter(|(status, _)| remains(*status)).map(|(_, count)| count).sum()
    }
}

/// How far a bulk change got.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"changed": 100, "remaining": 23}))]
struct Changed {
    /// Changed by this call.
    changed: i64,
    /// Letters to their users, where those were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    mailed: Option<i64>,
    /// Still to be changed.
    remaining: i64,
}

/// Count a connector's connections
///
/// By state, so that the progress of a bulk change can be followed.
#[utoipa::path(
    get, path = "/v1/connectors/{connector}/counts", tag = "connectors",
    params(("connector" = String, Path, description = "Id")),
    responses((status = 200, description = "How many stand in which state", body = ConnectorCounts), NamedProblems)
)]
async fn count_connector_connections(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(connector): Named<ConnectorId>,
) -> Result<Json<ConnectorCounts>, ApiError> {
    let kept = find(&app, administrator.reach, connector).await?;
    let counts = app.store.count_connections(kept.connector.organization, connector).await?;
    Ok(Json(ConnectorCounts::of(&counts)))
}

/// Change all connections of a connector
///
/// Up to a hundred per call, oldest first: `reauthorize` asks their users for a new authorization,
/// `revoke` ends them. With `mail`, each user gets a letter with the link, once a day at most. Call again until `remaining` is 0; those done drop out by themselves.
#[utoipa::path(
    post, path = "/v1/connectors/{connector}/bulk", tag = "connectors",
    params(("connector" = String, Path, description = "Id")),
    request_body = BulkChange,
    responses((status = 200, description = "How far it got", body = Changed), ChangeProblems)
)]
async fn change_connector_connections(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(connector): Named<ConnectorId>,
    Strict(body): Strict<BulkChange>,
) -> Result<Json<Changed>, ApiError> {
    let kept = find(&app, administrator.reach, connector).await?;
    let organization = kept.connector.organization;
    let actor = &administrator.actor;
    let step = match body {
        BulkChange::Revoke {} => revoke_some(&app, &kept, actor).await?,
        BulkChange::Reauthorize { mail, reason } => {
            let provider = provider_of(&app, &kept).await?;
            let letters = if mail { Letters::Sent } else { Letters::None };
            reauthorize_some(&app, &kept, &provider, (reason.reason(), letters), actor).await?
        }
    };
    let counts = app.store.count_connections(organization, connector).await?;
    let mailed = matches!(body, BulkChange::Reauthorize { mail: true, .. }).then_some(step.mailed);
    Ok(Json(Changed { changed: step.changed, mailed, remaining: body.remaining(&counts) }))
}
