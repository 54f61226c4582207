//! A token endpoint (RFC 6749 §3.2), and the client that asks there.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde::Deserialize;

use super::flights;
use super::store::Kept;
use super::{Fetching, Renew, Source, Token, TokenSource, TokenStore};
use crate::backoff::retry_after;
use crate::client::plain_http;
use crate::error::{Answer, Error, Kind};
use crate::secret::Secret;
use crate::security::basic;
use crate::send::TOKEN_LIMIT;

/// Parameters of a form.
pub(super) type Form = Vec<(&'static str, String)>;

/// Proves a client, anew for every request.
///
/// ```
/// use keyhaven_sdk::{Error, tokens::ClientAuthentication};
/// /// A token of the platform that a file has, new each time.
/// struct Mounted;
/// impl ClientAuthentication for Mounted {
///     fn prove(&self, _audience: &str) -> Result<Vec<(&'static str, String)>, Error> {
///         let assertion = std::fs::read_to_string("/var/run/secrets/token").unwrap_or_default();
///         let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned();
///         Ok(vec![("client_assertion_type", kind), ("client_assertion", assertion)])
///     }
/// }
/// ```
pub trait ClientAuthentication: Send + Sync {
    /// What goes into the form. `audience` is the issuer, or the endpoint where no issuer is known.
    ///
    /// # Errors
    ///
    /// When there is no proof to give; nothing is sent then.
    fn prove(&self, audience: &str) -> Result<Vec<(&'static str, String)>, Error>;
}

/// Tokens of a client's own authority (RFC 6749 §4.4), and the client that other grants ask as.
///
/// ```
/// use keyhaven_sdk::{Client, ClientCredentials};
/// let server = "https://auth.example.com";
/// let tokens = ClientCredentials::new(server, "kh_client_…", "kh_secret_…").scope("read").build();
/// let client = Client::builder().server_url(server).token_source(tokens).build();
/// assert!(client.is_ok());
/// ```
#[derive(Clone)]
#[must_use]
pub struct ClientCredentials {
    pub(super) issuer: String,
    endpoint: Option<String>,
    pub(super) id: String,
    pub(super) secret: Secret,
    authentication: Option<Arc<dyn ClientAuthentication>>,
    pub(super) scope: Option<String>,
    resource: Option<String>,
    pub(super) store: Option<Arc<dyn TokenStore>>,
    pub(super) store_key: Option<String>,
    pub(super) ours: Option<bool>,
    #[cfg(feature = "dpop")]
    dpop: Option<Arc<crate::dpop::Dpop>>,
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ClientCredentials").field("id", &self.id).finish_non_exhaustive()
    }
}

impl ClientCredentials {
    /// Of this client at this issuer. Without a secret (`""`) it says its id only.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # use keyhaven_sdk::tokens::{ClientCredentials, FileStore};
    /// # use std::sync::Arc;
    /// # fn example() -> Result<(), Error> {
    /// let client = ClientCredentials::new("https://auth.example.com", "id", "secret");
    /// let source = client.build();
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(server_url: &str, id: impl Into<String>, secret: impl Into<Secret>) -> Self {
        Self {
            issuer: server_url.to_owned(),
            endpoint: None,
            id: id.into(),
            secret: secret.into(),
            authentication: None,
            scope: None,
            resource: None,
            store: None,
            store_key: None,
            ours: None,
            #[cfg(feature = "dpop")]
            dpop: None,
        }
    }

    /// A token endpoint elsewhere.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # use keyhaven_sdk::tokens::{ClientCredentials, FileStore};
    /// # use std::sync::Arc;
    /// # fn example() -> Result<(), Error> {
    /// let client = ClientCredentials::new("https://auth.example.com", "id", "secret");
    /// let source = client.token_url("https://auth.example.com/token").build();
    /// # Ok(())
    /// # }
    /// ```
    pub fn token_url(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// Scopes, space-separated.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # use keyhaven_sdk::tokens::{ClientCredentials, FileStore};
    /// # use std::sync::Arc;
    /// # fn example() -> Result<(), Error> {
    /// let client = ClientCredentials::new("https://auth.example.com", "id", "secret");
    /// let source = client.scope("read write").build();
    /// # Ok(())
    /// # }
    /// ```
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    /// The API the token is for (RFC 8707).
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # use keyhaven_sdk::tokens::{ClientCredentials, FileStore};
    /// # use std::sync::Arc;
    /// # fn example() -> Result<(), Error> {
    /// let client = ClientCredentials::new("https://auth.example.com", "id", "secret");
    /// let source = client.resource("https://api.example.com").build();
    /// # Ok(())
    /// # }
    /// ```
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resource = Some(resource.into());
        self
    }

    /// Proves the client instead of its secret: `PrivateKeyJwt` for one.
    pub fn authentication(mut self, proof: Arc<dyn ClientAuthentication>) -> Self {
        self.authentication = Some(proof);
        self
    }

    /// Where the token is kept; in memory unless said otherwise.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # use keyhaven_sdk::tokens::{ClientCredentials, FileStore};
    /// # use std::sync::Arc;
    /// # fn example() -> Result<(), Error> {
    /// let client = ClientCredentials::new("https://auth.example.com", "id", "secret");
    /// let source = client.store(Arc::new(FileStore::new("tokens.json"))).build();
    /// # Ok(())
    /// # }
    /// ```
    pub fn store(mut self, store: Arc<dyn TokenStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// What the token is called in the store; made from issuer, client, resource and scope unless said
    /// otherwise.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # use keyhaven_sdk::tokens::{ClientCredentials, FileStore};
    /// # use std::sync::Arc;
    /// # fn example() -> Result<(), Error> {
    /// let client = ClientCredentials::new("https://auth.example.com", "id", "secret");
    /// let source = client.store_key("robot").build();
    /// # Ok(())
    /// # }
    /// ```
    pub fn store_key(mut self, key: impl Into<String>) -> Self {
        self.store_key = Some(key.into());
        self
    }

    /// Whether the server gives tokens again under an `Idempotency-Key`, so that a grant that works once
    /// may be repeated when its answer is lost. Its metadata says so unless this does.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # use keyhaven_sdk::tokens::{ClientCredentials, FileStore};
    /// # use std::sync::Arc;
    /// # fn example() -> Result<(), Error> {
    /// let client = ClientCredentials::new("https://auth.example.com", "id", "secret");
    /// let source = client.ours(true).build();
    /// # Ok(())
    /// # }
    /// ```
    pub fn ours(mut self, ours: bool) -> Self {
        self.ours = Some(ours);
        self
    }

    /// Binds tokens to a key (RFC 9449). The client that uses them needs the same one.
    #[cfg(feature = "dpop")]
    pub fn dpop(mut self, proofs: Arc<crate::dpop::Dpop>) -> Self {
        self.dpop = Some(proofs);
        self
    }

    /// A source that all callers of a process may share.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # use keyhaven_sdk::tokens::{ClientCredentials, FileStore};
    /// # use std::sync::Arc;
    /// # fn example() -> Result<(), Error> {
    /// let client = ClientCredentials::new("https://auth.example.com", "id", "secret");
    /// let source = client.scope("read").build();
    /// # Ok(())
    /// # }
    /// ```
    pub fn build(self) -> Arc<dyn TokenSource> {
        self.clone().shared(Own(self))
    }

    /// A source around a way to get tokens, and around the store if there is one.
    pub(super) fn shared(self, renewal: impl Renew + 'static) -> Arc<dyn TokenSource> {
        match self.store.clone() {
            None => Arc::new(Source::new(renewal)),
            Some(store) => {
                let key = self.key();
                Arc::new(Source::new(Kept { renewal: Box::new(renewal), store, key }))
            }
        }
    }

    /// The name of its token in stores.
    pub(super) fn key(&self) -> String {
        let made = || {
            let parts = [
                self.token_endpoint(),
                self.id.clone(),
                self.resource.clone().unwrap_or_default(),
                self.scope.clone().unwrap_or_default(),
            ];
            parts.join(" ")
        };
        self.store_key.clone().unwrap_or_else(made)
    }

    pub(super) fn token_endpoint(&self) -> String {
        let below = || format!("{}/oauth2/token", self.issuer.trim_end_matches('/'));
        self.endpoint.clone().unwrap_or_else(below)
    }

    /// What a grant asks with.
    pub(super) fn form(&self, grant: &str) -> Form {
        let mut form = vec![("grant_type", grant.to_owned())];
        form.extend(self.scope.clone().map(|scope| ("scope", scope)));
        form.extend(self.resource.clone().map(|resource| ("resource", resource)));
        form
    }

    /// Asks for a token, under a key if there is one; shares the answer with whoever asks the same.
    pub(super) async fn ask(&self, form: Form, key: Option<&str>) -> Result<Token, Error> {
        let asked = form.clone();
        flights::share(self, &form, key, || self.ask_alone(asked, key)).await
    }

    /// Whether the same things prove both, beside texts.
    pub(super) fn is_proved_as(&self, other: &Self) -> bool {
        let proof = |client: &Self| {
            client.authentication.as_ref().map(|proof| Arc::as_ptr(proof).cast::<()>())
        };
        #[cfg(feature = "dpop")]
        if self.dpop.as_ref().map(Arc::as_ptr) != other.dpop.as_ref().map(Arc::as_ptr) {
            return false;
        }
        proof(self) == proof(other)
    }

    async fn ask_alone(&self, form: Form, key: Option<&str>) -> Result<Token, Error> {
        let answer = self.post(&self.token_endpoint(), form, key).await?;
        match serde_json::from_slice::<Granted>(&answer.body) {
            Ok(granted) if answer.status == 200 => Ok(granted.token()),
            _ => Err(Error::of_token_endpoint(answer).at("token", 1)),
        }
    }

    /// Sends a form to an endpoint of OAuth as this client.
    pub(super) async fn post(
        &self,
        endpoint: &str,
        mut form: Form,
        key: Option<&str>,
    ) -> Result<Answer, Error> {
        let mut headers = HeaderMap::new();
        if let Some(key) = key {
            headers.insert("idempotency-key", HeaderValue::from_str(key).map_err(Error::invalid)?);
        }
        if let Some(proof) = &self.authentication {
            let audience = if self.issuer.is_empty() { endpoint } else { &self.issuer };
            form.push(("client_id", self.id.clone()));
            form.extend(proof.prove(audience)?);
        } else if self.secret.reveal().is_empty() {
            form.push(("client_id", self.id.clone()));
        } else {
            let pair = format!("Basic {}", basic(&self.id, &self.secret));
            let mut pair = HeaderValue::from_str(&pair).map_err(Error::invalid)?;
            pair.set_sensitive(true);
            headers.insert(AUTHORIZATION, pair);
        }
        let request = plain_http()?.post(endpoint).timeout(TOKEN_LIMIT).headers(headers);
        let request = request.form(&form).build().map_err(Error::invalid)?;
        self.exchange(request).await
    }

    #[cfg(feature = "dpop")]
    async fn exchange(&self, request: reqwest::Request) -> Result<Answer, Error> {
        match &self.dpop {
            Some(proofs) => proofs.exchange(request, once).await,
            None => once(request).await,
        }
    }

    #[cfg(not(feature = "dpop"))]
    async fn exchange(&self, request: reqwest::Request) -> Result<Answer, Error> {
        once(request).await
    }
}

/// One request to an endpoint of OAuth, and its answer.
async fn once(request: reqwest::Request) -> Result<Answer, Error> {
    let failed = |error: reqwest::Error| {
        let kind = if error.is_timeout() { Kind::Timeout } else { Kind::Connection };
        let message = "the token endpoint cannot be reached";
        Error::local(kind, message).because(error.without_url()).at("token", 1)
    };
    let response = plain_http()?.execute(request).await.map_err(failed)?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.bytes().await.map_err(failed)?.to_vec();
    let retry_after = retry_after(&headers);
    Ok(Answer { status, headers, content_type: String::new(), body, retry_after })
}

/// What a token endpoint gives.
#[derive(Deserialize)]
struct Granted {
    access_token: Secret,
    #[serde(default)]
    token_type: String,
    refresh_token: Option<Secret>,
    expires_in: Option<u64>,
}

impl Granted {
    fn token(self) -> Token {
        let life = Duration::from_secs(self.expires_in.unwrap_or(300));
        Token {
            access_token: self.access_token,
            token_type: self.token_type,
            refresh_token: self.refresh_token,
            expires_at: Instant::now().checked_add(life),
        }
    }
}

/// The client's own tokens.
struct Own(ClientCredentials);

impl Renew for Own {
    fn renew<'a>(&'a self, _: Option<&'a Token>) -> Fetching<'a> {
        Box::pin(self.0.ask(self.0.form("client_credentials"), None))
    }
}
