//! The client.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Kind};
use crate::options::{Hooks, Options, Retries};
use crate::security::Security;
use crate::tokens::TokenSource;

/// A client; clones share its connections.
///
/// ```no_run
/// # async fn example() -> Result<(), keyhaven_sdk::Error> {
/// use keyhaven_sdk::{Client, Security};
/// let builder = Client::builder().server_url("https://auth.example.com");
/// let client = builder.security(Security::bearer("kh_access_…")).build()?;
/// let keys = client.signing_keys().list_signing_keys().send().await?;
/// println!("{} keys", keys.items.len());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    options: Options,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Client")
            .field("server_url", &self.0.options.server_url)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Begins a client.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::{Client, Error, Retries, Security};
    /// # use std::sync::Arc;
    /// # use std::time::Duration;
    /// # fn example() -> Result<(), Error> {
    /// let keyhaven = Client::builder().server_url("https://auth.example.com").build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder() -> Builder {
        Builder { options: Options::default(), http: None }
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.0.http
    }

    pub(crate) fn options(&self) -> &Options {
        &self.0.options
    }
}

/// A client that is being made.
///
/// ```
/// use std::time::Duration;
/// use keyhaven_sdk::{Client, Retries};
/// let builder = Client::builder().server_url("https://auth.example.com");
/// let client = builder.retries(Retries::none()).timeout(Duration::from_secs(5)).build();
/// assert!(client.is_ok());
/// ```
#[must_use]
pub struct Builder {
    options: Options,
    http: Option<reqwest::Client>,
}

impl Builder {
    /// Where the server is.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::{Client, Error, Retries, Security};
    /// # use std::sync::Arc;
    /// # use std::time::Duration;
    /// # fn example() -> Result<(), Error> {
    /// let keyhaven = Client::builder().server_url("https://auth.example.com").build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn server_url(mut self, url: impl Into<String>) -> Self {
        self.options.server_url = url.into();
        self
    }

    /// Credentials for every call.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::{Client, Error, Retries, Security};
    /// # use std::sync::Arc;
    /// # use std::time::Duration;
    /// # fn example() -> Result<(), Error> {
    /// let keyhaven = Client::builder().security(Security::bearer("kh_access_…")).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn security(mut self, security: Security) -> Self {
        self.options.security = security;
        self
    }

    /// Where bearer tokens come from.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::{Client, Error, Retries, Security};
    /// # use std::sync::Arc;
    /// # use std::time::Duration;
    /// # fn example() -> Result<(), Error> {
    /// # use keyhaven_sdk::tokens::ClientCredentials;
    /// # let source = ClientCredentials::new("https://auth.example.com", "id", "secret").build();
    /// let keyhaven = Client::builder().token_source(source).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn token_source(mut self, source: Arc<dyn TokenSource>) -> Self {
        self.options.security = Security::source(source);
        self
    }

    /// How calls are repeated.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::{Client, Error, Retries, Security};
    /// # use std::sync::Arc;
    /// # use std::time::Duration;
    /// # fn example() -> Result<(), Error> {
    /// let keyhaven = Client::builder().retries(Retries::none()).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn retries(mut self, retries: Retries) -> Self {
        self.options.retries = retries;
        self
    }

    /// Of one attempt, reading the body included: 30 s unless said otherwise.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::{Client, Error, Retries, Security};
    /// # use std::sync::Arc;
    /// # use std::time::Duration;
    /// # fn example() -> Result<(), Error> {
    /// let keyhaven = Client::builder().timeout(Duration::from_secs(10)).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.options.timeout = limit;
        self
    }

    /// Of a call, waiting included: 60 s unless said otherwise.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::{Client, Error, Retries, Security};
    /// # use std::sync::Arc;
    /// # use std::time::Duration;
    /// # fn example() -> Result<(), Error> {
    /// let keyhaven = Client::builder().total_timeout(Duration::from_secs(20)).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn total_timeout(mut self, limit: Duration) -> Self {
        self.options.total_timeout = limit;
        self
    }

    /// A header for every call.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::{Client, Error, Retries, Security};
    /// # use std::sync::Arc;
    /// # use std::time::Duration;
    /// # fn example() -> Result<(), Error> {
    /// let keyhaven = Client::builder().header("x-tenant", "acme").build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.headers.push((name.into(), value.into()));
        self
    }

    /// Put before ours.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::{Client, Error, Retries, Security};
    /// # use std::sync::Arc;
    /// # use std::time::Duration;
    /// # fn example() -> Result<(), Error> {
    /// let keyhaven = Client::builder().user_agent("robot/1.0").build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn user_agent(mut self, name: &str) -> Self {
        self.options.user_agent = format!("{name} {}", self.options.user_agent);
        self
    }

    /// Called around every attempt, in the order they were added.
    pub fn hooks(mut self, hooks: Arc<dyn Hooks>) -> Self {
        self.options.hooks.push(hooks);
        self
    }

    /// Proves the key that the source's tokens are bound to (RFC 9449).
    ///
    /// ```no_run
    /// # use keyhaven_sdk::{Client, Error, Retries, Security};
    /// # use std::sync::Arc;
    /// # use std::time::Duration;
    /// # fn example() -> Result<(), Error> {
    /// # use keyhaven_sdk::{Dpop, SigningKey};
    /// let keyhaven = Client::builder().dpop(Arc::new(Dpop::new(SigningKey::generate()?))).build()?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "dpop")]
    pub fn dpop(mut self, proofs: Arc<crate::dpop::Dpop>) -> Self {
        self.options.dpop = Some(proofs);
        self
    }

    /// An HTTP client of your own. It must not follow redirects.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::{Client, Error, Retries, Security};
    /// # use std::sync::Arc;
    /// # use std::time::Duration;
    /// # fn example() -> Result<(), Error> {
    /// let keyhaven = Client::builder().http_client(reqwest::Client::new()).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn http_client(mut self, http: reqwest::Client) -> Self {
        self.http = Some(http);
        self
    }

    /// The client.
    ///
    /// # Errors
    ///
    /// Without a server's URL, or when TLS cannot be set up.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::{Client, Error, Retries, Security};
    /// # use std::sync::Arc;
    /// # use std::time::Duration;
    /// # fn example() -> Result<(), Error> {
    /// let keyhaven = Client::builder().server_url("https://auth.example.com").build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn build(self) -> Result<Client, Error> {
        let url = reqwest::Url::parse(&self.options.server_url).map_err(Error::invalid)?;
        if !url.has_host() {
            return Err(Error::local(Kind::InvalidRequest, "the server URL has no host"));
        }
        let http = match self.http {
            Some(http) => http,
            None => plain_http()?,
        };
        Ok(Client(Arc::new(Inner { http, options: self.options })))
    }
}

/// Follows no redirect: credentials must not travel to another origin.
pub(crate) fn plain_http() -> Result<reqwest::Client, Error> {
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    builder.build().map_err(Error::client)
}

/// Where blocking calls run.
#[cfg(feature = "blocking")]
pub(crate) fn runtime() -> Result<&'static tokio::runtime::Runtime, Error> {
    static RUNTIME: std::sync::OnceLock<tokio::runtime::Runtime> = std::sync::OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let made = builder.worker_threads(1).enable_all().build().map_err(Error::client)?;
    Ok(RUNTIME.get_or_init(|| made))
}
