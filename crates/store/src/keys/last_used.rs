//! When a key was last used: noted in memory on every check, written behind in batches. A node that
//! is killed loses what it noted since the last batch, and nothing else.

use keyhaven_protocol::id::KeyId;
use keyhaven_protocol::time::Timestamp;

use super::statements::NOTE_USE;
use crate::engine::Step;
use crate::{Error, Store, values};

/// Rows of one batch: a commit holds the writer while it runs.
const BATCH: usize = 500;

impl Store {
    /// Writes down when these keys were last used.
    pub async fn note_key_uses(&self, mut uses: Vec<(KeyId, Timestamp)>) -> Result<(), Error> {
        // Every node writes its rows in the same order, so no two wait for each other.
        uses.sort_unstable();
        for part in uses.chunks(BATCH) {
            let step = |(key, at): &(KeyId, Timestamp)| Step::any(&NOTE_USE, values![key.0, *at]);
            self.engine.commit(part.iter().map(step).collect()).await?;
        }
        Ok(())
    }
}
