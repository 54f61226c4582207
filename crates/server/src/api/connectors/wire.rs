//! What connectors look like on the wire.

use std::collections::BTreeMap;

use keyhaven_connect::provider::Provider;
use keyhaven_protocol::display_name::parse_display_name;
use keyhaven_protocol::id::{ConnectorId, OrganizationId};
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::Timestamp;
use keyhaven_store::connectors::{self as room, SecretMark};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::body::{Members, set};
use crate::app::App;
use crate::http::error::ApiError;
use crate::operations::start_connection::redirect_uri_of;

mod members;

use members::{
    MAX_TEXT, check_params, check_required, check_scopes, check_vars, method, project, read_secret,
    sharing,
};

/// What is shown of a secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecretShown {
    /// Its last four characters; empty when it is too short to show any.
    pub last_four: String,
    /// When it was set, in seconds since 1970.
    pub set_at: i64,
}

/// A connector of an organization.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019a2b3c-4d5e-7f60-8123-456789abcdef",
    "organization": "019a2b3c-0000-7f60-8123-456789abcdef",
    "provider": "google", "name": "Google Drive", "method": "oauth", "sharing": "private",
    "client_id": "1234.apps.googleusercontent.com",
    "client_secret": {"last_four": "x7Qa", "set_at": 1_764_000_000},
    "scopes": ["https://www.googleapis.com/auth/drive.readonly"], "required_scopes": [],
    "vars": {}, "params": {},
    "redirect_uri": "https://keys.example/connectors/oauth/callback/019a2b3c-4d5e-7f60-8123-456789abcdef",
    "status": "ok", "created_at": 1_764_000_000, "updated_at": 1_764_000_000
}))]
pub struct Connector {
    /// Its id.
    pub id: String,
    /// The tenant.
    pub organization: String,
    /// The project it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The provider's key.
    pub provider: String,
    /// The name people see.
    pub name: String,
    /// What its connections hold: `oauth`, `client_credentials`, `api_key`, `basic`, `jwt_bearer`.
    pub method: &'static str,
    /// Whose its connections are: `private`, `project`, `organization`.
    pub sharing: &'static str,
    /// The app's client id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The app's secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<SecretShown>,
    /// A secret that is tried first and takes the other's place with its first success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_client_secret: Option<SecretShown>,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// Those of them without which a connection needs its user again.
    pub required_scopes: Vec<String>,
    /// Tenant variables of the provider.
    pub vars: BTreeMap<String, String>,
    /// Further parameters of the authorization request.
    pub params: BTreeMap<String, String>,
    /// What to register with the provider.
    pub redirect_uri: String,
    /// `ok`, or `misconfigured` when the provider refuses the app's credentials.
    pub status: &'static str,
    /// What the provider calls the fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Since when, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault_since: Option<i64>,
    /// When it was made, in seconds since 1970.
    pub created_at: i64,
    /// When it changed last.
    pub updated_at: i64,
}

impl Connector {
    /// A connector as it is shown.
    #[must_use]
    pub fn of(app: &App, connector: &room::Connector) -> Self {
        let secret = |mark: &Option<SecretMark>| {
            mark.as_ref()
                .map(|mark| SecretShown { last_four: mark.hint.clone(), set_at: mark.set_at.0 })
        };
        Self {
            id: connector.id.to_string(),
            organization: connector.organization.to_string(),
            project: connector.project.map(|project| project.to_string()),
            provider: connector.provider.clone(),
            name: connector.name.clone(),
            method: connector.method.as_str(),
            sharing: connector.sharing.as_str(),
            client_id: connector.client_id.clone(),
            client_secret: secret(&connector.secret),
            next_client_secret: secret(&connector.next_secret),
            scopes: super::list(&connector.scopes),
            required_scopes: super::list(&connector.required_scopes),
            vars: serde_json::from_str(&connector.vars).unwrap_or_default(),
            params: serde_json::from_str(&connector.params).unwrap_or_default(),
            redirect_uri: redirect_uri_of(app, connector),
            status: if connector.fault.is_some() { "misconfigured" } else { "ok" },
            fault: connector.fault.clone(),
            fault_since: connector.fault_since.map(|at| at.0),
            created_at: connector.created_at.0,
            updated_at: connector.updated_at.0,
        }
    }
}

/// A connector to create.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "provider": "google", "name": "Google Drive", "client_id": "1234.apps.googleusercontent.com",
    "client_secret": "GOCSPX-…", "scopes": ["https://www.googleapis.com/auth/drive.readonly"]
}))]
pub struct CreateConnector {
    /// The tenant: id or slug; the caller's own if absent.
    #[serde(default)]
    organization: Option<String>,
    /// A project of the tenant.
    #[serde(default)]
    project: Option<String>,
    /// The provider's key.
    provider: String,
    /// The name people see; the provider's if absent.
    #[serde(default)]
    name: Option<String>,
    /// What its connections hold.
    #[serde(default)]
    method: Option<String>,
    /// Whose its connections are.
    #[serde(default)]
    sharing: Option<String>,
    /// The app's client id.
    #[serde(default)]
    client_id: Option<String>,
    /// The app's secret, or its private key (PKCS#8 in PEM).
    #[serde(default)]
    #[schema(extensions(("x-sdk-secret" = json!(true))))]
    client_secret: Option<String>,
    /// What to ask for; the provider's default if empty.
    #[serde(default)]
    scopes: Vec<String>,
    /// Those of `scopes`, as the provider names them in its reply, without which a grant is of no
    /// use: a connection that lacks one is `needs_reauth` for `missing_scopes`.
    #[serde(default)]
    required_scopes: Vec<String>,
    /// Tenant variables of the provider.
    #[serde(default)]
    vars: BTreeMap<String, String>,
    /// Further parameters of the authorization request.
    #[serde(default)]
    params: BTreeMap<String, String>,
}

impl CreateConnector {
    pub(super) fn organization(&self) -> Option<&str> {
        self.organization.as_deref()
    }

    pub(super) fn provider(&self) -> &str {
        &self.provider
    }

    /// The connector, if everything about it is acceptable.
    pub(super) fn parse(
        self,
        id: ConnectorId,
        organization: OrganizationId,
        provider: &Provider,
        now: Timestamp,
    ) -> Result<(room::Connector, Option<Secret>), ApiError> {
        let mut members = Members::default();
        let name = self.name.as_deref().unwrap_or(&provider.name);
        let name = members.read("/name", parse_display_name(name));
        let method = members.read("/method", method(self.method.as_deref(), provider));
        let sharing = members.read("/sharing", sharing(self.sharing.as_deref()));
        let project = members.read("/project", project(self.project.as_deref()));
        check_scopes(&self.scopes, &mut members);
        check_required(&self.required_scopes, &self.scopes, provider, &mut members);
        check_vars(&self.vars, provider, &mut members);
        check_params(&self.params, &mut members);
        let secret = read_secret(self.client_secret, &mut members);
        let needs_client = method.is_some_and(|method| !method.is_typed());
        if needs_client && self.client_id.as_deref().unwrap_or_default().is_empty() {
            members.wrong("/client_id", "is required");
        }
        if self.client_id.as_ref().is_some_and(|id| id.len() > MAX_TEXT) {
            members.wrong("/client_id", "is too long");
        }
        let (Some(name), Some(method), Some(sharing), Some(project)) =
            (name, method, sharing, project)
        else {
            return Err(members.refuse());
        };
        members.finish()?;
        let mark = |secret: &Secret| SecretMark { hint: shown(secret), set_at: now };
        let connector = room::Connector {
            id,
            organization,
            project,
            provider: provider.key.clone(),
            name,
            method,
            sharing,
            owner: None,
            client_id: self.client_id,
            scopes: self.scopes.join(" "),
            required_scopes: self.required_scopes.join(" "),
            vars: text(&self.vars),
            params: text(&self.params),
            created_at: now,
            updated_at: now,
            revision: 1,
            secret: secret.as_ref().map(mark),
            next_secret: None,
            fault: None,
            fault_since: None,
            probe_at: None,
            probes: 0,
            deleting_since: None,
        };
        Ok((connector, secret))
    }
}

/// What to change of a connector; absent members stay as they are.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"client_secret": "GOCSPX-…"}))]
pub struct UpdateConnector {
    /// A new name.
    #[serde(deserialize_with = "set")]
    name: Option<String>,
    /// Another app.
    #[serde(deserialize_with = "set")]
    client_id: Option<String>,
    /// Another secret.
    #[serde(deserialize_with = "set")]
    #[schema(extensions(("x-sdk-secret" = json!(true))))]
    client_secret: Option<String>,
    /// Other scopes, for authorizations from here on.
    #[serde(deserialize_with = "set")]
    scopes: Option<Vec<String>>,
    /// Other scopes that it cannot do without, for grants from here on and for those that lose one.
    #[serde(deserialize_with = "set")]
    required_scopes: Option<Vec<String>>,
    /// Other variables, all of them.
    #[serde(deserialize_with = "set")]
    vars: Option<BTreeMap<String, String>>,
    /// Other parameters, all of them.
    #[serde(deserialize_with = "set")]
    params: Option<BTreeMap<String, String>>,
}

/// A change that is acceptable.
pub(super) struct Change {
    pub(super) name: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) scopes: Option<String>,
    pub(super) required_scopes: Option<String>,
    pub(super) vars: Option<String>,
    pub(super) params: Option<String>,
    pub(super) secret: Option<Secret>,
}

impl UpdateConnector {
    pub(super) fn parse(
        self,
        connector: &room::Connector,
        provider: &Provider,
    ) -> Result<Change, ApiError> {
        let mut members = Members::default();
        let name = self.name.and_then(|name| members.read("/name", parse_display_name(&name)));
        if let Some(scopes) = &self.scopes {
            check_scopes(scopes, &mut members);
        }
        if self.scopes.is_some() || self.required_scopes.is_some() {
            let scopes = self.scopes.clone().unwrap_or_else(|| super::list(&connector.scopes));
            let required = self.required_scopes.clone();
            let required = required.unwrap_or_else(|| super::list(&connector.required_scopes));
            check_required(&required, &scopes, provider, &mut members);
        }
        if let Some(vars) = &self.vars {
            check_vars(vars, provider, &mut members);
        }
        if let Some(params) = &self.params {
            check_params(params, &mut members);
        }
        if self.client_id.as_ref().is_some_and(|id| id.is_empty() || id.len() > MAX_TEXT) {
            members.wrong("/client_id", "has 1 to 2048 characters");
        }
        let other = self.client_id.is_some() && self.client_id != connector.client_id;
        if other && self.client_secret.is_none() && connector.secret.is_some() {
            members.wrong("/client_secret", "is required with another client_id");
        }
        let secret = read_secret(self.client_secret, &mut members);
        members.finish()?;
        Ok(Change {
            name,
            client_id: self.client_id.filter(|_| other),
            scopes: self.scopes.map(|scopes| scopes.join(" ")),
            required_scopes: self.required_scopes.map(|scopes| scopes.join(" ")),
            vars: self.vars.as_ref().map(text),
            params: self.params.as_ref().map(text),
            secret,
        })
    }
}

/// As the store will show it.
fn shown(secret: &Secret) -> String {
    room::hint(secret)
}

fn text(map: &BTreeMap<String, String>) -> String {
    serde_json::to_string(map).unwrap_or_else(|_| "{}".to_owned())
}
