//! The provider of a connector: a shipped file, or one of its organization's own. A definition never
//! stands in for a shipped file; reading it is remembered by its text, so an edit counts at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use keyhaven_connect::catalogue;
use keyhaven_connect::provider::Provider;
use keyhaven_protocol::id::OrganizationId;
use keyhaven_protocol::secret::Digest;
use keyhaven_store::Error;
use keyhaven_store::connections::Held;

use crate::app::App;

/// Definitions remembered; beyond that, all are read anew.
const MOST: usize = 1_024;

/// Definitions that were read, by the digest of their text.
#[derive(Default)]
pub struct Definitions(Mutex<HashMap<[u8; 32], Arc<Provider>>>);

/// A provider from either place.
#[derive(Clone)]
pub enum Found {
    /// Shipped.
    Shipped(&'static Provider),
    /// The organization's own.
    Own(Arc<Provider>),
}

impl std::ops::Deref for Found {
    type Target = Provider;

    fn deref(&self) -> &Provider {
        match self {
            Self::Shipped(provider) => provider,
            Self::Own(provider) => provider,
        }
    }
}

/// The provider `key` as `organization` knows it. A definition that no longer reads is no provider.
pub async fn find_provider(
    app: &App,
    organization: OrganizationId,
    key: &str,
) -> Result<Option<Found>, Error> {
    if let Some(shipped) = catalogue::find_provider(key) {
        return Ok(Some(Found::Shipped(shipped)));
    }
    let Some(own) = app.store.find_provider(organization, key).await? else { return Ok(None) };
    Ok(read(app, &own.document).map(Found::Own))
}

/// The provider of a connection, from what was read with it.
#[must_use]
pub fn provider_of(app: &App, held: &Held) -> Option<Found> {
    if let Some(shipped) = catalogue::find_provider(&held.provider) {
        return Some(Found::Shipped(shipped));
    }
    read(app, held.definition.as_deref()?).map(Found::Own)
}

fn read(app: &App, document: &str) -> Option<Arc<Provider>> {
    let digest = Digest::of(document.as_bytes()).0;
    let mut known = app.vault.definitions.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(provider) = known.get(&digest) {
        return Some(provider.clone());
    }
    let value = serde_json::from_str(document).ok()?;
    let provider = Arc::new(Provider::from_json(value, app.vault.client.egress()).ok()?);
    if known.len() >= MOST {
        known.clear();
    }
    known.insert(digest, provider.clone());
    Some(provider)
}
