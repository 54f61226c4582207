//! What connections look like on the wire.

use std::collections::BTreeMap;

use keyhaven_protocol::connection::state::{Reason, Status};
use keyhaven_protocol::id::UserId;
use keyhaven_protocol::time::Timestamp;
use keyhaven_store::connections::{self as room, Held, NewConnection, TokenEvent, Tokens};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::operations::start_connection::Started;
use crate::vault::upstream::Beside;

/// A connection to an outside account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019a2b3c-4d5e-7f60-8123-456789abcdef",
    "organization": "019a2b3c-0000-7f60-8123-456789abcdef",
    "connector": "019a2b3c-1111-7f60-8123-456789abcdef", "method": "oauth",
    "account": "118234", "account_label": "ada@example.com", "labels": ["drive"],
    "status": "active", "since": 1_764_000_000, "scopes": ["drive.readonly"], "missing_scopes": [],
    "expires_at": 1_764_003_600, "token_updated_at": 1_764_000_000,
    "created_at": 1_764_000_000, "updated_at": 1_764_000_000
}))]
pub struct Connection {
    /// Its id, also that of its grant.
    pub id: String,
    /// The tenant.
    pub organization: String,
    /// Under which connector.
    pub connector: String,
    /// Whose it is; absent for a team's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What it holds.
    pub method: &'static str,
    /// The outside account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// What people call that account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_label: Option<String>,
    /// Its callers' own name for it, one of a kind under its connector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Words its callers find it by.
    pub labels: Vec<String>,
    /// What else its callers keep with it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Its further tokens, where its provider gives several; shown for a single connection only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub slots: Vec<Slot>,
    /// `pending`, `active`, `refreshing`, `expired`, `needs_reauth`, `error` or `revoked`.
    pub status: &'static str,
    /// Why, unless it is active.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// Since when, in seconds since 1970.
    pub since: i64,
    /// What was granted.
    pub scopes: Vec<String>,
    /// What was asked for and not granted.
    pub missing_scopes: Vec<String>,
    /// Where its API is, when that is the account's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_base: Option<String>,
    /// What else the provider's file keeps.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, String>,
    /// The access token's end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// When its tokens changed last.
    pub token_updated_at: i64,
    /// While its provider fails: when it is asked next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_try_at: Option<i64>,
    /// When it was made.
    pub created_at: i64,
    /// When anything but its tokens changed last.
    pub updated_at: i64,
}

/// A further token of a connection.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "name": "user", "status": "active", "since": 1_764_000_000, "scopes": ["chat:write"],
    "expires_at": 1_764_003_600
}))]
pub struct Slot {
    /// What it is called.
    pub name: String,
    /// As for connections: each is renewed on its own.
    pub status: &'static str,
    /// Why, unless it is active.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// Since when, in seconds since 1970.
    pub since: i64,
    /// What was granted.
    pub scopes: Vec<String>,
    /// The access token's end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
}

impl Slot {
    pub(super) fn of(connection: &room::Connection, now: Timestamp) -> Option<Self> {
        let name = connection.slot.as_ref()?.name.clone();
        let shown = Connection::of(connection, now);
        Some(Self {
            name,
            status: shown.status,
            reason: shown.reason,
            since: shown.since,
            scopes: shown.scopes,
            expires_at: shown.expires_at,
        })
    }
}

impl Connection {
    /// A connection as it is shown at `now`.
    #[must_use]
    pub fn of(connection: &room::Connection, now: Timestamp) -> Self {
        Self {
            id: connection.id.to_string(),
            organization: connection.organization.to_string(),
            connector: connection.connector.to_string(),
            user: connection.owner.map(|owner| owner.to_string()),
            method: connection.method.as_str(),
            account: connection.account.clone(),
            account_label: connection.account_label.clone(),
            external_id: connection.external_id.clone(),
            labels: words(&connection.labels),
            metadata: serde_json::from_str(&connection.metadata).unwrap_or_default(),
            slots: Vec::new(),
            status: connection.standing.status.as_str(),
            reason: connection.standing.reason.map(Reason::as_str),
            since: connection.standing.since.0,
            scopes: words(&connection.scopes),
            missing_scopes: words(&connection.missing_scopes),
            api_base: connection.api_base.clone(),
            extra: Beside::of(&connection.extra).kept,
            expires_at: connection.access_ends_at.map(|at| at.0),
            token_updated_at: connection.token_updated_at.0,
            next_try_at: connection.next_try_at.filter(|at| *at > now).map(|at| at.0),
            created_at: connection.created_at.0,
            updated_at: connection.updated_at.0,
        }
    }

    /// With what only the whole row knows: a refresh under way, a connector that is wrong.
    #[must_use]
    pub fn of_held(held: &Held, now: Timestamp) -> Self {
        let mut shown = Self::of(&held.connection, now);
        if held.connection.standing.status == Status::Active {
            if held.fault.is_some() {
                shown.status = Status::Error.as_str();
                shown.reason = Some("connector_misconfigured");
            } else if held.leased {
                shown.status = "refreshing";
            }
        }
        shown
    }

    /// One that is about to exist.
    #[must_use]
    pub fn fresh(new: &NewConnection<'_>, tokens: &Tokens) -> Self {
        let now = new.standing.since.0;
        Self {
            id: new.id.to_string(),
            organization: new.organization.to_string(),
            connector: new.connector.to_string(),
            user: new.owner.map(|owner| owner.to_string()),
            method: new.method.as_str(),
            account: new.account.map(str::to_owned),
            account_label: new.account_label.map(str::to_owned),
            external_id: new.external_id.map(str::to_owned),
            labels: words(new.labels),
            metadata: serde_json::from_str(new.metadata).unwrap_or_default(),
            slots: Vec::new(),
            status: new.standing.status.as_str(),
            reason: None,
            since: now,
            scopes: words(tokens.scopes.as_deref().unwrap_or_default()),
            missing_scopes: Vec::new(),
            api_base: None,
            extra: BTreeMap::new(),
            expires_at: tokens.access_ends_at.map(|at| at.0),
            token_updated_at: now,
            next_try_at: None,
            created_at: now,
            updated_at: now,
        }
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// How to start an authorization.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"base_url": "https://hub.example"}))]
pub struct StartAuthorization {
    /// Where the user goes in the end: this server, or a configured origin.
    pub base_url: Option<String>,
    /// The user it is for; absent for a team's connection.
    pub user: Option<String>,
    /// Scopes beyond the connector's.
    pub scopes: Vec<String>,
}

impl StartAuthorization {
    /// The user it is for.
    pub fn owner(&self) -> Result<Option<UserId>, &'static str> {
        match &self.user {
            None => Ok(None),
            Some(text) => UserId::parse(text).map(Some).ok_or("is not a user's id"),
        }
    }
}

/// Where to send a user.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "authorization_url": "https://accounts.google.com/o/oauth2/v2/auth?client_id=…",
    "state": "eyJzdGF0ZSI6ICI…", "expires_at": 1_764_000_600
}))]
pub struct Authorization {
    /// The provider's page.
    pub authorization_url: String,
    /// The state in it.
    pub state: String,
    /// Until when the user may return, in seconds since 1970.
    pub expires_at: i64,
}

impl Authorization {
    pub(in crate::api) fn of(app: &App, started: &Started) -> Self {
        Self {
            authorization_url: started.authorization_url.clone(),
            state: started.state.clone(),
            expires_at: app.clock.now().plus(keyhaven_store::flows::LIFE).0,
        }
    }
}

/// What confirms a connection.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"ticket": "AcWyTTvXq0cJvW8kmZbIhKzqd3c0tB3Yq9mD"}))]
pub struct Confirmation {
    /// What the callback's browser was sent on with.
    #[schema(extensions(("x-sdk-secret" = json!(true))))]
    pub ticket: String,
}

/// One line of a timeline.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019a2b3c-4d5e-7f60-8123-456789abcdef", "at": 1_764_000_000, "what": "failed",
    "reason": "grant_revoked", "class": "grant_dead", "upstream_status": 400,
    "node": "019a2b3c-2222-7f60-8123-456789abcdef", "actor": "system"
}))]
pub struct TimelineEvent {
    /// Its id.
    pub id: String,
    /// When, in seconds since 1970.
    pub at: i64,
    /// What happened.
    pub what: String,
    /// The reason of the state it led to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What a failure meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The provider's status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_status: Option<i64>,
    /// The provider's id of its request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_request: Option<String>,
    /// The node that did it.
    pub node: String,
    /// Who asked for it.
    pub actor: String,
    /// Of which further token, where it is not the connection's first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
}

impl From<TokenEvent> for TimelineEvent {
    fn from(event: TokenEvent) -> Self {
        Self {
            id: event.id.to_string(),
            at: event.at.0,
            what: event.what,
            reason: event.reason,
            class: event.class,
            upstream_status: event.upstream_status,
            upstream_request: event.upstream_request,
            node: event.node,
            actor: event.actor,
            slot: event.slot,
        }
    }
}
