//! The parts of a provider file: consent, callback, renewal, revocation, errors.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::call::{Assertion, Body, ClientAuth, Method, Redirect};
use super::span::Span;
use super::template::{Pointer, Template};

/// Where the user consents (RFC 6749 §4.1.1).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorize {
    /// Where to. With a `#` in it the query goes behind the fragment.
    pub url: Template,
    /// Further parameters; one whose variable is unsaid is left out.
    #[serde(default)]
    pub params: BTreeMap<String, Template>,
    /// How scopes are said.
    #[serde(default)]
    pub scope: ScopeRules,
    /// RFC 7636.
    #[serde(default)]
    pub pkce: Pkce,
    /// The value of `response_type`; empty leaves the parameter out.
    pub response_type: Option<String>,
    /// The wire's name for a standard parameter; empty leaves it out.
    #[serde(default)]
    pub rename: BTreeMap<String, String>,
    /// What stands behind the `#`.
    pub fragment: Option<String>,
    /// How the redirect URI is said.
    #[serde(default)]
    pub redirect: RedirectForm,
    /// Whether an OpenID Connect nonce is sent and checked.
    #[serde(default)]
    pub nonce: bool,
}

/// How scopes are said.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScopeRules {
    /// The parameter; empty if scopes are fixed on the app.
    pub param: String,
    /// What stands between them; `+` is sent as it is.
    pub sep: String,
    /// Always asked for.
    pub required: Vec<String>,
    /// Asked for where nobody says otherwise.
    pub default: Vec<String>,
    /// Asked for in place of any list, with variables.
    pub template: Option<Template>,
}

impl Default for ScopeRules {
    fn default() -> Self {
        Self {
            param: "scope".to_owned(),
            sep: " ".to_owned(),
            required: Vec::new(),
            default: Vec::new(),
            template: None,
        }
    }
}

/// Whether and how PKCE is used (RFC 7636).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Pkce {
    /// By SHA-256; a connector may switch it off.
    #[default]
    S256,
    /// By SHA-256; the provider refuses to go without.
    #[serde(rename = "required")]
    Required,
    /// The verifier itself; the provider knows nothing better.
    #[serde(rename = "plain")]
    Plain,
    /// Not at all; a connector may switch it on.
    #[serde(rename = "off")]
    Off,
}

/// How the redirect URI is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedirectForm {
    /// As a URL.
    #[default]
    Url,
    /// As a name registered for it, which the connector holds in the variable `redirect_name`.
    Name,
    /// It is fixed on the app and not sent.
    Omit,
}

/// What comes back after consent.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Callback {
    /// How it comes.
    pub mode: CallbackMode,
    /// The parameter that carries the code.
    pub code: String,
    /// The parameter that carries the state.
    pub state: String,
    /// Parameters that set variables. What comes must fit the variable's pattern.
    pub capture: BTreeMap<String, String>,
    /// A proof over the parameters.
    pub verify: Option<Verify>,
    /// Cut from the code's end.
    pub trim: Option<String>,
    /// Whether the code is percent-encoded once more.
    pub decode: bool,
    /// The `iss` that must come along (RFC 9207).
    pub iss: Option<Template>,
    /// Whether an install may begin at the provider, without a state of ours.
    pub unsolicited: bool,
}

impl Default for Callback {
    fn default() -> Self {
        Self {
            mode: CallbackMode::Query,
            code: "code".to_owned(),
            state: "state".to_owned(),
            capture: BTreeMap::new(),
            verify: None,
            trim: None,
            decode: false,
            iss: None,
            unsolicited: false,
        }
    }
}

/// How a callback comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackMode {
    /// A GET with a query.
    Query,
    /// A cross-site POST of a form: cookies with `SameSite=Lax` do not arrive.
    Form,
}

/// A proof over a callback's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verify {
    /// `hmac`: hex HMAC-SHA256 of the other parameters sorted, under the client secret.
    HmacSortedQuery,
}

/// How a token is renewed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Refresh {
    /// What a renewal does to the grant. Not said counts as the most dangerous.
    pub kind: RefreshKind,
    /// Where to; the token URL if absent.
    pub url: Option<Template>,
    /// How; as the exchange if absent.
    pub method: Option<Method>,
    /// Where parameters go; as in the exchange if absent.
    pub body: Option<Body>,
    /// How the client proves itself; as in the exchange if absent.
    pub auth: Option<ClientAuth>,
    /// The value of `grant_type`, `refresh_token` if absent; empty leaves the parameter out.
    pub grant: Option<String>,
    /// The parameter that carries the token.
    pub token_param: Option<String>,
    /// Whether the redirect URI is repeated.
    pub redirect: Redirect,
    /// Whether the scopes are repeated.
    pub send_scope: bool,
    /// Further parameters, in place of the exchange's.
    pub params: Option<BTreeMap<String, Template>>,
    /// How long a spent refresh token may be tried again.
    pub reuse_grace: Span,
    /// How long a refresh token lives unused.
    pub idle: Option<Span>,
    /// How long a grant lives at most.
    pub absolute: Option<Span>,
    /// Never refresh earlier than this before the end.
    pub max_lead: Option<Span>,
    /// Never refresh more often than this.
    pub min_interval: Option<Span>,
    /// Whether the refresh token of a reply is ignored.
    pub keep: bool,
    /// Whether the old access token dies at once.
    pub kills_access: bool,
}

/// What a renewal does to the grant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshKind {
    /// The refresh token stays good.
    Static,
    /// The refresh token is spent; a new one comes.
    #[default]
    Rotating,
    /// The access token renews itself, before its end.
    Exchange,
    /// There is no refresh token; the client asks again.
    Remint,
    /// It cannot be renewed.
    None,
}

/// A grant without a user's consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// RFC 6749 §4.4.
    ClientCredentials,
    /// RFC 7523 §2.1.
    JwtBearer,
    /// RFC 6749 §4.3, for services that know nothing better.
    Password,
    /// Zoom's name for client credentials of an account.
    AccountCredentials,
}

impl Grant {
    /// The value of `grant_type`.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::JwtBearer => "urn:ietf:params:oauth:grant-type:jwt-bearer",
            Self::Password => "password",
            Self::AccountCredentials => "account_credentials",
        }
    }
}

/// What such a grant needs beside the standard.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GrantRules {
    /// Further parameters.
    pub params: BTreeMap<String, Template>,
    /// How the client proves itself; as in the exchange if absent.
    pub auth: Option<ClientAuth>,
    /// What the signed grant says.
    pub assertion: Option<Assertion>,
    /// Whether scopes are said.
    pub send_scope: bool,
}

/// How a grant is ended at the provider (RFC 7009 where nothing else is said).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// Where to.
    pub url: Template,
    /// How.
    #[serde(default = "Method::post")]
    pub method: Method,
    /// Where parameters go.
    #[serde(default)]
    pub body: Body,
    /// Who proves what.
    #[serde(default)]
    pub auth: RevokeAuth,
    /// Which token is named; the other if there is none.
    #[serde(default)]
    pub token: RevokeToken,
    /// The parameter that carries it; empty leaves it out.
    #[serde(default = "Revoke::token_param")]
    pub token_param: String,
    /// Further parameters.
    #[serde(default)]
    pub params: BTreeMap<String, Template>,
    /// Further headers.
    #[serde(default)]
    pub headers: BTreeMap<String, Template>,
}

impl Revoke {
    fn token_param() -> String {
        "token".to_owned()
    }
}

/// Who proves what at revocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevokeAuth {
    /// The client, as at the exchange.
    #[default]
    Client,
    /// The client, by HTTP Basic.
    Basic,
    /// The access token itself.
    Bearer,
    /// Nobody; what the file's headers and parameters say is enough.
    None,
}

/// Which token is revoked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevokeToken {
    /// The refresh token.
    #[default]
    Refresh,
    /// The access token.
    Access,
}

/// What errors look like.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ErrorRules {
    /// What turns a 200 into a failure.
    pub fail_if: Vec<Predicate>,
    /// Where the error's code stands, before `/error`.
    pub code_at: Vec<Pointer>,
    /// Where its text stands, before `/error_description` and `/message`.
    pub message_at: Vec<Pointer>,
    /// The grant is dead.
    pub permanent: Vec<Match>,
    /// The user must act at the provider first.
    pub blocked: Vec<Match>,
    /// It will pass.
    pub transient: Vec<Match>,
}

/// Something about a reply's body. All that is said must hold.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predicate {
    /// Where to look.
    pub at: Pointer,
    /// What must be there.
    pub is: Option<Value>,
    /// Something is there, but not this.
    pub not: Option<Value>,
    /// Whether something other than null is there.
    pub present: Option<bool>,
}

/// Something about an error. All that is said must hold.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// The HTTP status.
    pub status: Option<u16>,
    /// The error's code, whole.
    pub code: Option<String>,
    /// Something in the error's text, in any case.
    pub contains: Option<String>,
}
