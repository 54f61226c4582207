//! One call that is being prepared, and what it gives.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::client::Client;
use crate::error::Error;
use crate::options::Options;
use crate::send::Operation;

/// About the exchange that gave an answer.
#[derive(Clone)]
#[non_exhaustive]
pub struct Meta {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// What to tell whoever looks into the server's logs.
    pub request_id: Option<String>,
    /// Requests, the successful one included.
    pub attempts: u32,
    /// The server repeated an earlier answer to the same idempotency key.
    pub idempotent_replay: bool,
}

impl fmt::Debug for Meta {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Meta")
            .field("status", &self.status)
            .field("request_id", &self.request_id)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

/// An answer: its value, and the exchange that gave it.
///
/// ```no_run
/// # async fn example(client: &keyhaven_sdk::Client) -> Result<(), keyhaven_sdk::Error> {
/// let organization = client.organizations().show_organization("acme").send().await?;
/// println!("{} after {} attempts", organization.name, organization.meta().attempts);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Response<T> {
    value: T,
    meta: Meta,
}

impl<T> Response<T> {
    pub(crate) fn new(value: T, meta: Meta) -> Self {
        Self { value, meta }
    }

    /// The value alone.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// The exchange.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }
}

impl<T> Deref for Response<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// What the builders of operations have in common.
pub(crate) struct Call<T> {
    pub(crate) client: Client,
    pub(crate) operation: &'static Operation,
    pub(crate) options: Options,
    pub(crate) path: Vec<(&'static str, String)>,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<Result<Vec<u8>, String>>,
    gives: PhantomData<fn() -> T>,
}

// Derived, it would ask the same of what the call gives.
impl<T> Clone for Call<T> {
    fn clone(&self) -> Self {
        Self {
            client: self.client.clone(),
            operation: self.operation,
            options: self.options.clone(),
            path: self.path.clone(),
            query: self.query.clone(),
            headers: self.headers.clone(),
            body: self.body.clone(),
            gives: PhantomData,
        }
    }
}

impl<T: DeserializeOwned + Send + 'static> Call<T> {
    pub(crate) fn new(client: &Client, operation: &'static Operation) -> Self {
        Self {
            client: client.clone(),
            operation,
            options: client.options().clone(),
            path: Vec::new(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            gives: PhantomData,
        }
    }

    pub(crate) fn body(&mut self, body: &impl Serialize) {
        self.body = Some(serde_json::to_vec(body).map_err(|error| error.to_string()));
    }

    pub(crate) async fn send(self) -> Result<Response<T>, Error> {
        crate::send::send(self).await
    }

    #[cfg(feature = "blocking")]
    pub(crate) fn send_blocking(self) -> Result<Response<T>, Error> {
        crate::client::runtime()?.block_on(self.send())
    }
}

/// The settings and the sending of a builder that has a `call`.
macro_rules! common {
    ($name:ident, $gives:ty) => {
        impl $name {
            /// How this call is repeated.
            pub fn retries(mut self, retries: crate::Retries) -> Self {
                self.call.options.retries = retries;
                self
            }

            /// Statuses worth repeating instead of the usual ones: `429`, `5XX`.
            pub fn retry_codes(mut self, codes: &[&str]) -> Self {
                let codes = codes.iter().map(|&code| code.to_owned()).collect();
                self.call.options.retry_codes = Some(codes);
                self
            }

            /// Of one attempt, reading the body included.
            pub fn timeout(mut self, limit: std::time::Duration) -> Self {
                self.call.options.timeout = limit;
                self
            }

            /// Of the whole call, waiting included.
            pub fn total_timeout(mut self, limit: std::time::Duration) -> Self {
                self.call.options.total_timeout = limit;
                self
            }

            /// Another server for this call.
            pub fn server_url(mut self, url: impl Into<String>) -> Self {
                self.call.options.server_url = url.into();
                self
            }

            /// Another credential for this call.
            pub fn security(mut self, security: crate::Security) -> Self {
                self.call.options.security = security;
                self
            }

            /// Another header.
            pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
                self.call.options.headers.push((name.into(), value.into()));
                self
            }

            /// The key under which this call happens once.
            pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
                self.call.options.idempotency_key = Some(key.into());
                self
            }

            /// Sends it. Dropping the future ends the call.
            ///
            /// # Errors
            ///
            /// See [`Kind`](crate::Kind).
            pub async fn send(self) -> Result<crate::Response<$gives>, crate::Error> {
                self.call.send().await
            }

            /// Sends it and waits.
            ///
            /// # Errors
            ///
            /// See [`Kind`](crate::Kind).
            #[cfg(feature = "blocking")]
            pub fn send_blocking(self) -> Result<crate::Response<$gives>, crate::Error> {
                self.call.send_blocking()
            }
        }
    };
}

pub(crate) use common;
