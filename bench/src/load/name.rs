//! A name for each request, in `Idempotency-Key`.

use std::time::{SystemTime, UNIX_EPOCH};

use keyhaven_protocol::id::Id;
use serde::{Deserialize, Serialize};

use crate::shuffle::scattered;

/// How requests are named.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Naming {
    /// They have no name.
    None,
    /// By UUIDs of version 7, which grow with time (RFC 9562 §5.7).
    Growing,
    /// By UUIDs in no order, as version 4 gives them.
    Scattered,
}

impl Naming {
    /// The name of this loader's request number `nth`.
    pub(super) fn of(self, nth: u64) -> Option<Id> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        let noise = scattered(nth.wrapping_add(now.as_nanos() as u64));
        let tail = <[u8; 10]>::try_from(&noise[16..26]).ok()?;
        match self {
            Self::None => None,
            Self::Growing => Some(Id::v7(now.as_millis() as u64, tail)),
            Self::Scattered => Some(Id(<[u8; 16]>::try_from(&noise[..16]).ok()?)),
        }
    }
}
