//! Other OpenID providers as this node knows them: their metadata and keys, fetched through the
//! guarded client and remembered for a while. One request at a time asks each of them.
//!
//! A provider that cannot be reached is answered from the last good set until that is a day old (F23),
//! and is not asked again for a moment, so that its silence holds nobody up (F09).

mod exchange;
mod remembered;

use std::convert::Infallible;
use std::sync::Arc;

use keyhaven_connect::failure::Failure;
use keyhaven_connect::send::{Client, Limits};
use keyhaven_protocol::jose::jwk_set::JwkSet;
use keyhaven_protocol::jose::verifying_key::KeySet;
use keyhaven_protocol::upstream::metadata::{self, Metadata};
use quick_cache::sync::Cache;
use tokio::sync::Mutex;
use url::Url;

pub use exchange::{Visit, fetch_profile};
pub use remembered::{Keyed, Remembered};

/// Providers that are remembered.
const MOST: usize = 1_000;

/// Why a provider's word is not to be had or not to be believed.
#[derive(Debug)]
pub enum Distrust {
    /// It cannot be reached, or answers nothing of use. The word says how.
    Unreachable(&'static str),
    /// It answers, and what it says breaks a rule.
    Lies(&'static str),
}

impl From<&'static str> for Distrust {
    fn from(rule: &'static str) -> Self {
        Self::Lies(rule)
    }
}

impl From<Failure> for Distrust {
    fn from(failure: Failure) -> Self {
        Self::Unreachable(failure.word())
    }
}

/// What is known of all providers.
pub struct Upstreams {
    client: Client,
    known: Cache<String, Arc<Mutex<Entry>>>,
}

#[derive(Default)]
struct Entry {
    metadata: Remembered<Metadata>,
    keys: Remembered<KeySet>,
}

impl Upstreams {
    /// Nothing known yet; everything is asked through `client`.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client, known: Cache::new(MOST) }
    }

    /// What the provider `issuer` says of itself.
    pub async fn metadata(&self, issuer: &str, tick: u64) -> Result<Arc<Metadata>, Distrust> {
        let entry = self.entry(issuer);
        let mut entry = entry.lock().await;
        let remembered = &mut entry.metadata;
        if let Some(at_hand) = remembered.at_hand(tick) {
            return at_hand;
        }
        let fetched = self.fetch_metadata(issuer).await;
        remembered.settle(fetched, tick)
    }

    /// The provider's keys, with the one called `kid` in them if it has it: an unknown one is looked
    /// for at most once a minute.
    pub async fn keys(
        &self,
        metadata: &Metadata,
        kid: Option<&str>,
        tick: u64,
    ) -> Result<Arc<KeySet>, Distrust> {
        let uri = metadata.jwks_uri.as_deref().ok_or("the provider has no keys")?;
        let entry = self.entry(&metadata.issuer);
        let mut entry = entry.lock().await;
        let remembered = &mut entry.keys;
        if let Some(at_hand) = remembered.keys_at_hand(kid, tick) {
            return at_hand;
        }
        let fetched = self.fetch_keys(uri).await;
        remembered.settle(fetched, tick)
    }

    fn entry(&self, issuer: &str) -> Arc<Mutex<Entry>> {
        let entry: Result<_, Infallible> =
            self.known.get_or_insert_with(issuer, || Ok(Arc::default()));
        entry.unwrap_or_else(|never| match never {})
    }

    async fn fetch_metadata(&self, issuer: &str) -> Result<Metadata, Distrust> {
        let reply =
            self.client.get_json(url(&metadata::location(issuer))?, Limits::STRANGER).await?;
        Ok(Metadata::parse(&reply.body, issuer)?)
    }

    async fn fetch_keys(&self, uri: &str) -> Result<KeySet, Distrust> {
        let reply = self.client.get_json(url(uri)?, Limits::KEY_SET).await?;
        Ok(KeySet::prepare(&JwkSet::parse(&reply.body)?)?)
    }
}

fn url(text: &str) -> Result<Url, Distrust> {
    Url::parse(text).map_err(|_| Distrust::Lies("an endpoint is no URL"))
}
