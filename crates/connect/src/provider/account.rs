//! Whose account a connection is, and how its API is called.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::call::Method;
use super::template::{Locator, Template, one_or_many};

/// Whose account it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Where it is said.
    #[serde(default)]
    pub from: AccountSource,
    /// The call that says it.
    pub url: Option<Template>,
    /// How.
    #[serde(default = "Method::get")]
    pub method: Method,
    /// A body of JSON, where a POST needs one.
    pub json: Option<String>,
    /// Further headers.
    #[serde(default)]
    pub headers: BTreeMap<String, Template>,
    /// What stands before the token in `Authorization`, where it is not the API's own.
    pub scheme: Option<String>,
    /// The account's id; the first that is there counts.
    #[serde(default, deserialize_with = "one_or_many")]
    pub id: Vec<Locator>,
    /// The tenant the id belongs to, where one login spans many.
    #[serde(default, deserialize_with = "one_or_many")]
    pub tenant: Vec<Locator>,
    /// A name that people recognise.
    #[serde(default, deserialize_with = "one_or_many")]
    pub label: Vec<Locator>,
    /// Whether a connection without a known account is refused.
    #[serde(default)]
    pub required: bool,
}

/// Where the account is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountSource {
    /// By a call with the access token.
    #[default]
    Call,
    /// In the token reply.
    Reply,
    /// In the claims of the ID token.
    IdToken,
    /// In the claims of the access token, which is a JWT.
    AccessToken,
    /// In the callback's parameters.
    Callback,
}

/// How the API is called.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Api {
    /// Where it is: in the token reply, or made of variables.
    #[serde(deserialize_with = "one_or_many")]
    pub base: Vec<Locator>,
    /// What stands before the token; if absent, `Bearer` in `Authorization` and nothing elsewhere.
    pub scheme: Option<String>,
    /// The header that carries the token in place of `Authorization`.
    pub header: Option<String>,
    /// Further headers every call needs.
    pub headers: BTreeMap<String, Template>,
}

impl Api {
    /// What stands before the token.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.scheme.as_deref().unwrap_or("Bearer")
    }
}
