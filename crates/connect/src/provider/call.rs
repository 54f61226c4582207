//! A call that sends client credentials: code exchange, refresh, upgrade.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::span::Span;
use super::template::{Pointer, Template};

/// One call to a token endpoint.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Where to.
    pub url: Template,
    /// How.
    #[serde(default = "Method::post")]
    pub method: Method,
    /// Where the parameters go.
    #[serde(default)]
    pub body: Body,
    /// How the client proves itself.
    #[serde(default)]
    pub auth: ClientAuth,
    /// The value of `grant_type`; empty leaves the parameter out.
    pub grant: Option<String>,
    /// The parameter that carries the token, where the call spends one.
    pub token_param: Option<String>,
    /// Whether the redirect URI is repeated.
    #[serde(default)]
    pub redirect: Redirect,
    /// Whether the scopes are repeated.
    #[serde(default)]
    pub send_scope: bool,
    /// Further parameters; one whose variable is unsaid is left out.
    #[serde(default)]
    pub params: BTreeMap<String, Template>,
    /// Further parameters in the query, whatever the body is.
    #[serde(default)]
    pub query: BTreeMap<String, Template>,
    /// Further headers.
    #[serde(default)]
    pub headers: BTreeMap<String, Template>,
    /// The wire's name for a standard parameter; empty leaves it out.
    #[serde(default)]
    pub rename: BTreeMap<String, String>,
    /// What the signed proof says, for `private_key_jwt`, `client_secret_jwt` and `signed_secret`.
    pub assertion: Option<Assertion>,
}

/// A request method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
    /// DELETE
    Delete,
}

impl Method {
    pub(super) const fn post() -> Self {
        Self::Post
    }

    pub(super) const fn get() -> Self {
        Self::Get
    }
}

/// Where parameters go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// `application/x-www-form-urlencoded` (RFC 6749 Appendix B).
    #[default]
    Form,
    /// A JSON object of texts.
    Json,
    /// The query; the body is empty.
    Query,
}

/// How the client proves itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// `Authorization: Basic`, both halves form-encoded (RFC 6749 §2.3.1).
    Basic,
    /// The same with both halves as they are, for servers that do not decode them.
    BasicRaw,
    /// The secret as the user name, no password.
    BasicSecret,
    /// `client_id` and `client_secret` as parameters.
    #[default]
    Body,
    /// `client_id` only.
    None,
    /// `client_assertion`, signed by the client's key (RFC 7523 §2.2).
    PrivateKeyJwt,
    /// `client_assertion`, an HMAC under the client's secret (OpenID Connect Core §9).
    ClientSecretJwt,
    /// `client_secret` is itself a signed token.
    SignedSecret,
    /// Smartsheet: `hash` = SHA-256 of `secret|code` or `secret|refresh_token`.
    #[serde(rename = "hook:smartsheet")]
    Smartsheet,
}

/// Whether the redirect URI is sent to a token endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Redirect {
    /// As RFC 6749 §4.1.3 wants it on the exchange; on other calls not.
    #[default]
    Standard,
    /// Always.
    Send,
    /// Never.
    Omit,
}

/// What a signed proof says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assertion {
    /// The parameter it is sent in.
    #[serde(default)]
    pub param: AssertionParam,
    /// `iss`; the client id if absent.
    pub iss: Option<Template>,
    /// `sub`; the client id if absent.
    pub sub: Option<Template>,
    /// `aud`; the URL of the call if absent.
    pub aud: Option<Template>,
    /// Further claims.
    #[serde(default)]
    pub claims: BTreeMap<String, Template>,
    /// How long it is good for.
    #[serde(default = "Assertion::five_minutes")]
    pub lifetime: Span,
}

impl Assertion {
    fn five_minutes() -> Span {
        Span(keyhaven_protocol::time::Seconds(300))
    }
}

impl Default for Assertion {
    fn default() -> Self {
        Self {
            param: AssertionParam::default(),
            iss: None,
            sub: None,
            aud: None,
            claims: BTreeMap::new(),
            lifetime: Self::five_minutes(),
        }
    }
}

/// The parameter a signed proof is sent in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssertionParam {
    /// RFC 7523 §2.2, with its type beside it.
    #[default]
    ClientAssertion,
    /// RFC 7523 §2.1: the grant itself.
    Assertion,
    /// In place of a secret.
    ClientSecret,
}

/// A call that fetches a token of the app itself before each token call; `{prelude}` is what it
/// yields.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prelude {
    /// Where to; always a POST of JSON.
    pub url: Template,
    /// What is said; `{client_secret}` may be used.
    pub params: BTreeMap<String, Template>,
    /// Where the app's token stands in the reply.
    pub token: Pointer,
}
