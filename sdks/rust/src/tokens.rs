//! Where bearer tokens come from: one request at a time, early renewal, a short memory of failures.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::backoff::retry_after;
use crate::client::plain_http;
use crate::error::{Answer, Error, Kind};
use crate::secret::Secret;
use crate::security::basic;
use crate::send::TOKEN_LIMIT;

/// An access token and how long it lives.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token.
    pub access_token: Secret,
    /// What renews it.
    pub refresh_token: Option<Secret>,
    /// Absent for a token without an end.
    pub expires_at: Option<Instant>,
}

impl Token {
    fn lives(&self) -> bool {
        self.expires_at.is_none_or(|end| Instant::now() < end)
    }
}

/// A token to come.
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Token, Error>> + Send + 'a>>;

/// Gives bearer tokens, to many callers at once.
pub trait TokenSource: Send + Sync {
    /// A token that lives.
    fn token(&self) -> Fetching<'_>;
    /// Forgets this very token; a newer one stays.
    fn invalidate(&self, token: &Token);
}

/// Tokens of a client's own authority (RFC 6749 §4.4).
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientCredentials {
    endpoint: String,
    id: String,
    secret: Secret,
    form: Vec<(&'static str, String)>,
}

impl ClientCredentials {
    /// Of this client at this issuer.
    pub fn new(server_url: &str, id: impl Into<String>, secret: impl Into<Secret>) -> Self {
        let endpoint = format!("{}/oauth2/token", server_url.trim_end_matches('/'));
        let form = vec![("grant_type", "client_credentials".to_owned())];
        Self { endpoint, id: id.into(), secret: secret.into(), form }
    }

    /// A token endpoint elsewhere.
    pub fn token_url(mut self, url: impl Into<String>) -> Self {
        self.endpoint = url.into();
        self
    }

    /// Scopes, space-separated.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.form.push(("scope", scope.into()));
        self
    }

    /// The API the token is for (RFC 8707).
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.form.push(("resource", resource.into()));
        self
    }

    /// A source that all callers of a process may share.
    pub fn build(self) -> Arc<dyn TokenSource> {
        Arc::new(Source::new(Renewal::Credentials(self)))
    }
}

/// Tokens by a refresh token, of which the newest is kept. Refreshing is never repeated blindly: a
/// lost answer looks like theft.
#[derive(Clone, Debug)]
#[must_use]
pub struct RefreshToken {
    client: ClientCredentials,
    first: Secret,
}

impl RefreshToken {
    /// Renews as this client, beginning with this refresh token.
    pub fn new(client: ClientCredentials, refresh_token: impl Into<Secret>) -> Self {
        Self { client, first: refresh_token.into() }
    }

    /// A source that all callers of a process may share.
    pub fn build(self) -> Arc<dyn TokenSource> {
        Arc::new(Source::new(Renewal::Refresh(self)))
    }
}

#[derive(Debug)]
enum Renewal {
    Credentials(ClientCredentials),
    Refresh(RefreshToken),
}

impl Renewal {
    async fn renew(&self, last: Option<&Token>) -> Result<Token, Error> {
        match self {
            Self::Credentials(client) => client.ask(&client.form).await,
            Self::Refresh(RefreshToken { client, first }) => {
                let kept = last.and_then(|token| token.refresh_token.as_ref()).unwrap_or(first);
                let form = [
                    ("grant_type", "refresh_token".to_owned()),
                    ("refresh_token", kept.reveal().to_owned()),
                ];
                let asked = client.ask(&form).await.map_err(|error| {
                    let ended = error.oauth().is_some_and(|told| told.error == "invalid_grant");
                    let message = "the refresh token no longer counts";
                    let lost = Error::local(Kind::ReauthenticationRequired, message);
                    if ended { lost.caused_by(&error) } else { error }
                })?;
                let refresh_token = asked.refresh_token.clone().or_else(|| Some(kept.clone()));
                Ok(Token { refresh_token, ..asked })
            }
        }
    }
}

/// What a token endpoint gives.
#[derive(Deserialize)]
struct Granted {
    access_token: Secret,
    refresh_token: Option<Secret>,
    expires_in: Option<u64>,
}

impl ClientCredentials {
    async fn ask(&self, form: &[(&'static str, String)]) -> Result<Token, Error> {
        let failed = |error: reqwest::Error| {
            let kind = if error.is_timeout() { Kind::Timeout } else { Kind::Connection };
            let message = "the token endpoint cannot be reached";
            Error::local(kind, message).because(error.without_url()).at("token", 1)
        };
        let mut form = form.to_vec();
        let mut request = plain_http()?.post(&self.endpoint).timeout(TOKEN_LIMIT);
        if self.secret.reveal().is_empty() {
            form.push(("client_id", self.id.clone()));
        } else {
            let pair = format!("Basic {}", basic(&self.id, &self.secret));
            request = request.header("authorization", pair);
        }
        let response = request.form(&form).send().await.map_err(failed)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.map_err(failed)?.to_vec();
        if status == 200
            && let Ok(granted) = serde_json::from_slice::<Granted>(&body)
        {
            let life = Duration::from_secs(granted.expires_in.unwrap_or(300));
            return Ok(Token {
                access_token: granted.access_token,
                refresh_token: granted.refresh_token,
                expires_at: Instant::now().checked_add(life),
            });
        }
        let retry_after = retry_after(&headers);
        let answer = Answer { status, headers, content_type: String::new(), body, retry_after };
        Err(Error::of_token_endpoint(answer).at("token", 1))
    }
}

const EARLIEST: Duration = Duration::from_secs(60);
const MEMORY: Duration = Duration::from_secs(1);

/// One token, and one request for it, for all callers.
struct Source(Arc<Shared>);

struct Shared {
    renewal: Renewal,
    state: Mutex<State>,
    /// Held by whoever asks.
    gate: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct State {
    held: Option<Token>,
    is_spent: bool,
    early: Option<Instant>,
    failed: Option<(Error, Instant)>,
}

impl State {
    fn usable(&self) -> Option<Token> {
        self.held.clone().filter(|token| !self.is_spent && token.lives())
    }

    fn failure(&self) -> Option<Error> {
        let failed = self.failed.as_ref().filter(|(_, until)| Instant::now() < *until);
        failed.map(|(error, _)| error.clone())
    }

    fn take(&mut self, token: &Token) {
        // The smaller of a minute and a tenth of its life, with jitter.
        let life = token.expires_at.map(|end| end.saturating_duration_since(Instant::now()));
        let ahead = life.map(|life| EARLIEST.min(life / 10).mul_f64(0.5 + fastrand::f64() / 2.0));
        self.early = token.expires_at.zip(ahead).and_then(|(end, ahead)| end.checked_sub(ahead));
        *self = Self { held: Some(token.clone()), early: self.early, ..Self::default() };
    }
}

impl Source {
    fn new(renewal: Renewal) -> Self {
        let (state, gate) = (Mutex::default(), Arc::default());
        Self(Arc::new(Shared { renewal, state, gate }))
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks, unless somebody did while we waited. The task goes on when its caller is dropped: a
    /// rotated refresh token must not be lost.
    async fn fly(self: Arc<Self>, gate: tokio::sync::OwnedMutexGuard<()>) -> Result<Token, Error> {
        let task = tokio::spawn(async move {
            let last = self.state().held.clone();
            let renewed = self.renewal.renew(last.as_ref()).await;
            let mut state = self.state();
            match &renewed {
                Ok(token) => state.take(token),
                Err(error) => {
                    if error.kind() == Kind::ReauthenticationRequired {
                        state.held = None;
                    }
                    state.failed = Some((error.clone(), Instant::now() + MEMORY));
                }
            }
            drop(state);
            drop(gate);
            renewed
        });
        task.await.map_err(Error::client)?
    }
}

impl TokenSource for Source {
    fn token(&self) -> Fetching<'_> {
        let shared = Arc::clone(&self.0);
        Box::pin(async move {
            let (usable, is_early) = {
                let state = shared.state();
                (state.usable(), state.early.is_some_and(|early| Instant::now() >= early))
            };
            if let Some(token) = usable {
                if is_early && let Ok(gate) = Arc::clone(&shared.gate).try_lock_owned() {
                    // The old token serves; a failure is remembered and met by whoever needs more.
                    tokio::spawn(Arc::clone(&shared).fly(gate));
                }
                return Ok(token);
            }
            let gate = Arc::clone(&shared.gate).lock_owned().await;
            let settled = {
                let state = shared.state();
                state.usable().map(Ok).or_else(|| state.failure().map(Err))
            };
            match settled {
                Some(settled) => settled,
                None => shared.fly(gate).await,
            }
        })
    }

    fn invalidate(&self, token: &Token) {
        let mut state = self.0.state();
        // A late 401 for an old token must not drop the new one.
        if state.held.as_ref().is_some_and(|held| held.access_token == token.access_token) {
            state.is_spent = true;
        }
    }
}
