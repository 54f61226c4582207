//! What a failure means: whether the user, the connector or only time can mend it.
//!
//! The dearest mistake is to ask a user to reconnect because of an outage; the next is to go on
//! asking with a grant that is dead. Status beats body upwards: 429 and 5xx will pass whatever the
//! body says. Body beats status downwards: a 200 may carry a dead grant.

mod error_body;
mod redact;

use keyhaven_protocol::time::{Seconds, Timestamp};

use crate::failure::{Failure, FailureKind, Sent};
use crate::provider::{Match, Provider};
use crate::request::Misconfigured;
use crate::response::{Content, http_date};
use crate::send::Reply;

pub use error_body::ErrorBody;

/// What a failed call means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Who can mend it.
    pub class: Class,
    /// Whether the provider may have acted all the same, so that a one-time token may be spent.
    pub acted: Acted,
    /// The HTTP status, if there was a reply.
    pub status: Option<u16>,
    /// The error's code, for metrics and the operator.
    pub code: Option<String>,
    /// The provider's words, redacted and capped, for the operator's log only.
    pub words: Option<String>,
    /// How long the provider asked us to wait.
    pub retry_after: Option<Seconds>,
    /// What the provider calls the request, if it says.
    pub request: Option<String>,
}

/// Who can mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The grant is dead; the user must connect again.
    GrantDead,
    /// The user must act at the provider first.
    GrantBlocked,
    /// The connector asks for scopes it cannot have.
    Scopes,
    /// The connector's own credentials or URLs are wrong.
    Client,
    /// It will pass.
    Transient,
    /// A refusal that does not say what it is.
    Unclear,
}

/// Whether the provider may have acted on a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acted {
    /// It did not, or what it did is known.
    No,
    /// Perhaps: the reply is lost, not the request.
    Perhaps,
}

impl Class {
    /// The fixed word that goes with a connection's state.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::GrantDead => "grant_revoked",
            Self::GrantBlocked => "policy",
            Self::Scopes => "invalid_scope",
            Self::Client => "connector_misconfigured",
            Self::Transient => "provider_unavailable",
            Self::Unclear => "provider_refused",
        }
    }
}

impl Verdict {
    const fn new(class: Class, acted: Acted) -> Self {
        Self {
            class,
            acted,
            status: None,
            code: None,
            words: None,
            retry_after: None,
            request: None,
        }
    }

    /// A reply that is no failure but holds no token: whatever it is, it may be a rotation.
    #[must_use]
    pub(crate) fn no_token(reply: &Reply) -> Self {
        Self {
            status: Some(reply.status),
            words: Some("no access token in the reply".into()),
            request: reply.request_id(),
            ..Self::new(Class::Unclear, Acted::Perhaps)
        }
    }
}

impl From<Failure> for Verdict {
    fn from(failure: Failure) -> Self {
        let class = match failure.kind {
            FailureKind::Refused(_) | FailureKind::Malformed => Class::Client,
            FailureKind::Unresolved
            | FailureKind::Unconnected
            | FailureKind::NoTls
            | FailureKind::TimedOut
            | FailureKind::BrokenOff
            | FailureKind::TooLarge
            | FailureKind::BadEncoding
            | FailureKind::WrongType
            | FailureKind::Status(_) => Class::Transient,
        };
        let acted = match failure.sent {
            Sent::Nothing => Acted::No,
            Sent::MaybeAll => Acted::Perhaps,
        };
        Self {
            code: Some(failure.word().to_owned()),
            words: Some(failure.to_string()),
            ..Self::new(class, acted)
        }
    }
}

impl From<Misconfigured> for Verdict {
    fn from(error: Misconfigured) -> Self {
        Self {
            code: Some("misconfigured".to_owned()),
            words: Some(error.to_string()),
            ..Self::new(Class::Client, Acted::No)
        }
    }
}

/// Judges the reply to a token call; `None` if nothing speaks against it.
#[must_use]
pub fn judge(
    provider: &Provider,
    reply: &Reply,
    content: &Content,
    now: Timestamp,
) -> Option<Verdict> {
    let error = error_body::read(&provider.error, content);
    let (class, acted) = decide(provider, reply.status, content, &error)?;
    Some(Verdict {
        class,
        acted,
        status: Some(reply.status),
        code: error.code.as_deref().map(redact::code),
        words: error.text.as_deref().map(redact::words),
        retry_after: reply.header("retry-after").and_then(|text| retry_after(text, now)),
        request: reply.request_id(),
    })
}

fn decide(
    provider: &Provider,
    status: u16,
    content: &Content,
    error: &ErrorBody,
) -> Option<(Class, Acted)> {
    if status == 429 {
        return Some((Class::Transient, Acted::No));
    }
    if status >= 500 {
        let is_gateways = matches!(status, 502 | 504);
        return Some((Class::Transient, if is_gateways { Acted::Perhaps } else { Acted::No }));
    }
    let is_success = (200..300).contains(&status);
    if is_success && error.is_absent() {
        return match content {
            Content::Document(_) => None,
            Content::Markup | Content::Empty | Content::Garbage => {
                Some((Class::Transient, Acted::Perhaps))
            }
        };
    }
    let class = by_file(provider, status, error)
        .or_else(|| by_code(error))
        .unwrap_or_else(|| by_status(status, content));
    Some((class, Acted::No))
}

/// What the provider's file says about this error.
fn by_file(provider: &Provider, status: u16, error: &ErrorBody) -> Option<Class> {
    let rules = &provider.error;
    let any = |list: &[Match]| list.iter().any(|one| fits(one, status, error));
    if any(&rules.transient) {
        Some(Class::Transient)
    } else if any(&rules.permanent) {
        Some(Class::GrantDead)
    } else if any(&rules.blocked) {
        Some(Class::GrantBlocked)
    } else {
        None
    }
}

fn fits(rule: &Match, status: u16, error: &ErrorBody) -> bool {
    let same = |code: &str| error.code.as_ref().is_some_and(|said| said.eq_ignore_ascii_case(code));
    let contains = |part: &str| {
        let part = part.to_lowercase();
        error.text.as_ref().is_some_and(|text| text.to_lowercase().contains(&part))
    };
    rule.status.is_none_or(|wanted| wanted == status)
        && rule.code.as_deref().is_none_or(same)
        && rule.contains.as_deref().is_none_or(contains)
}

/// What the registered codes mean (RFC 6749 §5.2, RFC 8628 §3.5, OpenID Connect Core §3.1.2.6), and
/// the unregistered ones that mean the same everywhere.
fn by_code(error: &ErrorBody) -> Option<Class> {
    Some(match error.code.as_deref()?.to_ascii_lowercase().as_str() {
        "invalid_grant" | "invalid_refresh_token" | "bad_refresh_token" => Class::GrantDead,
        "interaction_required" | "consent_required" | "login_required" | "invalid_rapt" => {
            Class::GrantBlocked
        }
        "invalid_scope" => Class::Scopes,
        "invalid_client"
        | "unauthorized_client"
        | "unsupported_grant_type"
        | "invalid_target"
        | "redirect_uri_mismatch"
        | "invalid_redirect_uri"
        | "incorrect_client_credentials" => Class::Client,
        "slow_down" | "temporarily_unavailable" | "server_error" => Class::Transient,
        _ => return None,
    })
}

/// What is left: no code, or one that nobody knows.
fn by_status(status: u16, content: &Content) -> Class {
    let is_document = matches!(content, Content::Document(_));
    match status {
        404 => Class::Client,
        // A redirect or a 403 without a known error is a gateway or a firewall, as is a page.
        300..=399 | 403 => Class::Transient,
        _ if is_document => Class::Unclear,
        _ => Class::Transient,
    }
}

/// Seconds or a date (RFC 9110 §10.2.3).
fn retry_after(text: &str, now: Timestamp) -> Option<Seconds> {
    let seconds = match text.trim().parse::<u32>() {
        Ok(seconds) => Seconds(seconds.into()),
        Err(_) => http_date(text)?.since(now),
    };
    (seconds.0 >= 0).then_some(seconds)
}

#[cfg(test)]
mod tests;
