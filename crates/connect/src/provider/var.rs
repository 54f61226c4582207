//! What differs from tenant to tenant, and who says so.

use serde::Deserialize;

use super::pattern::Pattern;

/// A variable of a provider file, written `{name}` where it is used.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Var {
    /// The whole value must fit; nothing that does not is put into a URL.
    pub pattern: Pattern,
    /// What to ask for.
    #[serde(default)]
    pub title: String,
    /// What a value looks like.
    pub example: Option<String>,
    /// Used where nothing was said.
    pub default: Option<String>,
    /// Who says it.
    #[serde(default)]
    pub from: VarSource,
    /// Whether it may stay unsaid; parameters that use it are then left out.
    #[serde(default)]
    pub optional: bool,
    /// Characters exchanged before use: NetSuite writes an account `1_SB1` as `1-sb1` in hosts.
    #[serde(default)]
    pub replace: Vec<(String, String)>,
}

/// Who says a variable's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VarSource {
    /// Whoever sets up the connector.
    #[default]
    Connector,
    /// The provider, in the redirect back to us.
    Callback,
    /// The provider, in its token reply.
    Reply,
}

impl Var {
    /// The value as it is used.
    #[must_use]
    pub fn used(&self, value: &str) -> String {
        self.replace.iter().fold(value.to_owned(), |text, (from, to)| text.replace(from, to))
    }
}
