//! Keys that clients publish (`jwks_uri`, RFC 7591 §2), for their assertions and request objects:
//! fetched through the guarded client and remembered for a while. One request at a time asks each of
//! them, so a client whose keys are slow holds up only itself.

use std::convert::Infallible;
use std::sync::Arc;

use keyhaven_connect::send::{Client as Outside, Limits};
use keyhaven_protocol::client::Client;
use keyhaven_protocol::jose::jwk_set::JwkSet;
use keyhaven_protocol::refusal::Refusal;
use quick_cache::sync::Cache;
use tokio::sync::Mutex;
use url::Url;

use crate::upstream::{Distrust, Keyed, Remembered};

/// Key sets that are remembered.
const MOST: usize = 1_000;

/// What is known of all clients' published keys, by their address.
pub struct ClientKeys {
    outside: Outside,
    known: Cache<String, Arc<Mutex<Remembered<Published>>>>,
}

/// A set as it is kept with a client whose keys are inline.
struct Published {
    kids: Vec<String>,
    text: String,
}

impl Keyed for Published {
    fn has(&self, kid: &str) -> bool {
        self.kids.iter().any(|known| known == kid)
    }
}

impl ClientKeys {
    /// Nothing known yet; everything is asked through `outside`.
    #[must_use]
    pub fn new(outside: Outside) -> Self {
        Self { outside, known: Cache::new(MOST) }
    }

    /// The client with its keys at hand; `kid` is the one that is about to verify. Without keys
    /// nothing verifies.
    pub async fn at_hand(
        &self,
        client: Arc<Client>,
        kid: Option<&str>,
        tick: u64,
    ) -> Result<Arc<Client>, Refusal> {
        let Some(uri) = &client.keys_uri else { return Ok(client) };
        match self.find(uri, kid, tick).await {
            Ok(published) => {
                let keys = Some(published.text.clone());
                Ok(Arc::new(Client { keys, ..Client::clone(&client) }))
            }
            Err(distrust) => {
                let (Distrust::Unreachable(how) | Distrust::Lies(how)) = distrust;
                Err(Refusal::client("the client's published keys are not to be had")
                    .with("jwks_uri", uri.clone())
                    .with("how", how))
            }
        }
    }

    async fn find(
        &self,
        uri: &str,
        kid: Option<&str>,
        tick: u64,
    ) -> Result<Arc<Published>, Distrust> {
        let entry: Result<_, Infallible> =
            self.known.get_or_insert_with(uri, || Ok(Arc::default()));
        let entry = entry.unwrap_or_else(|never| match never {});
        let mut remembered = entry.lock().await;
        if let Some(at_hand) = remembered.keys_at_hand(kid, tick) {
            return at_hand;
        }
        let fetched = self.fetch(uri).await;
        remembered.settle(fetched, tick)
    }

    async fn fetch(&self, uri: &str) -> Result<Published, Distrust> {
        let url = Url::parse(uri).map_err(|_| Distrust::Lies("jwks_uri is no URL"))?;
        let reply = self.outside.get_json(url, Limits::KEY_SET).await?;
        let set = JwkSet::parse(&reply.body)?;
        let kids = set.keys().iter().filter_map(|key| key.kid().map(str::to_owned)).collect();
        Ok(Published { kids, text: set.to_value().to_string() })
    }
}
