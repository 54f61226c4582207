//! Why something was refused: a code from the OAuth registries for the wire and a private reason
//! that names the broken rule for logs, tests and `keyhaven explain`.

use std::borrow::Cow;

use crate::id::TokenId;

/// The error codes of RFC 6749 §5.2 and its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// A parameter is missing, repeated or malformed (RFC 6749 §5.2).
    InvalidRequest,
    /// Client authentication failed (RFC 6749 §5.2).
    InvalidClient,
    /// The code or refresh token is unknown, expired, spent, revoked or somebody else's.
    InvalidGrant,
    /// This client may not do that (RFC 6749 §5.2).
    UnauthorizedClient,
    /// No such grant type (RFC 6749 §5.2).
    UnsupportedGrantType,
    /// The scope is unknown, malformed or wider than granted (RFC 6749 §5.2).
    InvalidScope,
    /// The resource is unknown or not allowed (RFC 8707 §2).
    InvalidTarget,
    /// The bearer token is missing, malformed, expired, revoked or for somebody else (RFC 6750 §3.1).
    InvalidToken,
    /// The bearer token lacks a scope (RFC 6750 §3.1).
    InsufficientScope,
    /// Too many failures; wait (RFC 6585 §4).
    TooManyRequests,
    /// A rate limit of the key is used up (RFC 6585 §4).
    RateLimited,
    /// The cost does not fit a budget (RFC 9110 §15.5.3).
    BudgetExhausted,
    /// The cost is in a unit the budgets do not count.
    UnitMismatch,
    /// The key may not be used from there.
    NotFromHere,
}

impl Code {
    /// The registered word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::TooManyRequests => "too_many_requests",
            Self::RateLimited => "rate_limited",
            Self::BudgetExhausted => "budget_exhausted",
            Self::UnitMismatch => "unit_mismatch",
            Self::NotFromHere => "not_from_here",
        }
    }
}

/// What a refusal sets in motion, so that refusing is never half done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// A spent refresh token came back: revoke the family (RFC 9700 §4.14.2).
    RevokeFamily(TokenId),
}

/// A refusal. The code goes to the wire; the rest stays with us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// For the wire.
    pub code: Code,
    /// The rule that refused, for logs, tests and `explain`.
    pub reason: Cow<'static, str>,
    /// The parameter at fault, where one is; some families answer per field.
    pub field: Option<&'static str>,
    /// The values the rule compared. Never secrets.
    pub compared: Vec<(&'static str, String)>,
    /// What must be carried out although the request is refused.
    pub consequence: Option<Consequence>,
}

impl Refusal {
    /// A refusal with its wire code and private reason.
    #[must_use]
    pub fn new(code: Code, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { code, reason: reason.into(), field: None, compared: Vec::new(), consequence: None }
    }

    /// `invalid_request`.
    #[must_use]
    pub fn request(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidRequest, reason)
    }

    /// `invalid_client`.
    #[must_use]
    pub fn client(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidClient, reason)
    }

    /// `invalid_grant`.
    #[must_use]
    pub fn grant(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidGrant, reason)
    }

    /// `invalid_token`.
    #[must_use]
    pub fn token(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidToken, reason)
    }

    /// `invalid_request` because a required parameter is absent.
    #[must_use]
    pub fn missing(field: &'static str) -> Self {
        Self::request(format!("{field} is missing")).on(field)
    }

    /// Names the parameter at fault.
    #[must_use]
    pub const fn on(mut self, field: &'static str) -> Self {
        self.field = Some(field);
        self
    }

    /// Adds a compared value for `explain`.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.compared.push((name, value.into()));
        self
    }

    /// Adds what must happen although the request is refused.
    #[must_use]
    pub fn and(mut self, consequence: Consequence) -> Self {
        self.consequence = Some(consequence);
        self
    }
}
