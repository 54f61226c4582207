//! Tokens by a refresh token (RFC 6749 §6), for tokens (RFC 8693) and for assertions (RFC 7523 §2.1).

use std::sync::{Arc, Mutex, PoisonError};

use super::endpoint::{ClientCredentials, Form};
use super::{Fetching, Renew, Reveal, Token, TokenSource};
use crate::error::{Error, Kind};
use crate::secret::Secret;

/// Tokens by a refresh token, of which the newest is kept. A refresh whose answer was lost is repeated
/// where the server gives the same answer again, and nowhere else: it would look like theft.
///
/// ```
/// use std::sync::Arc;
/// use keyhaven_sdk::{ClientCredentials, RefreshToken, tokens::FileStore};
/// let client = ClientCredentials::new("https://auth.example.com", "kh_client_…", "");
/// let kept = client.store(Arc::new(FileStore::new("/tmp/tokens.json")));
/// let tokens = RefreshToken::new(kept, "kh_refresh_…").build();
/// # drop(tokens);
/// ```
#[derive(Debug)]
#[must_use]
pub struct RefreshToken {
    client: ClientCredentials,
    first: Secret,
    dead: Mutex<Option<Secret>>,
}

impl RefreshToken {
    /// Renews as this client, beginning with this refresh token.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # use keyhaven_sdk::tokens::{ClientCredentials, JwtBearer, RefreshToken, TokenExchange};
    /// # fn example() -> Result<(), Error> {
    /// # let client = ClientCredentials::new("https://auth.example.com", "id", "secret");
    /// let source = RefreshToken::new(client, "kh_refresh_…").build();
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(client: ClientCredentials, refresh_token: impl Into<Secret>) -> Self {
        Self { client, first: refresh_token.into(), dead: Mutex::default() }
    }

    /// A source that all callers of a process may share.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # use keyhaven_sdk::tokens::{ClientCredentials, JwtBearer, RefreshToken, TokenExchange};
    /// # fn example() -> Result<(), Error> {
    /// # let client = ClientCredentials::new("https://auth.example.com", "id", "secret");
    /// let source = RefreshToken::new(client, "kh_refresh_…").build();
    /// # Ok(())
    /// # }
    /// ```
    pub fn build(mut self) -> Arc<dyn TokenSource> {
        // The server keeps the scope; a store keeps one refresh token of a client and resource.
        self.client.scope = None;
        self.client.clone().shared(self)
    }

    fn is_dead(&self, token: &Secret) -> bool {
        self.dead.lock().unwrap_or_else(PoisonError::into_inner).as_ref() == Some(token)
    }

    async fn refresh(&self, last: Option<&Token>) -> Result<Token, Error> {
        let kept = last.and_then(|token| token.refresh_token.as_ref()).unwrap_or(&self.first);
        let ended = |message| Error::local(Kind::ReauthenticationRequired, message);
        if kept.reveal().is_empty() || self.is_dead(kept) {
            return Err(ended("there is no refresh token"));
        }
        let form = vec![
            ("grant_type", "refresh_token".to_owned()),
            ("refresh_token", kept.reveal().to_owned()),
        ];
        let asked = self.client.ask_once(form).await.map_err(|error| {
            if error.oauth().is_none_or(|told| told.error != "invalid_grant") {
                return error;
            }
            *self.dead.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept.clone());
            ended("the refresh token no longer counts").caused_by(&error)
        })?;
        let refresh_token = asked.refresh_token.clone().or_else(|| Some(kept.clone()));
        Ok(Token { refresh_token, ..asked })
    }
}

impl Renew for RefreshToken {
    fn renew<'a>(&'a self, last: Option<&'a Token>) -> Fetching<'a> {
        Box::pin(self.refresh(last))
    }
}

/// Tokens for tokens (RFC 8693), on behalf of somebody, through an actor if there is one.
///
/// ```
/// use keyhaven_sdk::{ClientCredentials, tokens::TokenExchange};
/// let client = ClientCredentials::new("https://auth.example.com", "kh_client_…", "kh_secret_…");
/// let tokens = TokenExchange::new(client, "the person's token").audience("orders").build();
/// assert!(tokens.is_ok());
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct TokenExchange {
    client: ClientCredentials,
    subject: (Reveal, String),
    actor: Option<(Reveal, String)>,
    audience: Option<String>,
}

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

impl TokenExchange {
    /// Exchanges `subject`, an access token unless `subject_type` says otherwise.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # use keyhaven_sdk::tokens::{ClientCredentials, JwtBearer, RefreshToken, TokenExchange};
    /// # fn example() -> Result<(), Error> {
    /// # let client = ClientCredentials::new("https://auth.example.com", "id", "secret");
    /// let source = TokenExchange::new(client, "a token").build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(client: ClientCredentials, subject: impl Into<Reveal>) -> Self {
        let subject = (subject.into(), ACCESS_TOKEN.to_owned());
        Self { client, subject, actor: None, audience: None }
    }

    /// What kind of token the subject is, as a URN.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # use keyhaven_sdk::tokens::{ClientCredentials, JwtBearer, RefreshToken, TokenExchange};
    /// # fn example() -> Result<(), Error> {
    /// # let client = ClientCredentials::new("https://auth.example.com", "id", "secret");
    /// let source = TokenExchange::new(client, "a token").subject_type("urn:ietf:params:oauth:token-type:jwt").build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn subject_type(mut self, urn: impl Into<String>) -> Self {
        self.subject.1 = urn.into();
        self
    }

    /// Who acts for the subject.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # use keyhaven_sdk::tokens::{ClientCredentials, JwtBearer, RefreshToken, TokenExchange};
    /// # fn example() -> Result<(), Error> {
    /// # let client = ClientCredentials::new("https://auth.example.com", "id", "secret");
    /// let source = TokenExchange::new(client, "a token").actor("another token").build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn actor(mut self, actor: impl Into<Reveal>) -> Self {
        self.actor = Some((actor.into(), ACCESS_TOKEN.to_owned()));
        self
    }

    /// What kind of token the actor is, as a URN; behind `actor`.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # use keyhaven_sdk::tokens::{ClientCredentials, JwtBearer, RefreshToken, TokenExchange};
    /// # fn example() -> Result<(), Error> {
    /// # let client = ClientCredentials::new("https://auth.example.com", "id", "secret");
    /// let source = TokenExchange::new(client, "a token").actor("another token").actor_type("urn:ietf:params:oauth:token-type:jwt").build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn actor_type(mut self, urn: impl Into<String>) -> Self {
        if let Some(actor) = &mut self.actor {
            actor.1 = urn.into();
        }
        self
    }

    /// The logical name of the service the token is for.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # use keyhaven_sdk::tokens::{ClientCredentials, JwtBearer, RefreshToken, TokenExchange};
    /// # fn example() -> Result<(), Error> {
    /// # let client = ClientCredentials::new("https://auth.example.com", "id", "secret");
    /// let source = TokenExchange::new(client, "a token").audience("connection:drive").build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn audience(mut self, name: impl Into<String>) -> Self {
        self.audience = Some(name.into());
        self
    }

    /// A source that all callers of a process may share.
    ///
    /// # Errors
    ///
    /// With a store and no `store_key`: tokens of several people must not be kept under one name.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # use keyhaven_sdk::tokens::{ClientCredentials, JwtBearer, RefreshToken, TokenExchange};
    /// # fn example() -> Result<(), Error> {
    /// # let client = ClientCredentials::new("https://auth.example.com", "id", "secret");
    /// let source = TokenExchange::new(client, "a token").build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn build(self) -> Result<Arc<dyn TokenSource>, Error> {
        named(&self.client)?;
        Ok(self.client.clone().shared(self))
    }

    async fn exchange(&self) -> Result<Token, Error> {
        let mut form = self.client.form("urn:ietf:params:oauth:grant-type:token-exchange");
        let (subject, kind) = &self.subject;
        form.push(("subject_token", subject.text().await?));
        form.push(("subject_token_type", kind.clone()));
        if let Some((actor, kind)) = &self.actor {
            form.push(("actor_token", actor.text().await?));
            form.push(("actor_token_type", kind.clone()));
        }
        form.extend(self.audience.clone().map(|name| ("audience", name)));
        self.client.ask(form, None).await
    }
}

impl Renew for TokenExchange {
    fn renew<'a>(&'a self, _: Option<&'a Token>) -> Fetching<'a> {
        Box::pin(self.exchange())
    }
}

/// Tokens for assertions (RFC 7523 §2.1): workload identities, identity assertions of other issuers.
///
/// ```
/// use keyhaven_sdk::{ClientCredentials, Secret, tokens::{JwtBearer, Reveal}};
/// let client = ClientCredentials::new("https://auth.example.com", "kh_client_…", "");
/// let fresh = Reveal::with(|| async { Ok(Secret::from("an assertion of another issuer")) });
/// assert!(JwtBearer::new(client, fresh).build().is_ok());
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct JwtBearer {
    client: ClientCredentials,
    assertion: Reveal,
}

impl JwtBearer {
    /// Presents `assertion`, asked for anew each time.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # use keyhaven_sdk::tokens::{ClientCredentials, JwtBearer, RefreshToken, TokenExchange};
    /// # fn example() -> Result<(), Error> {
    /// # let client = ClientCredentials::new("https://auth.example.com", "id", "secret");
    /// let source = JwtBearer::new(client, "an assertion").build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(client: ClientCredentials, assertion: impl Into<Reveal>) -> Self {
        Self { client, assertion: assertion.into() }
    }

    /// A source that all callers of a process may share.
    ///
    /// # Errors
    ///
    /// With a store and no `store_key`: tokens of several people must not be kept under one name.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # use keyhaven_sdk::tokens::{ClientCredentials, JwtBearer, RefreshToken, TokenExchange};
    /// # fn example() -> Result<(), Error> {
    /// # let client = ClientCredentials::new("https://auth.example.com", "id", "secret");
    /// let source = JwtBearer::new(client, "an assertion").build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn build(self) -> Result<Arc<dyn TokenSource>, Error> {
        named(&self.client)?;
        Ok(self.client.clone().shared(self))
    }

    async fn present(&self) -> Result<Token, Error> {
        let mut form: Form = self.client.form("urn:ietf:params:oauth:grant-type:jwt-bearer");
        form.push(("assertion", self.assertion.text().await?));
        self.client.ask_once(form).await
    }
}

impl Renew for JwtBearer {
    fn renew<'a>(&'a self, _: Option<&'a Token>) -> Fetching<'a> {
        Box::pin(self.present())
    }
}

fn named(client: &ClientCredentials) -> Result<(), Error> {
    if client.store.is_some() && client.store_key.is_none() {
        let message = "a store needs a key that says whose token it is";
        return Err(Error::local(Kind::InvalidRequest, message));
    }
    Ok(())
}
