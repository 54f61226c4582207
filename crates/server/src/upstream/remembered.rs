//! Something of another server that was fetched: fresh for an hour, good for a day when it cannot be
//! fetched again (F23), and asked for anew at most once a minute when it lacks a key (A50).

use std::sync::Arc;

use keyhaven_protocol::jose::verifying_key::KeySet;

use super::Distrust;

/// How long it is taken as it is, in milliseconds of the monotonic clock.
const FRESH: u64 = 3_600_000;
/// How long it is used at most when it cannot be fetched again.
const CEILING: u64 = 86_400_000;
/// The pause between two fetches for an unknown `kid`, and between two failures.
const KEYS_PAUSE: u64 = 60_000;
const FAILURE_PAUSE: u64 = 10_000;

/// Something fetched, and when it was tried last.
pub struct Remembered<T> {
    good: Option<(Arc<T>, u64)>,
    tried: Option<u64>,
}

/// Whether a key is in something.
pub trait Keyed {
    /// Whether it holds a key called `kid`.
    fn has(&self, kid: &str) -> bool;
}

impl Keyed for KeySet {
    fn has(&self, kid: &str) -> bool {
        self.has(kid)
    }
}

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self { good: None, tried: None }
    }
}

impl<T> Remembered<T> {
    /// The value while it is fresh, or what a failure of a moment ago leaves; `None` when it is to be
    /// fetched.
    pub fn at_hand(&self, tick: u64) -> Option<Result<Arc<T>, Distrust>> {
        match self.younger_than(FRESH, tick) {
            Some(value) => Some(Ok(value)),
            None => self.after_failure(tick),
        }
    }

    /// The outcome of a fetch, or the last good value while that may be used.
    pub fn settle(&mut self, fetched: Result<T, Distrust>, tick: u64) -> Result<Arc<T>, Distrust> {
        match fetched {
            Ok(value) => {
                let value = Arc::new(value);
                self.good = Some((value.clone(), tick));
                self.tried = None;
                Ok(value)
            }
            Err(distrust) => {
                self.tried = Some(tick);
                self.younger_than(CEILING, tick).ok_or(distrust)
            }
        }
    }

    fn after_failure(&self, tick: u64) -> Option<Result<Arc<T>, Distrust>> {
        self.was_tried_within(FAILURE_PAUSE, tick).then(|| {
            let good = self.younger_than(CEILING, tick);
            good.ok_or(Distrust::Unreachable("unreachable a moment ago"))
        })
    }

    fn younger_than(&self, age: u64, tick: u64) -> Option<Arc<T>> {
        let (value, at) = self.good.as_ref()?;
        (tick.saturating_sub(*at) < age).then(|| value.clone())
    }

    fn was_tried_within(&self, pause: u64, tick: u64) -> bool {
        self.tried.is_some_and(|at| tick.saturating_sub(at) < pause)
    }
}

impl<T: Keyed> Remembered<T> {
    /// As [`Self::at_hand`], for keys with the one called `kid` among them: one that is not there is
    /// looked for at most once a minute.
    pub fn keys_at_hand(&self, kid: Option<&str>, tick: u64) -> Option<Result<Arc<T>, Distrust>> {
        let asked = self.good.as_ref().is_some_and(|(_, at)| tick.saturating_sub(*at) < KEYS_PAUSE)
            || self.was_tried_within(KEYS_PAUSE, tick);
        match self.younger_than(FRESH, tick) {
            Some(keys) if asked || kid.is_none_or(|kid| keys.has(kid)) => Some(Ok(keys)),
            _ => self.after_failure(tick),
        }
    }
}
