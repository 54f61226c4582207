//! Why it was refused, kept for a day: every refusal gets a short public code, and a job writes
//! the private reason beside it in batches. Under a flood the oldest are not waited for: what
//! finds no room is counted and dropped, for explaining must not cost availability.

use std::sync::atomic::{AtomicU64, Ordering};

use keyhaven_protocol::id::OrganizationId;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::time::Timestamp;
use keyhaven_store::refusals::Explanation;
use tokio::sync::mpsc;

const ROOM: usize = 4_096;

/// Takes refusals in without waiting.
pub struct RefusalLog {
    sender: mpsc::Sender<Explanation>,
    dropped: AtomicU64,
}

impl RefusalLog {
    /// The log and the end from which a job writes.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<Explanation>) {
        let (sender, receiver) = mpsc::channel(ROOM);
        (Self { sender, dropped: AtomicU64::new(0) }, receiver)
    }

    /// Notes a refusal under a fresh code made from `random`, and returns the code.
    pub fn note(
        &self,
        refusal: &Refusal,
        organization: Option<OrganizationId>,
        request: &str,
        random: [u8; 5],
        now: Timestamp,
    ) -> String {
        let code = code(random);
        let compared: serde_json::Map<_, _> = refusal
            .compared
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_str().into()))
            .collect();
        let explanation = Explanation {
            code: code.clone(),
            at: now,
            organization,
            error: refusal.code.as_str().to_owned(),
            reason: refusal.reason.clone().into_owned(),
            detail: serde_json::Value::Object(compared).to_string(),
            request: request.to_owned(),
        };
        if self.sender.try_send(explanation).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        code
    }

    /// How many found no room since the start.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// `KH-` and eight characters without look-alikes (Crockford's base32).
fn code(random: [u8; 5]) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let number = random.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let letters = (0..8).rev().map(|at| char::from(ALPHABET[(number >> (5 * at) & 31) as usize]));
    let mut code = String::from("KH-");
    code.extend(letters);
    code.insert(7, '-');
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_short_and_without_look_alikes() {
        assert_eq!(code([0; 5]), "KH-0000-0000");
        assert_eq!(code([0xff; 5]), "KH-ZZZZ-ZZZZ");
    }

    #[test]
    fn a_full_log_drops_and_counts() {
        let (log, _receiver) = RefusalLog::new();
        let refusal = Refusal::client("wrong client secret");
        for _ in 0..=ROOM {
            log.note(&refusal, None, "r", [1; 5], Timestamp(0));
        }
        assert_eq!(log.dropped(), 1);
    }
}
