//! Handing an API key to an app (the contract of the user-controlled keys family): what an app asks
//! for, in the query of `GET /auth` or the body of `POST /auth/keys/code`. What the exchange of a
//! code demands is in `exchange.rs`; who may say yes is not here.

use serde_json::Value;

use crate::amount::{Amount, Unit};
use crate::display_name::parse_prose;
use crate::id::{Id, ProjectId};
use crate::params::Params;
use crate::period::Period;
use crate::refusal::Refusal;
use crate::time::{Seconds, Timestamp};

mod callback;
pub mod challenge;
pub mod exchange;

pub use callback::Callback;
use challenge::Challenge;

/// A code can be exchanged this long.
pub const CODE_LIFE: Seconds = Seconds(600);

/// The longest label, in characters.
const LONGEST_LABEL: usize = 100;

/// What an app asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandOut {
    /// Where the code goes.
    pub callback: Callback,
    /// What the exchange must prove.
    pub challenge: Option<Challenge>,
    /// The name of the key; the app's when absent.
    pub label: Option<String>,
    /// How much the key may spend.
    pub limit: Option<Amount>,
    /// When the limit begins anew.
    pub period: Period,
    /// When the key ends.
    pub expires_at: Option<Timestamp>,
    /// What the family calls a workspace and we a project.
    pub workspace: Option<ProjectId>,
}

/// The members as text, wherever they came from.
#[derive(Default)]
struct Members<'a> {
    callback: Option<&'a str>,
    challenge: Option<&'a str>,
    method: Option<&'a str>,
    label: Option<&'a str>,
    limit: Option<String>,
    period: Option<&'a str>,
    expires_at: Option<&'a str>,
    workspace: Option<&'a str>,
}

impl HandOut {
    /// Reads the JSON body of `POST /auth/keys/code`. Both shapes of `limit` count: a number, and
    /// the numeric string of older clients. Members nobody knows are ignored: the family sends
    /// telemetry in some.
    pub fn parse_body(body: &Value, unit: &Unit, now: Timestamp) -> Result<Self, Refusal> {
        if !body.is_object() {
            return Err(Refusal::request("the body is not a JSON object"));
        }
        let members = Members {
            callback: text(body, "callback_url")?,
            challenge: text(body, "code_challenge")?,
            method: text(body, "code_challenge_method")?,
            label: text(body, "key_label")?,
            limit: number(body, "limit")?,
            period: text(body, "usage_limit_type")?,
            expires_at: text(body, "expires_at")?,
            workspace: text(body, "workspace_id")?,
        };
        Self::of(&members, unit, now)
    }

    /// Reads the query of `GET /auth`.
    pub fn parse_query(query: &Params, unit: &Unit, now: Timestamp) -> Result<Self, Refusal> {
        let get = |name| query.get(name).filter(|text| !text.is_empty());
        let members = Members {
            callback: get("callback_url"),
            challenge: get("code_challenge"),
            method: get("code_challenge_method"),
            label: get("key_label"),
            limit: get("limit").map(str::to_owned),
            period: get("usage_limit_type"),
            expires_at: get("expires_at"),
            workspace: get("workspace_id"),
        };
        Self::of(&members, unit, now)
    }

    fn of(members: &Members<'_>, unit: &Unit, now: Timestamp) -> Result<Self, Refusal> {
        let callback = members.callback.ok_or_else(|| Refusal::missing("callback_url"))?;
        let callback =
            Callback::parse(callback).map_err(|rule| Refusal::request(rule).on("callback_url"))?;
        Ok(Self {
            callback,
            challenge: Challenge::parse(members.challenge, members.method)?,
            label: members.label.map(parse_label).transpose()?,
            limit: members.limit.as_deref().map(|text| parse_limit(text, unit)).transpose()?,
            period: members.period.map_or(Ok(Period::Lifetime), parse_period)?,
            expires_at: members.expires_at.map(|text| parse_expiry(text, now)).transpose()?,
            workspace: members.workspace.map(parse_workspace).transpose()?,
        })
    }
}

/// Reads the label of a key: 1 to 100 characters of visible text.
pub fn parse_label(text: &str) -> Result<String, Refusal> {
    let wrong = |rule| Refusal::request(rule).on("key_label");
    if text.trim().is_empty() || text.chars().count() > LONGEST_LABEL {
        return Err(wrong("key_label has 1 to 100 characters"));
    }
    parse_prose(text.trim()).map_err(wrong)
}

/// Reads a limit of a key.
pub fn parse_limit(text: &str, unit: &Unit) -> Result<Amount, Refusal> {
    unit.parse_limit(text).map_err(|rule| Refusal::request(format!("limit: {rule}")).on("limit"))
}

/// Reads how often the limit begins anew.
pub fn parse_period(word: &str) -> Result<Period, Refusal> {
    Period::parse(word).filter(|period| *period != Period::Lifetime).ok_or_else(|| {
        Refusal::request("usage_limit_type is daily, weekly or monthly").on("usage_limit_type")
    })
}

/// Reads an end in the form of RFC 3339, in UTC and with seconds. It lies in the future.
pub fn parse_expiry(text: &str, now: Timestamp) -> Result<Timestamp, Refusal> {
    let wrong = |rule| Refusal::request(rule).on("expires_at");
    let shape = text.len() <= 40
        && text.ends_with('Z')
        && text.as_bytes().get(16) == Some(&b':')
        && text.as_bytes().get(10) == Some(&b'T');
    let parsed = shape.then(|| text.parse::<jiff::Timestamp>().ok()).flatten();
    let end = parsed.ok_or_else(|| wrong("expires_at is a UTC time with seconds, ending in Z"))?;
    let end = Timestamp(end.as_second());
    if end <= now {
        return Err(wrong("expires_at lies in the past"));
    }
    Ok(end)
}

/// Reads the id of a workspace; whether there is such a one is not said here.
fn parse_workspace(text: &str) -> Result<ProjectId, Refusal> {
    let id = Id::parse(&text.to_ascii_lowercase()).map(ProjectId);
    id.ok_or_else(|| Refusal::request("workspace_id is not a UUID").on("workspace_id"))
}

/// A text member; `null` counts as absent.
fn text<'a>(body: &'a Value, name: &'static str) -> Result<Option<&'a str>, Refusal> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Refusal::request(format!("{name} is not a string")).on(name)),
    }
}

/// A number, or the decimal text of one.
fn number(body: &Value, name: &'static str) -> Result<Option<String>, Refusal> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) => Ok(Some(match number.as_f64() {
            // Without an exponent, unlike serde's own form.
            Some(double) if number.is_f64() => format!("{double}"),
            _ => number.to_string(),
        })),
        Some(_) => Err(Refusal::request(format!("{name} is not a number")).on(name)),
    }
}

#[cfg(test)]
mod tests;
