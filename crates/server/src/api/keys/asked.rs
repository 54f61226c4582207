//! What may be asked of `/v1` about keys: to make one, change one, rotate one; and what is wrong with it.

use keyhaven_protocol::allow_list::AllowList;
use keyhaven_protocol::amount::{Amount, Unit};
use keyhaven_protocol::api_key::{DEEPEST, Terms, Wanted};
use keyhaven_protocol::display_name::parse_display_name;
use keyhaven_protocol::id::{GroupId, KeyId, ProjectId, UserId};
use keyhaven_protocol::period::Period;
use keyhaven_protocol::rate_limit::{self, RateLimit};
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::time::Timestamp;
use keyhaven_store::keys::{KeyEdit, KeyRecord, NewKey};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::super::body::{Members, set, set_or_removed};
use super::{Edited, KeyRateLimit, power};
use crate::http::error::ApiError;
use crate::operations::keys::parse_key_scopes;

/// What a key may spend.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an amount, its unit and a period")]
pub struct KeyLimit {
    /// How much, as a decimal number in text.
    #[schema(example = "25.00")]
    amount: String,
    /// A currency of ISO 4217, or a name of your own.
    #[schema(example = "USD")]
    unit: String,
    /// When it begins anew: `none` (the default), `daily`, `weekly` or `monthly`, at UTC boundaries.
    #[serde(default)]
    #[schema(example = "monthly")]
    period: Option<String>,
}

/// A limit that was read.
pub(in crate::api) struct Limit {
    pub(in crate::api) most: Amount,
    pub(in crate::api) unit: Unit,
    pub(in crate::api) period: Period,
}

impl KeyLimit {
    pub(in crate::api) fn read(&self, pointer: &str, members: &mut Members) -> Option<Limit> {
        let unit = members.read(format!("{pointer}/unit"), Unit::parse(&self.unit));
        let word = self.period.as_deref().unwrap_or("none");
        let period = Period::parse(word).ok_or("is none, daily, weekly or monthly");
        let period = members.read(format!("{pointer}/period"), period);
        let unit = unit?;
        let most = members.read(format!("{pointer}/amount"), unit.parse_limit(&self.amount))?;
        Some(Limit { most, unit, period: period? })
    }
}

/// A key to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "label": "Notes laptop", "scopes": "notes.read",
    "limit": {"amount": "25.00", "unit": "USD", "period": "monthly"},
    "rate_limits": [{"name": "burst", "limit": 100, "window": 60}]
}))]
pub struct CreateKey {
    /// The name people see: 1 to 200 characters.
    label: String,
    /// The tenant: id or slug. Absent: the caller's own.
    #[serde(default)]
    organization: Option<String>,
    /// The member it belongs to. Absent: the organization.
    #[serde(default)]
    owner: Option<String>,
    /// The project it works for.
    #[serde(default)]
    project: Option<String>,
    /// The group it works for.
    #[serde(default)]
    group: Option<String>,
    /// The key it is made from; then it belongs to whom that one belongs to.
    #[serde(default)]
    parent: Option<String>,
    /// What it opens, space-separated. Absent: nothing, or what the parent opens.
    #[serde(default)]
    scopes: Option<String>,
    /// When it ends, in seconds since 1970. Absent: never, or when the parent ends.
    #[serde(default)]
    expires_at: Option<i64>,
    /// Web origins it may be used by.
    #[serde(default)]
    origins: Option<Vec<String>>,
    /// Addresses and networks it may be used from.
    #[serde(default)]
    addresses: Option<Vec<String>>,
    /// How often it may be used: eight limits at most.
    #[serde(default)]
    rate_limits: Vec<KeyRateLimit>,
    /// How many generations of keys may be made from it: 0 to 8. Absent: 1, or 0 for a child.
    #[serde(default)]
    depth: Option<u8>,
    /// What it may spend.
    #[serde(default)]
    limit: Option<KeyLimit>,
}

impl CreateKey {
    pub(super) fn label(&self, members: &mut Members) -> Option<String> {
        members.read("/label", parse_display_name(&self.label))
    }

    pub(super) fn organization(&self) -> Option<&str> {
        self.organization.as_deref()
    }

    pub(super) fn limit(&self, members: &mut Members) -> Option<Option<Limit>> {
        match &self.limit {
            None => Some(None),
            Some(limit) => limit.read("/limit", members).map(Some),
        }
    }

    pub(super) fn wanted(&self, now: Timestamp, members: &mut Members) -> Option<Wanted> {
        let scopes = self.scopes.as_deref().map(parse_key_scopes).transpose();
        let scopes = members.read("/scopes", scopes);
        let expires_at = members.read("/expires_at", ends(self.expires_at, now));
        let allowed = allowed(self.origins.as_deref(), self.addresses.as_deref(), None, members);
        let rate_limits = members.read("/rate_limits", rate_limits(&self.rate_limits));
        let depth = members.read("/depth", depth(self.depth));
        let allowed = allowed.filter(|_| self.origins.is_some() || self.addresses.is_some());
        Some(Wanted {
            scopes: scopes?,
            expires_at: expires_at?,
            depth: depth?,
            allowed,
            rate_limits: rate_limits?,
        })
    }

    pub(super) fn parent(&self) -> Result<Option<KeyId>, ApiError> {
        let Some(text) = &self.parent else { return Ok(None) };
        let given = [&self.organization, &self.owner, &self.project, &self.group];
        if given.iter().any(|member| member.is_some()) {
            let detail = "a child belongs to whom its parent belongs to";
            return Err(ApiError::member("/parent", detail));
        }
        KeyId::parse(text).map(Some).ok_or_else(|| ApiError::member("/parent", "is not an id"))
    }

    /// Whose it is and what it works for.
    pub(super) fn belong(&self, new: &mut NewKey) -> Result<(), ApiError> {
        let mut members = Members::default();
        let id = |text: &Option<String>| text.clone().ok_or(());
        if let Ok(text) = id(&self.owner) {
            new.owner = members.read("/owner", UserId::parse(&text).ok_or("is not an id"));
        }
        if let Ok(text) = id(&self.project) {
            new.project = members.read("/project", ProjectId::parse(&text).ok_or("is not an id"));
        }
        if let Ok(text) = id(&self.group) {
            new.group = members.read("/group", GroupId::parse(&text).ok_or("is not an id"));
        }
        if new.organization.is_none() && new.owner.is_none() {
            members.wrong("/organization", "is required for a key that belongs to nobody");
        }
        if new.organization.is_none() && (self.project.is_some() || self.group.is_some()) {
            members.wrong("/organization", "is required for a project or group");
        }
        members.finish()
    }
}

/// What to change of a key; absent members stay as they are.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"disabled": true}))]
pub struct UpdateKey {
    /// A new name.
    #[serde(deserialize_with = "set")]
    label: Option<String>,
    /// What it opens from now on.
    #[serde(deserialize_with = "set")]
    scopes: Option<String>,
    /// When it ends; null for never.
    #[serde(deserialize_with = "set_or_removed")]
    #[schema(value_type = Option<i64>)]
    expires_at: Option<Option<i64>>,
    /// Web origins it may be used by.
    #[serde(deserialize_with = "set")]
    origins: Option<Vec<String>>,
    /// Addresses and networks it may be used from.
    #[serde(deserialize_with = "set")]
    addresses: Option<Vec<String>>,
    /// How often it may be used.
    #[serde(deserialize_with = "set")]
    rate_limits: Option<Vec<KeyRateLimit>>,
    /// How many generations of keys may be made from it.
    #[serde(deserialize_with = "set")]
    depth: Option<u8>,
    /// Whether it is stopped.
    #[serde(deserialize_with = "set")]
    disabled: Option<bool>,
}

impl UpdateKey {
    pub(super) fn edit(&self, key: &KeyRecord, now: Timestamp, members: &mut Members) -> Edited {
        let mut terms: Terms = key.terms.clone();
        if let Some(text) = &self.scopes {
            terms.scopes = members.read("/scopes", parse_key_scopes(text))?;
        }
        if let Some(end) = self.expires_at {
            terms.expires_at = members.read("/expires_at", ends(end, now))?;
        }
        if self.origins.is_some() || self.addresses.is_some() {
            let (origins, addresses) = (self.origins.as_deref(), self.addresses.as_deref());
            terms.allowed = allowed(origins, addresses, Some(&key.terms.allowed), members)?;
        }
        if let Some(limits) = &self.rate_limits {
            terms.rate_limits = members.read("/rate_limits", rate_limits(limits))?;
        }
        if let Some(wanted) = members.read("/depth", depth(self.depth))? {
            terms.depth = wanted;
        }
        let label = match &self.label {
            None => None,
            Some(text) => Some(members.read("/label", parse_display_name(text))?),
        };
        let standing = self.disabled.map(power);
        let terms = (terms != key.terms).then_some(terms);
        if label.is_none() && terms.is_none() && standing.is_none() {
            return None;
        }
        let detail = json!({
            "label": label, "scopes": self.scopes, "expires_at": self.expires_at,
            "origins": self.origins, "addresses": self.addresses, "disabled": self.disabled,
        });
        Some((KeyEdit { label, terms, standing }, detail.to_string()))
    }
}

/// How to rotate a key.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"overlap_seconds": 3_600}))]
pub struct RotateKey {
    /// For how long the present text keeps working: 0 (the default) to 2592000.
    #[serde(default)]
    pub(super) overlap_seconds: Option<i64>,
}

fn ends(at: Option<i64>, now: Timestamp) -> Result<Option<Timestamp>, &'static str> {
    match at {
        Some(at) if at <= now.0 => Err("lies in the past"),
        at => Ok(at.map(Timestamp)),
    }
}

fn depth(depth: Option<u8>) -> Result<Option<u8>, &'static str> {
    match depth {
        Some(depth) if depth > DEEPEST => Err("is 0 to 8"),
        depth => Ok(depth),
    }
}

fn rate_limits(limits: &[KeyRateLimit]) -> Result<Vec<RateLimit>, &'static str> {
    let read = |limit: &KeyRateLimit| RateLimit::new(&limit.name, limit.limit, limit.window);
    rate_limit::sound(limits.iter().map(read).collect::<Result<_, _>>()?)
}

/// Both lists; one that is not given stays as it was.
fn allowed(
    origins: Option<&[String]>,
    addresses: Option<&[String]>,
    before: Option<&AllowList>,
    members: &mut Members,
) -> Option<AllowList> {
    let kept_origins: Vec<String> =
        before.map(|list| list.origins().map(str::to_owned).collect()).unwrap_or_default();
    let kept_networks: Vec<String> =
        before.map(|list| list.networks().collect()).unwrap_or_default();
    let origins = origins.unwrap_or(&kept_origins).iter().map(String::as_str);
    let networks = addresses.unwrap_or(&kept_networks).iter().map(String::as_str);
    let (origins, networks): (Vec<&str>, Vec<&str>) = (origins.collect(), networks.collect());
    let first = AllowList::parse(origins.iter().copied(), []);
    members.read("/origins", first)?;
    members.read("/addresses", AllowList::parse(origins, networks))
}

/// A child that asks for more than its parent has.
pub(super) fn beyond(refusal: Refusal) -> ApiError {
    let pointer = refusal.field.map(|field| format!("/{field}")).unwrap_or_default();
    ApiError::member(pointer, refusal.reason.clone()).because(refusal)
}
