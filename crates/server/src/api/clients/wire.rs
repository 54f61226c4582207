//! Clients on the wire: what is sent in, what is shown.

use keyhaven_protocol::time::Timestamp;
use keyhaven_store::client_secrets::NewSecret;
use keyhaven_store::clients::ClientRecord;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::settings::{self, Settings};
use super::sign_in::SignIn;
use crate::api::body::{Members, set, set_or_removed};

/// Declares a request with the members that creating and changing a client have in common.
macro_rules! client_request {
    ($(#[$meta:meta])* $name:ident { $($own:tt)* }) => {
        #[derive(Clone, Debug, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        $(#[$meta])*
        pub struct $name {
            $($own)*
            /// Grant types it may use: `authorization_code`, `client_credentials`, `refresh_token`.
            #[serde(default, deserialize_with = "set")]
            #[schema(default = json!(["client_credentials"]))]
            grant_types: Option<Vec<String>>,
            /// Scopes it may ask for, space-separated. `keyhaven:admin` opens this interface.
            #[serde(default, deserialize_with = "set")]
            #[schema(default = "")]
            scope: Option<String>,
            /// Ids of groups of its organization it is tied to.
            #[serde(default, deserialize_with = "set")]
            groups: Option<Vec<String>>,
            /// Exact redirect URIs: https, http to this computer, or a private scheme with a dot.
            #[serde(default, deserialize_with = "set")]
            redirect_uris: Option<Vec<String>>,
            /// How it signs people in; replaces the whole object.
            #[serde(default, deserialize_with = "set")]
            sign_in: Option<SignIn>,
            /// Its set of rules: `strict`, `oidc-compat` or `fapi2`.
            #[serde(default, deserialize_with = "set")]
            #[schema(default = "strict")]
            profile: Option<String>,
            /// How it authenticates: `client_secret_basic`, `client_secret_post`, `private_key_jwt`
            /// or `none`.
            #[serde(default, deserialize_with = "set")]
            #[schema(default = "client_secret_basic")]
            auth_method: Option<String>,
            /// `true` is `auth_method: none`: a program that cannot keep a secret.
            #[serde(default, deserialize_with = "set")]
            public: Option<bool>,
            /// Its public keys as a JWK Set, for `private_key_jwt`: at most 20 keys; `null` removes
            /// them.
            #[serde(default, deserialize_with = "set_or_removed")]
            #[schema(value_type = Option<Object>)]
            jwks: Option<Option<Value>>,
            /// Where it publishes its keys instead of `jwks`: https. They are fetched when they are
            /// needed, and at most once a minute for a key that is not known; `null` removes it.
            #[serde(default, deserialize_with = "set_or_removed")]
            #[schema(value_type = Option<String>)]
            jwks_uri: Option<Option<String>>,
            /// The one algorithm its assertions may use: `ES256`, `EdDSA`, `PS256` or `RS256`;
            /// `null` allows every one of its keys.
            #[serde(default, deserialize_with = "set_or_removed")]
            #[schema(value_type = Option<String>)]
            assertion_alg: Option<Option<String>>,
            /// What its access tokens are made of: `jwt` or `opaque`.
            #[serde(default, deserialize_with = "set")]
            #[schema(default = "jwt")]
            token_format: Option<String>,
            /// Signature of its JWTs: `ES256`, `EdDSA`, `PS256` or `RS256`.
            #[serde(default, deserialize_with = "set")]
            token_alg: Option<String>,
            /// The audience of its access tokens, an absolute URI; `null` is the issuer.
            #[serde(default, deserialize_with = "set_or_removed")]
            #[schema(value_type = Option<String>)]
            audience: Option<Option<String>>,
            /// Life of its access tokens in seconds: 1 to 600. Absent: `access_token_ttl` of the server.
            #[serde(default, deserialize_with = "set")]
            access_ttl: Option<i64>,
            /// A refresh token ends when unused this many seconds: 60 to 31536000. Absent, here and in the
            /// next two: the server's setting of the same name.
            #[serde(default, deserialize_with = "set")]
            refresh_idle_ttl: Option<i64>,
            /// A refresh family ends this many seconds after it began: 60 to 31536000, not less
            /// than `refresh_idle_ttl`.
            #[serde(default, deserialize_with = "set")]
            refresh_absolute_ttl: Option<i64>,
            /// A spent refresh token answers with its successor for this many seconds: 0 to 300.
            #[serde(default, deserialize_with = "set")]
            refresh_grace: Option<i64>,
        }

        impl $name {
            fn settings(&self) -> Settings<'_> {
                Settings {
                    grant_types: self.grant_types.as_deref(),
                    scope: self.scope.as_deref(),
                    groups: self.groups.as_deref(),
                    redirect_uris: self.redirect_uris.as_deref(),
                    sign_in: self.sign_in.as_ref(),
                    profile: self.profile.as_deref(),
                    auth_method: self.auth_method.as_deref(),
                    public: self.public,
                    jwks: self.jwks.as_ref().map(Option::as_ref),
                    jwks_uri: self.jwks_uri.as_ref().map(Option::as_deref),
                    assertion_alg: self.assertion_alg.as_ref().map(Option::as_deref),
                    token_format: self.token_format.as_deref(),
                    token_alg: self.token_alg.as_deref(),
                    audience: self.audience.as_ref().map(Option::as_deref),
                    access_ttl: self.access_ttl,
                    refresh_idle_ttl: self.refresh_idle_ttl,
                    refresh_absolute_ttl: self.refresh_absolute_ttl,
                    refresh_grace: self.refresh_grace,
                }
            }
        }
    };
}

client_request! {
    /// A client to create.
    #[schema(example = json!({
        "name": "Billing", "organization": "acme", "scope": "accounts.read accounts.write",
        "grant_types": ["client_credentials", "refresh_token"]
    }))]
    CreateClient {
        /// The name people see: 1 to 200 characters.
        name: String,
        /// The owning organization: id or slug.
        #[serde(default)]
        organization: Option<String>,
    }
}

client_request! {
    /// What to change of a client; absent members stay as they are.
    #[schema(example = json!({"scope": "accounts.read", "disabled": false}))]
    UpdateClient {
        /// A new name.
        #[serde(default, deserialize_with = "set")]
        name: Option<String>,
        /// `true` stops the client, `false` lets it act again.
        #[serde(default, deserialize_with = "set")]
        disabled: Option<bool>,
    }
}

impl CreateClient {
    /// Whose it should be.
    pub(super) fn organization(&self) -> Option<&str> {
        self.organization.as_deref()
    }

    /// Writes what was asked for into `record`, noting what breaks a rule.
    pub(super) fn apply(&self, record: &mut ClientRecord, members: &mut Members) {
        settings::rename(record, &self.name, members);
        self.settings().apply(record, members);
    }
}

impl UpdateClient {
    /// Writes what was asked for into `record`, noting what breaks a rule.
    pub(super) fn apply(&self, record: &mut ClientRecord, now: Timestamp, members: &mut Members) {
        if let Some(name) = &self.name {
            settings::rename(record, name, members);
        }
        match self.disabled {
            None => {}
            Some(true) => record.disabled_at = record.disabled_at.or(Some(now)),
            Some(false) => record.disabled_at = None,
        }
        self.settings().apply(record, members);
    }
}

/// A request without members.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({}))]
pub struct NoMembers {}

/// An OAuth client.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "client_id": "kh_client_0AbCdEfGhIjKlMnOpQrStU", "name": "Billing",
    "organization": "019a2b3c-0000-7f60-8123-456789abcdef",
    "grant_types": ["client_credentials"], "scope": "accounts.read", "groups": [],
    "redirect_uris": [], "profile": "strict", "auth_method": "client_secret_basic",
    "token_format": "jwt", "token_alg": "ES256", "access_ttl": 600,
    "refresh_idle_ttl": 1_209_600, "refresh_absolute_ttl": 2_592_000, "refresh_grace": 90,
    "created_at": 1_764_000_000
}))]
pub struct Client {
    /// The `client_id` parameter.
    pub client_id: String,
    /// The name people see.
    pub name: String,
    /// The owning organization; absent for a client of the instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// Grant types it may use.
    pub grant_types: Vec<String>,
    /// Scopes it may ask for.
    pub scope: String,
    /// Groups it is tied to.
    pub groups: Vec<String>,
    /// Exact redirect URIs.
    pub redirect_uris: Vec<String>,
    /// How it signs people in; absent for a client that may not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<SignIn>,
    /// Its set of rules.
    pub profile: &'static str,
    /// How it authenticates.
    pub auth_method: &'static str,
    /// Its public keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub jwks: Option<Value>,
    /// Where it publishes its keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// The one algorithm its assertions may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assertion_alg: Option<String>,
    /// What its access tokens are made of.
    pub token_format: &'static str,
    /// Signature of its JWTs.
    pub token_alg: String,
    /// The audience of its access tokens; absent for the issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Life of its access tokens in seconds.
    pub access_ttl: i64,
    /// A refresh token ends when unused this many seconds.
    pub refresh_idle_ttl: i64,
    /// A refresh family ends this many seconds after it began.
    pub refresh_absolute_ttl: i64,
    /// A spent refresh token answers with its successor for this many seconds.
    pub refresh_grace: i64,
    /// When it was created, in seconds since 1970.
    pub created_at: i64,
    /// Since when it is disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<i64>,
}

impl From<&ClientRecord> for Client {
    fn from(record: &ClientRecord) -> Self {
        let client = &record.client;
        Self {
            client_id: client.public_id.clone(),
            name: client.name.clone(),
            organization: client.organization.map(|id| id.to_string()),
            grant_types: client.grant_types.clone(),
            scope: client.scopes.as_str().to_owned(),
            groups: record.groups.iter().map(ToString::to_string).collect(),
            redirect_uris: client.party.redirect_uris.clone(),
            sign_in: client.may_use("authorization_code").then(|| SignIn::from(&client.party)),
            profile: client.profile.as_str(),
            auth_method: client.auth_method.as_str(),
            jwks: client.keys.as_deref().and_then(|keys| serde_json::from_str(keys).ok()),
            jwks_uri: client.keys_uri.clone(),
            assertion_alg: client.assertion_alg.clone(),
            token_format: client.token_format.as_str(),
            token_alg: client.token_alg.clone(),
            audience: client.audience.clone(),
            access_ttl: client.access_ttl.0,
            refresh_idle_ttl: client.refresh_idle.0,
            refresh_absolute_ttl: client.refresh_absolute.0,
            refresh_grace: client.refresh_grace.0,
            created_at: record.created_at.0,
            disabled_at: record.disabled_at.map(|at| at.0),
        }
    }
}

/// A new client, with its secret where it has one.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegisteredClient {
    /// The client.
    #[serde(flatten)]
    pub client: Client,
    /// Shown once. Absent for clients that authenticate without a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "kh_secret_0AbCdEfGhIjKlMnOpQrStU…", extensions(("x-sdk-secret" = json!(true))))]
    pub client_secret: Option<String>,
}

impl RegisteredClient {
    pub(super) fn of(record: &ClientRecord, secret: Option<&NewSecret>) -> Self {
        Self {
            client: record.into(),
            client_secret: secret.map(|secret| secret.text.reveal().to_owned()),
        }
    }
}
