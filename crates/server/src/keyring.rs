//! The signing keys in memory: which key signs now, which keys verify, and the published set.
//!
//! A key is published before it signs and stays until what it signed has ended, so a verifier that
//! refreshes its copy of the set as told by `Cache-Control` never meets an unknown key. The first key
//! of an algorithm signs at once, so whoever asks for the set is told of what another node or a
//! command has added, heard of or not.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::body::Bytes;
use keyhaven_protocol::access_token::Signer;
use keyhaven_protocol::client::{Client, TokenFormat};
use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_protocol::jose::jwk::Jwk;
use keyhaven_protocol::jose::jwk_set::JwkSet;
use keyhaven_protocol::jose::signing_key::SigningKey;
use keyhaven_protocol::jose::verifying_key::KeySet;
use keyhaven_protocol::time::{Seconds, Timestamp};
use keyhaven_store::known::MAX_ACCESS_LIFE;
use keyhaven_store::signing_keys::{PublishedKey, SigningKeyRow};
use keyhaven_store::{Act, Error, Outcome, Store};
use tokio::sync::Mutex;

use crate::app::{App, Origin};

/// How long others may keep the published set.
pub const PUBLISHED_MAX_AGE: Seconds = Seconds(300);

/// A new key is published this long before it signs: twice what others may keep the set.
pub const PUBLISHED_BEFORE: Seconds = Seconds(600);

/// Whoever asks for the published set waits this long for storage; then memory answers.
const LOOK: Duration = Duration::from_millis(500);

/// The keys of one node, replaced as a whole.
pub struct KeyRing {
    ring: ArcSwap<Ring>,
    /// One reads at a time, so that what was read earlier never replaces what was read later.
    reading: Mutex<()>,
}

/// One state of the keys.
pub struct Ring {
    /// Every key in the store, those left out too.
    kids: Vec<String>,
    keys: Vec<Held>,
    /// Verifies what any published key signed.
    pub verifying: KeySet,
    /// The published set as served.
    pub published: Bytes,
}

struct Held {
    algorithm: Algorithm,
    generation: i64,
    signs_from: Timestamp,
    /// None for a key that does not open: it still verifies.
    signer: Option<Signer>,
}

impl Ring {
    /// The key of `algorithm` that signs at `now`: the newest that opens and whose time has come.
    #[must_use]
    pub fn signer(&self, algorithm: Algorithm, now: Timestamp) -> Option<&Signer> {
        self.held(algorithm)
            .filter(|held| held.signs_from <= now)
            .find_map(|held| held.signer.as_ref())
    }

    /// Whether the newest key of `algorithm` has signed for `period`.
    fn is_due(&self, algorithm: Algorithm, period: Seconds, now: Timestamp) -> bool {
        self.held(algorithm).next().is_some_and(|newest| newest.signs_from.plus(period) <= now)
    }

    /// Newest generation first, as the store lists them.
    fn held(&self, algorithm: Algorithm) -> impl Iterator<Item = &Held> {
        self.keys.iter().filter(move |held| held.algorithm == algorithm)
    }
}

impl KeyRing {
    /// The keys in the store.
    pub async fn load(store: &Store) -> Result<Self, Error> {
        Ok(Self { ring: ArcSwap::from_pointee(read(store).await?), reading: Mutex::new(()) })
    }

    /// Reads the keys again: another node or a command changed them.
    pub async fn reload(&self, store: &Store) -> Result<(), Error> {
        let _turn = self.reading.lock().await;
        self.ring.store(Arc::new(read(store).await?));
        Ok(())
    }

    /// The keys as they are now.
    #[must_use]
    pub fn now(&self) -> arc_swap::Guard<Arc<Ring>> {
        self.ring.load()
    }

    /// The published set as the store has it now; while storage does not answer, as it was.
    pub async fn published(&self, store: &Store) -> Bytes {
        match tokio::time::timeout(LOOK, self.catch_up(store)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the published keys are told from memory"),
            Err(_) => tracing::warn!("the published keys are told from memory: storage is slow"),
        }
        self.now().published.clone()
    }

    async fn catch_up(&self, store: &Store) -> Result<(), Error> {
        let kept = store.list_signing_key_summaries().await?;
        if kept.iter().map(|key| &key.kid).eq(&self.now().kids) {
            return Ok(());
        }
        self.reload(store).await
    }

    /// Makes sure `algorithm` has a key that signs now. Making an RSA key takes a while, so it
    /// happens off the runtime's threads.
    pub async fn ensure(&self, app: &App, algorithm: Algorithm, act: Act) -> Result<(), Error> {
        if self.now().signer(algorithm, act.now).is_some() {
            return Ok(());
        }
        self.add(app, algorithm, act.now, act).await
    }

    /// Makes sure that the published set has the keys of everything `client` will be sent: it may read
    /// the set once, before anybody has signed in.
    pub async fn ensure_for(
        &self,
        app: &App,
        client: &Client,
        origin: &Origin,
    ) -> Result<(), Error> {
        for algorithm in signatures_for(client) {
            self.ensure(app, algorithm, app.act("system", origin)).await?;
        }
        Ok(())
    }

    /// Signs with the key of `algorithm`, making sure that there is one.
    pub async fn sign<T>(
        &self,
        app: &App,
        algorithm: Algorithm,
        now: Timestamp,
        origin: &Origin,
        sign: impl FnOnce(&Signer) -> T,
    ) -> Result<T, Error> {
        if self.now().signer(algorithm, now).is_none() {
            self.ensure(app, algorithm, app.act("system", origin)).await?;
        }
        let ring = self.now();
        let signer =
            ring.signer(algorithm, now).ok_or_else(|| Error::busy("no signing key yet"))?;
        Ok(sign(signer))
    }

    /// Adds the next key of `algorithm`, signing from `signs_from`. When another node was faster,
    /// its key counts.
    pub async fn rotate(
        &self,
        app: &App,
        algorithm: Algorithm,
        signs_from: Timestamp,
        act: Act,
    ) -> Result<(), Error> {
        self.reload(&app.store).await?;
        self.add(app, algorithm, signs_from, act).await
    }

    /// Rotates each algorithm whose newest key is older than the rotation period, and removes keys
    /// that nothing alive depends on, unless the clock has just jumped.
    pub async fn keep(&self, app: &App, origin: &Origin) -> Result<(), Error> {
        let now = app.clock.now();
        let period = app.settings.signing_rotation;
        for algorithm in Algorithm::ALL {
            if !self.now().is_due(algorithm, period, now) {
                continue;
            }
            // Another node may have been faster; beyond this, a generation is added once.
            self.reload(&app.store).await?;
            if self.now().is_due(algorithm, period, now) {
                let act = app.act("system", origin);
                self.add(app, algorithm, now.plus(PUBLISHED_BEFORE), act).await?;
            }
        }
        let Some(now) = app.pace.settled(&app.clock) else { return Ok(()) };
        let retired = now.minus(MAX_ACCESS_LIFE).minus(PUBLISHED_MAX_AGE);
        let act = app.act("system", origin);
        if app.store.remove_retired_signing_keys(retired, act).await? > 0 {
            self.reload(&app.store).await?;
        }
        Ok(())
    }

    async fn add(
        &self,
        app: &App,
        algorithm: Algorithm,
        signs_from: Timestamp,
        act: Act,
    ) -> Result<(), Error> {
        let generation = self.now().held(algorithm).next().map_or(1, |held| held.generation + 1);
        let key = tokio::task::spawn_blocking(move || SigningKey::generate(algorithm))
            .await
            .map_err(Error::broken)?
            .map_err(|error| Error::broken(error.0))?;
        let row = SigningKeyRow {
            kid: key.kid().to_owned(),
            alg: algorithm.name().to_owned(),
            generation,
            private: key.to_pkcs8().map_err(|error| Error::broken(error.0))?,
            public_jwk: key.jwk().to_value().to_string(),
            created_at: act.now,
            signs_from,
        };
        let outcome = app.store.add_signing_key(&row, app.dice.bytes(), act).await?;
        let won = outcome == Outcome::Done;
        tracing::info!(kid = row.kid, alg = row.alg, generation, won, "next signing key");
        self.reload(&app.store).await
    }
}

/// What signs the tokens of `client`.
fn signatures_for(client: &Client) -> impl Iterator<Item = Algorithm> {
    let is_jwt = client.token_format == TokenFormat::Jwt;
    let access = if is_jwt { Algorithm::parse(&client.token_alg) } else { None };
    let party = client.may_use("authorization_code").then_some(&client.party);
    let id_token = party.map(|party| party.id_token_alg);
    let userinfo = party.and_then(|party| party.userinfo_alg);
    [access, id_token, userinfo].into_iter().flatten()
}

async fn read(store: &Store) -> Result<Ring, Error> {
    let mut kids = Vec::new();
    let mut keys = Vec::new();
    let mut public = Vec::new();
    for row in store.list_signing_keys().await? {
        let (kid, generation) = (row.kid.clone(), row.generation);
        kids.push(kid.clone());
        let Some((held, jwk)) = held(row) else {
            tracing::error!(kid, generation, "a signing key does not parse; it is left out");
            continue;
        };
        if held.signer.is_none() {
            tracing::error!(kid, generation, "a signing key does not open; it only verifies");
        }
        public.push(jwk);
        keys.push(held);
    }
    let set = JwkSet::new(public);
    let verifying = KeySet::prepare(&set).map_err(Error::broken)?;
    Ok(Ring { kids, keys, verifying, published: Bytes::from(set.to_value().to_string()) })
}

/// A key that does not open is held by its public part alone (F21).
fn held(row: PublishedKey) -> Option<(Held, Jwk)> {
    let algorithm = Algorithm::parse(&row.alg)?;
    let key = row.private.ok().and_then(|private| SigningKey::from_pkcs8(algorithm, &private).ok());
    let jwk = match &key {
        Some(key) => key.jwk().clone(),
        None => Jwk::parse(&serde_json::from_str(&row.public_jwk).ok()?).ok()??,
    };
    let signer = key.map(|key| Signer::new(Arc::new(key)));
    let (generation, signs_from) = (row.generation, row.signs_from);
    Some((Held { algorithm, generation, signs_from, signer }, jwk))
}
