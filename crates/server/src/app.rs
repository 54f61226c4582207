//! What every route shares: the store, the keys, the settings, the clock and the dice.
//!
//! Time and randomness enter here and nowhere else, so a test can bring its own.

use std::net::IpAddr;
use std::sync::Arc;

use keyhaven_connect::send::Client;
use keyhaven_protocol::amount::Unit;
use keyhaven_protocol::dpop::NonceKey;
use keyhaven_protocol::id::Id;
use keyhaven_protocol::scope::Scopes;
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::subject::PairwiseKey;
use keyhaven_protocol::time::{Seconds, Timestamp};
use keyhaven_store::{Act, Store};

use crate::client_keys::ClientKeys;
use crate::config::{
    DpopNonces, JsonApiErrors, JsonApiInclude, JsonApiOrganization, JsonExpiresIn, JsonTokenType,
    SignUp,
};
use crate::http::request::Arrival;
use crate::key_limits::KeyLimits;
use crate::keyring::KeyRing;
use crate::limits::FailureLimit;
use crate::mail::Post;
use crate::pace::Pace;
use crate::password_pool::PasswordPool;
use crate::refusals::RefusalLog;
use crate::upstream::Upstreams;
use crate::vault::Vault;
use crate::vault::return_origins::ReturnOrigins;

/// The shared state of one node.
pub struct App {
    /// Facts.
    pub store: Store,
    /// Signing keys.
    pub keys: KeyRing,
    /// What operators chose.
    pub settings: Settings,
    /// Time.
    pub clock: Clock,
    /// Whether time may be believed.
    pub pace: Pace,
    /// Randomness.
    pub dice: Dice,
    /// Keys that never leave and never change.
    pub private: PrivateKeys,
    /// Where refusals go to be explained.
    pub refusals: RefusalLog,
    /// What this node keeps in memory for connections.
    pub vault: Vault,
    /// Slows down those who guess.
    pub failures: FailureLimit,
    /// How far the rate limits of keys are used up, and when they were last used.
    pub key_limits: KeyLimits,
    /// Hashes passwords, a few at a time.
    pub passwords: PasswordPool,
    /// How letters leave.
    pub post: Post,
    /// The one client for URLs that others chose.
    pub outside: Client,
    /// Other OpenID providers.
    pub upstreams: Upstreams,
    /// Keys that clients publish.
    pub client_keys: ClientKeys,
}

/// Keys derived from the instance's own secret, the same on every node.
#[derive(Clone, Debug)]
pub struct PrivateKeys {
    /// Names people towards pairwise clients.
    pub pairwise: PairwiseKey,
    /// Makes and recognises DPoP nonces.
    pub nonces: NonceKey,
}

impl PrivateKeys {
    /// Derives them. The secret is made once and kept: the names of people at pairwise clients must
    /// never change.
    #[must_use]
    pub fn of_secret(secret: &[u8; 32]) -> Self {
        let derived = |purpose: &[u8]| Digest::of(&[secret.as_slice(), purpose].concat()).0;
        Self {
            pairwise: PairwiseKey::new(&derived(b"pairwise subjects 1")),
            nonces: NonceKey::new(&derived(b"dpop nonces 1")),
        }
    }
}

/// How handlers hold it.
pub type Shared = Arc<App>;

/// What operators chose, as far as routes care.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The one URL that is `iss` everywhere, without a trailing slash.
    pub issuer: String,
    /// The token endpoint's URL.
    pub token_endpoint: String,
    /// The JSON token family's vocabulary for `token_type`.
    pub json_token_type: JsonTokenType,
    /// The JSON token family's meaning of `expires_in`.
    pub json_expires_in: JsonExpiresIn,
    /// The JSON:API family's form of `errors`.
    pub jsonapi_errors: JsonApiErrors,
    /// Whether an organization asked for by `include` is put into `included`.
    pub jsonapi_include: JsonApiInclude,
    /// Whether DPoP proofs must carry a nonce of ours.
    pub dpop_nonces: DpopNonces,
    /// Whether the token's organization is shown without a bearer token.
    pub jsonapi_organization: JsonApiOrganization,
    /// How long a signing key signs before the next takes over.
    pub signing_rotation: Seconds,
    /// How long audit rows are kept.
    pub audit_window: Seconds,
    /// Who may make an account.
    pub sign_up: SignUp,
    /// The origin of the dashboard that the sessions family leads to; our own when none is set.
    pub dashboard: Option<String>,
    /// The path there that a sign-in leads to; `{organization}` stands for a slug.
    pub dashboard_landing: String,
    /// A session ends when unused this long.
    pub session_idle: Seconds,
    /// A session ends this long after it began.
    pub session_absolute: Seconds,
    /// Where users may be sent after a flow, and where the pages for that are.
    pub return_origins: ReturnOrigins,
    /// What a client gets that does not say otherwise.
    pub new_clients: NewClients,
    /// What keys handed to apps are.
    pub hand_out: HandOutSettings,
}

/// What keys handed to apps are.
#[derive(Clone, Debug)]
pub struct HandOutSettings {
    /// What their limits are counted in.
    pub unit: Unit,
    /// What is written in front of their text.
    pub key_prefix: String,
    /// What those open that a person gives.
    pub scopes: Scopes,
}

impl Settings {
    /// The origin of our own pages: scheme, host and port of the issuer (RFC 6454 §6.2).
    #[must_use]
    pub fn origin(&self) -> &str {
        let from = self.issuer.find("://").map_or(0, |at| at + 3);
        let end = self.issuer[from..].find('/').map_or(self.issuer.len(), |at| from + at);
        &self.issuer[..end]
    }

    /// The origin of the dashboard.
    #[must_use]
    pub fn dashboard_origin(&self) -> &str {
        self.dashboard.as_deref().unwrap_or_else(|| self.origin())
    }
}

/// What a client gets that does not say otherwise.
#[derive(Clone, Debug)]
pub struct NewClients {
    /// The algorithm of its JWTs.
    pub token_alg: String,
    /// The life of its access tokens.
    pub access_ttl: Seconds,
    /// A refresh family ends when unused this long.
    pub refresh_idle: Seconds,
    /// A refresh family ends this long after it began.
    pub refresh_absolute: Seconds,
    /// How long a spent refresh token still answers with its successor.
    pub refresh_grace: Seconds,
}

/// A source of time: wall clock in milliseconds and a monotonic one.
#[derive(Clone)]
pub struct Clock {
    wall: Arc<dyn Fn() -> u64 + Send + Sync>,
    monotonic: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl Clock {
    /// A clock from two readings in milliseconds: since the Unix epoch, and monotonic.
    pub fn new(
        wall: impl Fn() -> u64 + Send + Sync + 'static,
        monotonic: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self { wall: Arc::new(wall), monotonic: Arc::new(monotonic) }
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub fn millis(&self) -> u64 {
        (self.wall)()
    }

    /// The present in whole seconds.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp(i64::try_from(self.millis() / 1_000).unwrap_or(i64::MAX))
    }

    /// Monotonic milliseconds, for freshness and timeouts.
    #[must_use]
    pub fn tick(&self) -> u64 {
        (self.monotonic)()
    }
}

/// Fills a slice with random bytes.
type Fill = dyn Fn(&mut [u8]) + Send + Sync;

/// A source of randomness.
#[derive(Clone)]
pub struct Dice(Arc<Fill>);

impl Dice {
    /// Randomness from `fill`, which must fill the whole slice from a CSPRNG.
    pub fn new(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(fill))
    }

    /// `N` random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        (self.0)(&mut out);
        out
    }
}

/// Where a request came from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The client's network address, as far as configured proxies let us know it.
    pub address: IpAddr,
    /// The correlation id, also the `x-request-id` of the answer.
    pub request: String,
}

impl axum::extract::FromRequestParts<Shared> for Origin {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        app: &Shared,
    ) -> Result<Self, Self::Rejection> {
        Ok(Self::of(parts, app))
    }
}

impl Origin {
    /// The origin of what a job does.
    #[must_use]
    pub fn of_job(name: &str) -> Self {
        Self { address: IpAddr::from([127, 0, 0, 1]), request: format!("job:{name}") }
    }

    /// What the listener noted on arrival. A request made inside this process has no network: it
    /// counts as this host, under an id that stays with it.
    pub fn of(parts: &mut axum::http::request::Parts, app: &App) -> Self {
        if let Some(arrival) = parts.extensions.get::<Arrival>() {
            return Self { address: arrival.client, request: arrival.id.to_text() };
        }
        let made = || Self { address: IpAddr::from([127, 0, 0, 1]), request: app.id().to_string() };
        parts.extensions.get_or_insert_with(made).clone()
    }
}

impl App {
    /// A new id.
    #[must_use]
    pub fn id(&self) -> Id {
        Id::v7(self.clock.millis(), self.dice.bytes())
    }

    /// A deed of `actor` under a request.
    #[must_use]
    pub fn act(&self, actor: impl Into<String>, origin: &Origin) -> Act {
        Act::new(self.clock.millis(), self.dice.bytes(), actor, origin.request.clone())
    }
}
