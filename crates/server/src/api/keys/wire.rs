//! Keys as `/v1` shows them.

use keyhaven_protocol::api_key::Terms;
use keyhaven_protocol::rate_limit::RateLimit;
use keyhaven_protocol::time::Timestamp;
use keyhaven_store::keys::{KeyRecord, NewKey};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::operations::keys::KeyText;

/// An API key.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019a2b3c-4d5e-7f60-8123-456789abcdef",
    "organization": "019a2b3c-0000-7f60-8123-456789abcdef",
    "label": "Notes laptop", "prefix": "kh_key_0Ab9", "last_four": "x7Qa",
    "scopes": "notes.read", "origins": [], "addresses": ["192.0.2.0/24"],
    "rate_limits": [{"name": "burst", "limit": 100, "window": 60}],
    "depth": 1, "created_at": 1_764_000_000, "expires_at": 1_766_592_000
}))]
pub struct Key {
    /// Its id; also its grant's.
    pub id: String,
    /// The tenant; absent for a person's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// The user it belongs to; absent for a key of the organization itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The project it works for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The group it works for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The app it was handed to, as the origin of its callback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// The key or grant it was made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The name its owner gave it.
    pub label: String,
    /// How its text begins.
    pub prefix: String,
    /// The last four characters of its text.
    pub last_four: String,
    /// What it opens, space-separated.
    pub scopes: String,
    /// Web origins it may be used by; empty for any.
    pub origins: Vec<String>,
    /// Addresses and networks it may be used from; empty for any.
    pub addresses: Vec<String>,
    /// How often it may be used.
    pub rate_limits: Vec<KeyRateLimit>,
    /// How many generations of keys may be made from it.
    pub depth: u8,
    /// When it was made, in seconds since 1970.
    pub created_at: i64,
    /// When it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// Since when it is disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<i64>,
    /// When it was last used, ten seconds late at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<i64>,
    /// When the text before the last rotation stops working.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_expires_at: Option<i64>,
}

/// A key with its text.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IssuedKey {
    /// The text, shown once.
    #[schema(example = "kh_key_0AbCdEfGhIjKlMnOpQrStU…", extensions(("x-sdk-secret" = json!(true))))]
    pub secret: String,
    /// The key.
    #[serde(flatten)]
    pub key: Key,
}

/// A rate limit.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a name, a limit and a window")]
pub struct KeyRateLimit {
    /// Its name in the `RateLimit` headers.
    #[schema(example = "burst")]
    pub name: String,
    /// How many uses: 1 to 1000000.
    #[schema(example = 100)]
    pub limit: u64,
    /// In how many seconds: 1 to 86400.
    #[schema(example = 60)]
    pub window: u64,
}

impl From<&KeyRecord> for Key {
    fn from(key: &KeyRecord) -> Self {
        let mut shown = Self::said(&key.terms, key.created_at);
        shown.organization = key.organization.map(|id| id.to_string());
        shown.owner = key.owner.map(|id| id.to_string());
        shown.project = key.project.map(|id| id.to_string());
        shown.group = key.group.map(|id| id.to_string());
        shown.app = key.app_origin.clone();
        shown.parent = key.parent.map(|id| id.to_string());
        shown.label = key.label.clone();
        shown.prefix = key.prefix.clone();
        shown.last_four = key.last_four.clone();
        shown.last_used_at = key.last_used_at.map(|at| at.0);
        shown.previous_expires_at = key.previous_ends_at.map(|at| at.0);
        shown
    }
}

impl Key {
    fn said(terms: &Terms, created_at: Timestamp) -> Self {
        let limit = |limit: &RateLimit| KeyRateLimit {
            name: limit.name.clone(),
            limit: limit.most,
            window: limit.window,
        };
        Self {
            id: terms.id.to_string(),
            organization: None,
            owner: None,
            project: None,
            group: None,
            app: None,
            parent: None,
            label: String::new(),
            prefix: String::new(),
            last_four: String::new(),
            scopes: terms.scopes.as_str().to_owned(),
            origins: terms.allowed.origins().map(str::to_owned).collect(),
            addresses: terms.allowed.networks().collect(),
            rate_limits: terms.rate_limits.iter().map(limit).collect(),
            depth: terms.depth,
            created_at: created_at.0,
            expires_at: terms.expires_at.map(|at| at.0),
            disabled_at: terms.disabled_at.map(|at| at.0),
            last_used_at: None,
            previous_expires_at: None,
        }
    }
}

impl IssuedKey {
    pub(super) fn fresh(new: &NewKey, now: Timestamp, text: &KeyText) -> Self {
        let mut key = Key::said(&new.terms, now);
        key.organization = new.organization.map(|id| id.to_string());
        key.owner = new.owner.map(|id| id.to_string());
        key.project = new.project.map(|id| id.to_string());
        key.group = new.group.map(|id| id.to_string());
        key.parent = new.parent.map(|id| id.to_string());
        key.label = new.label.clone();
        key.prefix = new.prefix.clone();
        key.last_four = new.last_four.clone();
        Self { secret: text.text.reveal().to_owned(), key }
    }

    pub(super) fn of(record: &KeyRecord, text: &KeyText) -> Self {
        Self { secret: text.text.reveal().to_owned(), key: record.into() }
    }
}
