//! What a request under an idempotency key has in common with its repetition, and the answer kept for
//! that one: sealed with the master key and bound to caller, key and request. The store writes it in
//! the commit of the change itself (see `store::idempotency`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::time::Timestamp;
use keyhaven_store::Error;
use keyhaven_store::idempotency::Answer;
use keyhaven_store::seal::Place;
use zeroize::Zeroizing;

use crate::app::App;

const COLUMN: &str = "idempotency.answer";

/// What a repetition must have in common.
#[derive(Clone)]
pub struct Key {
    /// Who asks.
    pub caller: String,
    /// The caller's name for the request.
    pub name: String,
    /// Digest of everything the answer depends on.
    pub fingerprint: Digest,
}

impl Key {
    /// The answer kept under the key, for this request or for another.
    pub async fn find(&self, app: &App, now: Timestamp) -> Result<Option<Answer>, Error> {
        app.store.find_answer(&self.caller, &self.name, now).await
    }

    /// Whether an answer is to this request.
    #[must_use]
    pub fn fits(&self, answer: &Answer) -> bool {
        answer.fingerprint == self.fingerprint
    }

    /// The answer as it is kept.
    pub fn keep(&self, app: &App, status: u16, plain: &[u8]) -> Result<Answer, Error> {
        let row = self.row();
        let sealed = app.store.sealer().seal(place(&row), plain, app.dice.bytes())?;
        Ok(Answer {
            caller: self.caller.clone(),
            name: self.name.clone(),
            fingerprint: self.fingerprint,
            status,
            body: URL_SAFE_NO_PAD.encode(sealed),
        })
    }

    /// What [`Self::keep`] kept.
    pub fn open(&self, app: &App, answer: &Answer) -> Result<Zeroizing<Vec<u8>>, Error> {
        let sealed = URL_SAFE_NO_PAD.decode(&answer.body).map_err(Error::broken)?;
        app.store.sealer().open(place(&self.row()), &sealed)
    }

    /// The row a sealed answer is bound to.
    pub fn row(&self) -> Vec<u8> {
        let mut row = self.fingerprint.0.to_vec();
        row.extend_from_slice(self.caller.as_bytes());
        row.push(0);
        row.extend_from_slice(self.name.as_bytes());
        row
    }
}

/// Where an answer lives.
#[must_use]
pub const fn place(row: &[u8]) -> Place<'_> {
    Place { column: COLUMN, row }
}
