//! Where things are in a token reply.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::span::Span;
use super::template::{Pointer, one_or_many};

/// Where things are, below `root`. Pointers that lead nowhere are no error.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReplyMap {
    /// The object that holds the rest.
    pub root: Option<Pointer>,
    /// `/access_token`
    pub access_token: Option<Pointer>,
    /// `/refresh_token`
    pub refresh_token: Option<Pointer>,
    /// `/id_token`
    pub id_token: Option<Pointer>,
    /// `/scope`: a list, or words parted by spaces or commas.
    pub scope: Option<Pointer>,
    /// When the access token ends; the first that is there counts. `/expires_in` in seconds.
    #[serde(deserialize_with = "one_or_many")]
    pub expires: Vec<Expires>,
    /// How long an access token lives whose reply does not say.
    pub default_ttl: Option<Span>,
    /// When the refresh token ends. `/refresh_token_expires_in`, `/refresh_expires_in` in seconds.
    #[serde(deserialize_with = "one_or_many")]
    pub refresh_expires: Vec<Expires>,
    /// Further tokens in the same reply.
    #[serde(deserialize_with = "one_or_many")]
    pub also: Vec<Slot>,
    /// What is kept beside the tokens, by name. Pointers here begin at the document, not at `root`.
    pub extra: BTreeMap<String, Pointer>,
    /// Variables that the reply sets. Pointers here begin at the document, not at `root`.
    pub capture: BTreeMap<String, Pointer>,
}

/// An end, and how it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expires {
    /// Where; the access token itself for `jwt_exp`.
    #[serde(default)]
    pub at: Option<Pointer>,
    /// How.
    #[serde(rename = "as", default)]
    pub form: ExpiresAs,
}

/// How an end is written. Numbers may be texts of digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpiresAs {
    /// From now.
    #[default]
    Seconds,
    /// From now, in milliseconds.
    Ms,
    /// An instant, in seconds since 1970.
    Epoch,
    /// An instant, in milliseconds since 1970.
    EpochMs,
    /// An instant, as text.
    Rfc3339,
    /// The `exp` of the access token, which is a JWT.
    JwtExp,
    /// The token does not end.
    None,
}

/// A further token in the reply: one, or one per member of a list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// What it is called.
    pub slot: Option<String>,
    /// Where the name stands, if `root` is a list.
    pub slot_at: Option<Pointer>,
    /// The object, or the list of objects, that holds it.
    pub root: Pointer,
}
