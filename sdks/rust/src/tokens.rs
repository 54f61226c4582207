//! Where bearer tokens come from: one request at a time, early renewal, a short memory of failures.

mod device;
mod endpoint;
mod flights;
mod grants;
mod once;
#[cfg(feature = "sign")]
mod private_key_jwt;
mod store;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub use device::{DeviceCode, DevicePrompt};
pub use endpoint::{ClientAuthentication, ClientCredentials};
pub use grants::{JwtBearer, RefreshToken, TokenExchange};
#[cfg(feature = "sign")]
pub use private_key_jwt::PrivateKeyJwt;
pub use store::{FileStore, MemoryStore, StoreLock, TokenStore};

use crate::error::{Error, Kind};
use crate::secret::Secret;

/// An access token and how long it lives.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token.
    pub access_token: Secret,
    /// How it is presented: `Bearer` unless it is bound to a key.
    pub token_type: String,
    /// What renews it.
    pub refresh_token: Option<Secret>,
    /// Absent for a token without an end.
    pub expires_at: Option<Instant>,
}

impl Token {
    /// The word that goes before it (RFC 9449 §7.1).
    pub(crate) fn scheme(&self) -> &'static str {
        if self.token_type.eq_ignore_ascii_case("DPoP") { "DPoP" } else { "Bearer" }
    }

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

/// A credential, asked for anew each time it is presented.
#[derive(Clone)]
pub struct Reveal(Arc<dyn Fn() -> Revealing + Send + Sync>);

/// A credential to come.
type Revealing = Pin<Box<dyn Future<Output = Result<Secret, Error>> + Send>>;

impl Reveal {
    /// Asks `how` each time.
    ///
    /// ```
    /// use keyhaven_sdk::{Secret, tokens::Reveal};
    /// let fresh = Reveal::with(|| async { Ok(Secret::from("assertion")) });
    /// ```
    pub fn with<F>(how: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Secret, Error>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(how())))
    }

    async fn text(&self) -> Result<String, Error> {
        Ok((self.0)().await?.reveal().to_owned())
    }
}

impl<T: Into<Secret>> From<T> for Reveal {
    fn from(secret: T) -> Self {
        let secret = secret.into();
        Self::with(move || std::future::ready(Ok(secret.clone())))
    }
}

impl fmt::Debug for Reveal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("[redacted]")
    }
}

/// A way to get a new token; `last` is the one before.
trait Renew: Send + Sync {
    fn renew<'a>(&'a self, last: Option<&'a Token>) -> Fetching<'a>;
}

const EARLIEST: Duration = Duration::from_secs(60);
const MEMORY: Duration = Duration::from_secs(1);

/// One token, and one request for it, for all callers.
struct Source(Arc<Shared>);

struct Shared {
    renewal: Box<dyn Renew>,
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
    fn new(renewal: impl Renew + 'static) -> Self {
        let (state, gate) = (Mutex::default(), Arc::default());
        Self(Arc::new(Shared { renewal: Box::new(renewal), state, gate }))
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
