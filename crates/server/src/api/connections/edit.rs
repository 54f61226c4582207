//! What may be changed of a connection by its callers.

use std::collections::BTreeMap;

use keyhaven_store::connections::{Connection, Edit};
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::body::{Members, set, set_or_removed};
use crate::http::error::ApiError;

const MOST_METADATA: usize = 50;
const LONGEST_VALUE: usize = 500;

/// What changes of a connection.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"labels": ["drive", "finance"], "metadata": {"folder": "reports"}}))]
pub struct UpdateConnection {
    /// All its labels.
    #[serde(deserialize_with = "set")]
    #[schema(value_type = Vec<String>, required = false)]
    labels: Option<Vec<String>>,
    /// Your own name for it; null takes it away.
    #[serde(deserialize_with = "set_or_removed")]
    #[schema(value_type = Option<String>)]
    external_id: Option<Option<String>>,
    /// Members to set; null takes one away.
    #[serde(deserialize_with = "set")]
    #[schema(value_type = BTreeMap<String, Option<String>>, required = false)]
    metadata: Option<BTreeMap<String, Option<String>>>,
    /// What people call the outside account; null takes it away.
    #[serde(deserialize_with = "set_or_removed")]
    #[schema(value_type = Option<String>)]
    account_label: Option<Option<String>>,
}

/// A change that is acceptable.
pub(super) struct Change {
    labels: Option<String>,
    external_id: Option<Option<String>>,
    metadata: Option<String>,
    account_label: Option<Option<String>>,
}

impl UpdateConnection {
    pub(super) fn parse(self, connection: &Connection) -> Result<Change, ApiError> {
        let mut members = Members::default();
        let labels = self.labels.and_then(|list| members.read("/labels", labels(&list)));
        if let Some(Some(name)) = &self.external_id {
            members.read("/external_id", check_external_id(name));
        }
        if let Some(Some(label)) = &self.account_label
            && (label.is_empty() || label.len() > 512 || label.contains(char::is_control))
        {
            members.wrong("/account_label", "is 1 to 512 characters on one line");
        }
        let metadata = self.metadata.and_then(|patch| {
            let now = merged(&connection.metadata, patch);
            members.read("/metadata", metadata_text(&now))
        });
        members.finish()?;
        let (external_id, account_label) = (self.external_id, self.account_label);
        Ok(Change { labels, external_id, metadata, account_label })
    }
}

impl Change {
    pub(super) fn edit(&self) -> Edit<'_> {
        Edit {
            labels: self.labels.as_deref(),
            external_id: self.external_id.as_ref().map(Option::as_deref),
            metadata: self.metadata.as_deref(),
            account_label: self.account_label.as_ref().map(Option::as_deref),
        }
    }
}

fn merged(kept: &str, patch: BTreeMap<String, Option<String>>) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = serde_json::from_str(kept).unwrap_or_default();
    for (name, value) in patch {
        match value {
            Some(value) => all.insert(name, value),
            None => all.remove(&name),
        };
    }
    all
}

/// Metadata as it is stored.
pub(super) fn metadata_text(all: &BTreeMap<String, String>) -> Result<String, &'static str> {
    let sound = |(name, value): (&String, &String)| {
        (1..=40).contains(&name.len())
            && !name.contains(char::is_control)
            && value.len() <= LONGEST_VALUE
            && !value.contains('\0')
    };
    if all.len() > MOST_METADATA || !all.iter().all(sound) {
        return Err("is at most 50 members of 40 characters with texts of at most 500");
    }
    serde_json::to_string(all).map_err(|_| "is not an object of texts")
}

/// A caller's own name for a connection.
pub(in crate::api) fn check_external_id(name: &str) -> Result<(), &'static str> {
    let sound = (1..=255).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
    if sound { Ok(()) } else { Err("is 1 to 255 visible ASCII characters") }
}

/// Words that callers find a connection by, as they are stored.
pub(in crate::api) fn labels(labels: &[String]) -> Result<String, &'static str> {
    let is_label = |label: &String| {
        let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/@".contains(&byte);
        (1..=100).contains(&label.len()) && label.bytes().all(sound)
    };
    if labels.len() > 20 || !labels.iter().all(is_label) {
        return Err("is at most 20 words of letters, digits and - _ . : / @");
    }
    Ok(labels.join(" "))
}
