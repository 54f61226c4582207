//! What a client and a call can be told.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::security::Security;
use crate::tokens::Token;

/// How and whether a call is repeated.
///
/// ```
/// use std::time::Duration;
/// use keyhaven_sdk::Retries;
/// let patient = Retries { max_retries: 5, max_interval: Duration::from_secs(30), ..Retries::default() };
/// assert_eq!(patient.exponent, 2.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Retries {
    /// Attempts after the first one.
    pub max_retries: u32,
    /// The first bound of waiting.
    pub initial_interval: Duration,
    /// The last bound of waiting.
    pub max_interval: Duration,
    /// What each bound is multiplied by.
    pub exponent: f64,
    /// No attempt begins later than this after the first; the time of the call if absent.
    pub max_elapsed_time: Option<Duration>,
    /// Whether a failed connection is tried again.
    pub connection_errors: bool,
}

impl Default for Retries {
    /// Two retries, 500 ms doubling up to 8 s.
    fn default() -> Self {
        Self {
            max_retries: 2,
            initial_interval: Duration::from_millis(500),
            max_interval: Duration::from_secs(8),
            exponent: 2.0,
            max_elapsed_time: None,
            connection_errors: true,
        }
    }
}

impl Retries {
    /// One attempt.
    ///
    /// ```no_run
    /// use keyhaven_sdk::{Client, Retries};
    ///
    /// let keyhaven = Client::builder().retries(Retries::none());
    /// ```
    #[must_use]
    pub fn none() -> Self {
        Self { max_retries: 0, ..Self::default() }
    }
}

/// Where a hook is called.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HookContext {
    /// The operation's id in the document.
    pub operation: &'static str,
    /// 1 for the first.
    pub attempt: u32,
}

/// What a caller may do around each attempt; each method does nothing unless it is written.
///
/// ```
/// use keyhaven_sdk::Hooks;
/// /// Does nothing, as every hook that is not written.
/// struct Quiet;
/// impl Hooks for Quiet {}
/// ```
pub trait Hooks: Send + Sync {
    /// May change the request. An error ends the call.
    ///
    /// # Errors
    ///
    /// Whatever ends the call.
    fn before_request(
        &self,
        context: &HookContext,
        request: &mut reqwest::Request,
    ) -> Result<(), Error> {
        let _ = (context, request);
        Ok(())
    }
    /// Sees the status of an answer.
    fn after_response(&self, context: &HookContext, status: u16) {
        let _ = (context, status);
    }
    /// Sees an attempt's error.
    fn after_error(&self, context: &HookContext, error: &Error) {
        let _ = (context, error);
    }
    /// Sees that there will be another attempt.
    fn on_retry(&self, context: &HookContext, error: &Error, delay: Duration) {
        let _ = (context, error, delay);
    }
    /// Sees the token that an attempt uses.
    fn on_token(&self, context: &HookContext, token: &Token) {
        let _ = (context, token);
    }
}

/// Settings of a client; a call changes its own copy.
#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) server_url: String,
    pub(crate) security: Security,
    pub(crate) retries: Retries,
    pub(crate) retry_codes: Option<Vec<String>>,
    pub(crate) timeout: Duration,
    pub(crate) total_timeout: Duration,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) user_agent: String,
    pub(crate) hooks: Vec<Arc<dyn Hooks>>,
    #[cfg(feature = "dpop")]
    pub(crate) dpop: Option<Arc<crate::dpop::Dpop>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            server_url: String::new(),
            security: Security::default(),
            retries: Retries::default(),
            retry_codes: None,
            timeout: Duration::from_secs(30),
            total_timeout: Duration::from_secs(60),
            headers: Vec::new(),
            idempotency_key: None,
            user_agent: concat!("keyhaven-sdk-rust/", env!("CARGO_PKG_VERSION")).to_owned(),
            hooks: Vec::new(),
            #[cfg(feature = "dpop")]
            dpop: None,
        }
    }
}
