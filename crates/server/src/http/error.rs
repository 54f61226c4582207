//! The only file with status codes: what a failure looks like to whoever is told of it.
//!
//! API callers get problem details (RFC 9457). The public text stays vague about credentials; the
//! rule that refused is found by the answer's `code` with `keyhaven explain`.

use std::borrow::Cow;
use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use keyhaven_protocol::id::OrganizationId;
use keyhaven_protocol::refusal::{Code, Refusal};
use keyhaven_store::{Error, Outcome};
use serde::Serialize;
use utoipa::ToSchema;

use super::rate_limit;
use crate::key_limits::Limit;
use crate::operations::Failure;

/// Problem details (RFC 9457 §3).
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Where this kind of problem is described, relative to the issuer.
    #[serde(rename = "type")]
    #[schema(example = "/docs#problem-not-found")]
    pub kind: String,
    /// The kind of problem, in words.
    #[schema(example = "There is no such thing within your reach")]
    pub title: &'static str,
    /// The HTTP status.
    #[schema(example = 404)]
    pub status: u16,
    /// What happened this time.
    #[schema(example = "No such project.")]
    pub detail: String,
    /// The path that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/v1/organizations/acme/projects/019a2b3c-4d5e-7f60-8123-456789abcdef")]
    pub instance: Option<String>,
    /// The code under which an administrator finds the exact rule, for a day: `keyhaven explain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "KH-4F2A-9C1D")]
    pub code: Option<String>,
    /// Why a checked credential does not count, for programs: `invalid_token`,
    /// `insufficient_scope`, `not_from_here`, `budget_exhausted`, `unit_mismatch`, `rate_limited`,
    /// `invalid_request`, `temporarily_unavailable`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "invalid_token")]
    pub reason: Option<&'static str>,
    /// The kind in a word, where programs tell answers of one status apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "needs_reauth")]
    pub error: Option<&'static str>,
    /// Where to send a user who must authorize a connection again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        example = "https://keys.example/connections/019a2b3c-4d5e-7f60-8123-456789abcdef/reconnect"
    )]
    pub reconnect_url: Option<String>,
    /// What is wrong with which member or parameter.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// What is wrong with one member of the body or one parameter of the query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The member, as a JSON Pointer (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/slug")]
    pub pointer: Option<String>,
    /// The query parameter or header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<&'static str>,
    /// What is wrong with it.
    #[schema(example = "a slug has lower-case letters, digits and hyphens only")]
    pub detail: Cow<'static, str>,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $status:ident $slug:literal $title:literal,)*) => {
        /// The kinds of problem `/v1` answers with.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            /// Every kind, for the reference page.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name in its `type`.
            #[must_use]
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug,)* }
            }

            /// The kind in words.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// The status of its answers.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }
        }
    };
}

kinds! {
    /// A parameter, member or header breaks a rule.
    InvalidRequest = BAD_REQUEST "invalid-request" "The request is not acceptable",
    /// No credential, or one that does not count.
    InvalidToken = UNAUTHORIZED "invalid-token" "A valid administrator's access token is required",
    /// A checked credential is dead or unknown.
    DeadCredential = UNAUTHORIZED "dead-credential" "The credential does not count",
    /// A checked credential lives, and does not reach so far.
    NarrowCredential = FORBIDDEN "narrow-credential" "The credential does not reach so far",
    /// A checked key may not be used from there.
    ElsewhereOnly = FORBIDDEN "elsewhere-only" "The key may not be used from there",
    /// The cost does not fit a budget.
    BudgetExhausted = PAYMENT_REQUIRED "budget-exhausted" "The cost does not fit the budget",
    /// The cost is in a unit the budgets do not count.
    UnitMismatch = UNPROCESSABLE_ENTITY "unit-mismatch" "The budgets do not count this unit",
    /// A rate limit of the key is used up.
    RateLimited = TOO_MANY_REQUESTS "rate-limited" "A rate limit of the key is used up",
    /// A credential that does not reach so far.
    Forbidden = FORBIDDEN "forbidden" "This credential does not allow that",
    /// Unknown, or another tenant's: the two look the same.
    NotFound = NOT_FOUND "not-found" "There is no such thing within your reach",
    /// The path exists, the method does not.
    MethodNotAllowed = METHOD_NOT_ALLOWED "method-not-allowed" "This path has no such method",
    /// To the caller there is no such connection.
    NotConnected = NOT_FOUND "not-connected" "There is no such connection",
    /// The user of a connection must authorize it again.
    NeedsReauth = CONFLICT "needs-reauth" "The connection must be authorized again",
    /// The provider refuses the connector's own credentials.
    ConnectorMisconfigured = FAILED_DEPENDENCY "connector-misconfigured" "The connector's credentials do not work",
    /// Another node refreshes the token.
    RefreshInProgress = SERVICE_UNAVAILABLE "refresh-in-progress" "The token is being refreshed, ask again",
    /// The provider fails.
    ProviderUnavailable = SERVICE_UNAVAILABLE "provider-unavailable" "The provider does not answer now, ask again later",
    /// What is there already stands in the way.
    Conflict = CONFLICT "conflict" "What is there already stands in the way",
    /// The body is too long.
    TooLarge = PAYLOAD_TOO_LARGE "too-large" "The body is too long",
    /// The body is not JSON.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE "unsupported-media-type" "The body must be JSON",
    /// An idempotency key came back with another request.
    KeyReused = CONFLICT "idempotency-key-reused" "This idempotency key belongs to another request",
    /// Too many failures from here.
    TooManyRequests = TOO_MANY_REQUESTS "too-many-requests" "Too many requests, wait a little",
    /// Our mistake.
    Internal = INTERNAL_SERVER_ERROR "internal" "Something went wrong on our side",
    /// Storage cannot answer now; the request is safe to repeat.
    Unavailable = SERVICE_UNAVAILABLE "unavailable" "Not possible right now, try again",
}

impl Kind {
    /// The word by which programs tell answers of one status apart.
    const fn word(self) -> Option<&'static str> {
        Some(match self {
            Self::NotConnected => "not_connected",
            Self::NeedsReauth => "needs_reauth",
            Self::ConnectorMisconfigured => "connector_misconfigured",
            Self::RefreshInProgress => "refresh_in_progress",
            Self::ProviderUnavailable => "provider_unavailable",
            Self::KeyReused => "idempotency_key_reused",
            _ => return None,
        })
    }
}

/// A refusal or failure on its way to an API caller.
#[derive(Clone, Debug)]
pub struct ApiError {
    /// What kind it is.
    pub kind: Kind,
    /// The public sentence.
    pub detail: Cow<'static, str>,
    /// Which members or parameters are at fault.
    pub errors: Vec<FieldError>,
    /// The rule, for logs and `explain`; `None` when nothing was refused but storage failed.
    pub refusal: Option<Box<Refusal>>,
    /// The tenant concerned, as far as known.
    pub organization: Option<OrganizationId>,
    /// Seconds to wait before trying again.
    pub wait: Option<i64>,
    /// Why, in a word for programs, when a checked credential does not count.
    pub reason: Option<&'static str>,
    /// What else a few kinds say.
    pub more: Option<Box<More>>,
}

/// What a few kinds say beside the sentence.
#[derive(Clone, Debug)]
pub enum More {
    /// How far the rate limits of a checked key are used up.
    Limits(Vec<Limit>),
    /// Where to send a user who must authorize a connection again.
    Reconnect(String),
}

impl ApiError {
    /// A problem of `kind`; the public sentence is also the rule.
    pub fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        let detail = detail.into();
        let refusal = Some(Box::new(Refusal::new(code_of(kind), detail.clone())));
        Self {
            kind,
            detail,
            errors: Vec::new(),
            refusal,
            organization: None,
            wait: None,
            reason: None,
            more: None,
        }
    }

    /// No such `noun` within reach.
    pub fn not_found(noun: &str) -> Self {
        Self::new(Kind::NotFound, format!("No such {noun}."))
    }

    /// One member or several break rules.
    pub fn fields(errors: Vec<FieldError>) -> Self {
        let mut error = Self::new(Kind::InvalidRequest, "See errors for what to change.");
        let rules = errors.iter().map(|error| {
            let place = error.pointer.as_deref().or(error.parameter).unwrap_or_default();
            format!("{place}: {}", error.detail)
        });
        let rules = rules.collect::<Vec<_>>().join("; ");
        error.refusal = Some(Box::new(Refusal::request(rules)));
        error.errors = errors;
        error
    }

    /// One query parameter or header breaks a rule.
    pub fn parameter(name: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::fields(vec![FieldError {
            pointer: None,
            parameter: Some(name),
            detail: detail.into(),
        }])
    }

    /// One member of the body breaks a rule.
    pub fn member(pointer: impl Into<String>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::fields(vec![FieldError {
            pointer: Some(pointer.into()),
            parameter: None,
            detail: detail.into(),
        }])
    }

    /// Says which tenant it concerned.
    #[must_use]
    pub fn within(mut self, organization: Option<OrganizationId>) -> Self {
        self.organization = organization;
        self
    }

    /// The rule behind it, where the public sentence is another.
    #[must_use]
    pub fn because(mut self, refusal: Refusal) -> Self {
        self.refusal = Some(Box::new(refusal));
        self
    }

    /// Where to send a user who must authorize a connection again.
    #[must_use]
    pub fn mended_at(mut self, url: String) -> Self {
        self.more = Some(Box::new(More::Reconnect(url)));
        self
    }

    fn reconnect_url(&self) -> Option<String> {
        match self.more.as_deref() {
            Some(More::Reconnect(url)) => Some(url.clone()),
            _ => None,
        }
    }

    /// How far the rate limits of the key are used up.
    #[must_use]
    pub fn limited(mut self, limits: Vec<Limit>) -> Self {
        self.more = Some(Box::new(More::Limits(limits)));
        self
    }

    /// A credential somebody asked about does not count, or could not be judged.
    pub fn of_checked(failure: Failure) -> Self {
        let word = match &failure {
            Failure::Storage(_) => "temporarily_unavailable",
            Failure::Refused(refused) => refused.refusal.code.as_str(),
        };
        let mut error = Self::from(failure);
        error.kind = match error.kind {
            Kind::InvalidToken => Kind::DeadCredential,
            Kind::Forbidden => Kind::NarrowCredential,
            other => other,
        };
        if error.kind != Kind::Unavailable {
            error.detail = error.kind.title().into();
        }
        error.reason = Some(word);
        error
    }

    /// What a change that did not happen means to the caller. `noun` names what it was about.
    pub fn of_outcome(outcome: Outcome, noun: &str) -> Self {
        match outcome {
            Outcome::Done | Outcome::Answered => Self::new(Kind::Internal, "Done, but not told."),
            Outcome::Absent => Self::not_found(noun),
            Outcome::Taken(member) => {
                let mut error = Self::new(Kind::Conflict, format!("This {member} is taken."));
                let pointer = Some(format!("/{member}"));
                let detail = "is taken".into();
                error.errors = vec![FieldError { pointer, parameter: None, detail }];
                error
            }
            Outcome::Unknown(member, at) => {
                let list = if member.ends_with('s') { format!("/{at}") } else { String::new() };
                Self::member(format!("/{member}{list}"), "is not there")
            }
            Outcome::Full(rule) => Self::new(Kind::Conflict, full(rule)),
            Outcome::Moved => {
                Self::new(Kind::Conflict, "Somebody changed it at the same time. Read it again.")
            }
        }
    }

    /// The answer, with what only the edge of the request knows.
    #[must_use]
    pub fn render(&self, code: Option<String>, instance: Option<String>) -> Response {
        let problem = Problem {
            kind: format!("/docs#problem-{}", self.kind.slug()),
            title: self.kind.title(),
            status: self.kind.status().as_u16(),
            detail: self.detail.clone().into_owned(),
            instance,
            code,
            reason: self.reason,
            error: self.kind.word(),
            reconnect_url: self.reconnect_url(),
            errors: self.errors.clone(),
        };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = (self.kind.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if matches!(self.kind, Kind::InvalidToken | Kind::DeadCredential) {
            let challenge = HeaderValue::from_static("Bearer realm=\"keyhaven\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(wait) = self.wait {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        if let Some(More::Limits(limits)) = self.more.as_deref() {
            rate_limit::describe(limits, headers);
        }
        response
    }
}

/// Leaves itself in the response, so that the edge can add code and instance and write one log
/// line: see `api::explained`.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.render(None, None);
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        tracing::error!(%error, "storage failed");
        Self {
            kind: Kind::Unavailable,
            detail: "Nothing was changed unless a repetition says so.".into(),
            errors: Vec::new(),
            refusal: None,
            organization: None,
            wait: Some(1),
            reason: None,
            more: None,
        }
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        let refused = match failure {
            Failure::Storage(error) => return error.into(),
            Failure::Refused(refused) => refused,
        };
        let kind = kind_of(refused.refusal.code);
        Self {
            kind,
            detail: kind.title().into(),
            errors: Vec::new(),
            refusal: Some(Box::new(refused.refusal)),
            organization: refused.client.and_then(|client| client.organization),
            wait: refused.wait,
            reason: None,
            more: None,
        }
    }
}

const fn kind_of(code: Code) -> Kind {
    match code {
        Code::InvalidToken | Code::InvalidClient => Kind::InvalidToken,
        Code::InsufficientScope | Code::UnauthorizedClient => Kind::Forbidden,
        Code::TooManyRequests => Kind::TooManyRequests,
        Code::RateLimited => Kind::RateLimited,
        Code::BudgetExhausted => Kind::BudgetExhausted,
        Code::UnitMismatch => Kind::UnitMismatch,
        Code::KeyReused => Kind::KeyReused,
        Code::NotFromHere => Kind::ElsewhereOnly,
        _ => Kind::InvalidRequest,
    }
}

const fn code_of(kind: Kind) -> Code {
    match kind {
        Kind::InvalidToken => Code::InvalidToken,
        Kind::Forbidden => Code::InsufficientScope,
        Kind::TooManyRequests => Code::TooManyRequests,
        Kind::KeyReused => Code::KeyReused,
        _ => Code::InvalidRequest,
    }
}

fn full(rule: &'static str) -> &'static str {
    match rule {
        "secrets" => {
            "Two secrets are live already. Delete one, or wait until the older one has ended."
        }
        "organization" => {
            "It holds too much to go at once. Disable it, which stops all it holds, and delete its \
             clients and members first."
        }
        "passkeys" => "A person has at most twenty passkeys. Remove one first.",
        "owners" => "An organization keeps at least one owner.",
        _ => "There are as many as there may be.",
    }
}
