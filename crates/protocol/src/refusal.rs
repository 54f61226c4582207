//! Why something was refused: a code from the OAuth registries for the wire and a private reason
//! that names the broken rule for logs, tests and `keyhaven explain`.

use std::borrow::Cow;

use crate::id::{GrantId, TokenId};

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
    /// The idempotency key belongs to another request.
    KeyReused,
    /// The key may not be used from there.
    NotFromHere,
    /// The person or the server said no (RFC 6749 §4.1.2.1).
    AccessDenied,
    /// No such response type (RFC 6749 §4.1.2.1).
    UnsupportedResponseType,
    /// Somebody would have to sign in, and the client allows no page (OpenID Connect Core §3.1.2.6).
    LoginRequired,
    /// Somebody would have to consent, and the client allows no page.
    ConsentRequired,
    /// The request URI is unknown, expired, used or somebody else's (RFC 9101 §6).
    InvalidRequestUri,
    /// The request object is not sound (RFC 9101 §6).
    InvalidRequestObject,
    /// Request objects are taken by the pushed authorization endpoint only.
    RequestNotSupported,
    /// No registration inside a request (OpenID Connect Core §7.2.1).
    RegistrationNotSupported,
    /// The login does not reach what is essential (OpenID Connect Core Error Code
    /// `unmet_authentication_requirements`).
    UnmetAuthenticationRequirements,
    /// The DPoP proof is not sound (RFC 9449 §5).
    InvalidDpopProof,
    /// The DPoP proof lacks a nonce of ours (RFC 9449 §8).
    UseDpopNonce,
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
            Self::KeyReused => "idempotency_key_reused",
            Self::NotFromHere => "not_from_here",
            Self::AccessDenied => "access_denied",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::InvalidRequestUri => "invalid_request_uri",
            Self::InvalidRequestObject => "invalid_request_object",
            Self::RequestNotSupported => "request_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
        }
    }
}

/// What a refusal sets in motion, so that refusing is never half done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// A spent refresh token came back: revoke the family (RFC 9700 §4.14.2).
    RevokeFamily(TokenId),
    /// A spent authorization code came back: revoke what it made (RFC 6749 §4.1.2).
    RevokeGrant(GrantId),
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
