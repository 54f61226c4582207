//! A connection without a consent page: what makes one acceptable.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyhaven_protocol::connection::Method;
use keyhaven_protocol::connection::state::Coverage;
use keyhaven_protocol::connection::timing::Pace;
use keyhaven_protocol::id::UserId;
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::{Seconds, Timestamp};
use keyhaven_store::connections::Tokens;
use keyhaven_store::connectors::Connector;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::body::Members;
use super::edit::{check_external_id, labels, metadata_text};
use crate::http::error::ApiError;
use crate::vault::upstream::sealed_login;

const MAX_TOKEN: usize = 16_384;

/// A connection that needs no consent page.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "connector": "019a2b3c-1111-7f60-8123-456789abcdef", "account": "118234",
    "access_token": "…", "refresh_token": "…", "expires_at": 1_764_003_600, "scopes": ["read"]
}))]
pub(in crate::api) struct CreateConnection {
    /// Under which connector.
    pub(in crate::api) connector: String,
    /// Whose it is; absent for a team's.
    #[serde(default)]
    pub(in crate::api) user: Option<String>,
    /// The outside account's id.
    #[serde(default)]
    pub(in crate::api) account: Option<String>,
    /// What people call that account.
    #[serde(default)]
    pub(in crate::api) account_label: Option<String>,
    /// Your own name for it, one of a kind under its connector.
    #[serde(default)]
    pub(in crate::api) external_id: Option<String>,
    /// Words its callers find it by.
    #[serde(default)]
    pub(in crate::api) labels: Vec<String>,
    /// What else to keep with it.
    #[serde(default)]
    pub(in crate::api) metadata: BTreeMap<String, String>,
    /// The key, for a connector whose connections hold keys.
    #[serde(default)]
    #[schema(extensions(("x-sdk-secret" = json!(true))))]
    pub(in crate::api) api_key: Option<String>,
    /// The user name, for one whose connections hold logins.
    #[serde(default)]
    pub(in crate::api) username: Option<String>,
    /// The password that goes with it.
    #[serde(default)]
    #[schema(extensions(("x-sdk-secret" = json!(true))))]
    pub(in crate::api) password: Option<String>,
    /// An access token from another system.
    #[serde(default)]
    #[schema(extensions(("x-sdk-secret" = json!(true))))]
    pub(in crate::api) access_token: Option<String>,
    /// A refresh token from another system.
    #[serde(default)]
    #[schema(extensions(("x-sdk-secret" = json!(true))))]
    pub(in crate::api) refresh_token: Option<String>,
    /// The access token's end, in seconds since 1970.
    #[serde(default)]
    pub(in crate::api) expires_at: Option<i64>,
    /// What was granted.
    #[serde(default)]
    pub(in crate::api) scopes: Vec<String>,
}

/// Under what a new connection is made.
pub(in crate::api) struct Terms<'a> {
    /// The provider's pace.
    pub(in crate::api) pace: &'a Pace,
    /// How its API wants a token.
    pub(in crate::api) scheme: String,
    /// The present.
    pub(in crate::api) now: Timestamp,
    /// Randomness, for when it is looked at.
    pub(in crate::api) dice: u64,
}

/// A connection that is acceptable.
pub(in crate::api) struct Arrived {
    pub(in crate::api) owner: Option<UserId>,
    pub(in crate::api) account: Option<String>,
    pub(in crate::api) account_label: Option<String>,
    pub(in crate::api) external_id: Option<String>,
    pub(in crate::api) labels: String,
    pub(in crate::api) metadata: String,
    pub(in crate::api) tokens: Tokens,
}

impl CreateConnection {
    pub(super) fn connector(&self) -> &str {
        &self.connector
    }

    pub(in crate::api) fn parse(
        self,
        connector: &Connector,
        terms: &Terms<'_>,
    ) -> Result<Arrived, ApiError> {
        let mut members = Members::default();
        let owner = match self.user.as_deref() {
            None => None,
            Some(text) => members.read("/user", UserId::parse(text).ok_or("is not a user's id")),
        };
        let labels = members.read("/labels", labels(&self.labels));
        for (at, text) in [("/account", &self.account), ("/account_label", &self.account_label)] {
            if text.as_ref().is_some_and(|text| text.len() > 512 || text.contains(char::is_control))
            {
                members.wrong(at, "is at most 512 characters on one line");
            }
        }
        let external_id = self.external_id.clone();
        if let Some(name) = &external_id {
            members.read("/external_id", check_external_id(name));
        }
        let metadata = members.read("/metadata", metadata_text(&self.metadata));
        let account = self.account.clone();
        let account_label = self.account_label.clone();
        let tokens = self.tokens(connector, terms, &mut members);
        members.finish()?;
        let labels = labels.unwrap_or_default();
        let metadata = metadata.unwrap_or_else(|| "{}".to_owned());
        Ok(Arrived { owner, account, account_label, external_id, labels, metadata, tokens })
    }

    fn tokens(self, connector: &Connector, terms: &Terms<'_>, members: &mut Members) -> Tokens {
        let (pace, now, dice) = (terms.pace, terms.now, terms.dice);
        let lifetime = self.expires_at.map(|end| Timestamp(end).since(now));
        let end = self.expires_at.map(Timestamp);
        let mut refresh = self.refresh_token.map(Secret::new);
        let access = match connector.method {
            Method::ApiKey => required(self.api_key, "/api_key", members),
            Method::Basic => {
                let (name, password) = (self.username, self.password);
                let login = name.zip(password);
                if login.is_none() {
                    members.wrong("/username", "and password are required");
                }
                login.map(|(name, password)| basic(&name, &password))
            }
            Method::Oauth => {
                if self.access_token.is_none() && refresh.is_none() {
                    members.wrong("/access_token", "or refresh_token is required");
                }
                self.access_token.map(Secret::new)
            }
            Method::ClientCredentials | Method::JwtBearer => None,
            Method::Password => {
                let login = self.username.zip(self.password).filter(|(name, _)| !name.is_empty());
                if login.is_none() {
                    members.wrong("/username", "and password are required");
                }
                // What renews it is the login itself.
                refresh = login.map(|(name, password)| sealed_login(&name, &password));
                None
            }
        };
        for (at, secret) in [("/access_token", &access), ("/refresh_token", &refresh)] {
            if secret.as_ref().is_some_and(|secret| secret.reveal().len() > MAX_TOKEN) {
                members.wrong(at, "is too long");
            }
        }
        // What has no access token yet, or comes from elsewhere, is due at once.
        let due = pace.due(end.zip(lifetime), now, dice);
        let due_at = if access.is_none() { Some(now) } else { due };
        let is_basic = connector.method == Method::Basic;
        let scheme = if is_basic { "Basic".to_owned() } else { terms.scheme.clone() };
        let granted: Vec<&str> = self.scopes.iter().map(String::as_str).collect();
        Tokens {
            coverage: Coverage::of(&connector.required_scopes, None, &granted),
            access,
            refresh,
            access_ends_at: end,
            access_lifetime: lifetime.filter(|life| *life > Seconds(0)),
            grant_ends_at: pace.absolute.map(|life| now.plus(life)),
            scopes: Some(self.scopes.join(" ")),
            missing_scopes: Some(String::new()),
            scheme,
            api_base: None,
            extra: None,
            due_at,
        }
    }
}

fn required(value: Option<String>, at: &'static str, members: &mut Members) -> Option<Secret> {
    let secret = value.filter(|text| !text.is_empty()).map(Secret::new);
    if secret.is_none() {
        members.wrong(at, "is required");
    }
    secret
}

/// RFC 7617 §2.
fn basic(name: &str, password: &str) -> Secret {
    let plain = zeroize::Zeroizing::new(format!("{name}:{password}"));
    Secret::new(STANDARD.encode(plain.as_bytes()))
}
