//! How the provider behaves when nothing goes wrong.

use serde::Deserialize;

/// Its ways. `Default` is a strict rotating provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// The one client it knows.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// What it does with a spent refresh token.
    pub reuse: Reuse,
    /// How long access tokens live, in seconds; absent leaves `expires_in` out.
    pub lifetime: Option<i64>,
    /// How it says token replies.
    pub wire: Wire,
    /// What the user says.
    pub consent: Consent,
    /// The scopes it grants whatever was asked for; absent grants what was asked for.
    pub granted: Option<String>,
    /// Whether a refresh ends the previous access token.
    pub kills_access: bool,
    /// How far its clock is ahead of ours, in seconds.
    pub clock_ahead: i64,
    /// Whether errors are said with status 200.
    pub errors_are_200: bool,
    /// The member of an exchange's reply in which a second grant's tokens come along.
    pub also: Option<String>,
    /// What it calls the state.
    pub state: String,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            client_id: "fake-client".to_owned(),
            client_secret: "fake-client-secret".to_owned(),
            reuse: Reuse::Revoke,
            lifetime: Some(3600),
            wire: Wire::Json,
            consent: Consent::Approve,
            granted: None,
            kills_access: false,
            clock_ahead: 0,
            errors_are_200: false,
            also: None,
            state: "state".to_owned(),
        }
    }
}

/// What a provider does with refresh tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reuse {
    /// They are never spent.
    Static,
    /// A spent one is answered with the successor it was spent for.
    Forgive,
    /// The one spent last is answered with its successor; an older one ends the whole grant.
    ForgiveLast,
    /// A spent one is refused.
    Refuse,
    /// A spent one is refused and ends the whole grant.
    Revoke,
}

/// How token replies are said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wire {
    /// JSON with `expires_in`.
    Json,
    /// JSON with `expires_at`, an instant.
    JsonEpoch,
    /// A form.
    Form,
}

/// What the user says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// Yes, at once.
    Approve,
    /// No, at once.
    Deny,
    /// Whatever they press on a page.
    Ask,
}
