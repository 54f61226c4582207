//! Whether the wall clock may be believed when something is to be forgotten (F07).
//!
//! A clock that jumps ahead makes spent assertion ids and revocations look old; forgetting them
//! would make them count again once the clock is set right. So after a jump nothing is forgotten
//! until, by the monotonic clock, everything such a row guards against has ended for certain.

use std::sync::{Mutex, MutexGuard, PoisonError};

use keyhaven_protocol::time::{Seconds, Timestamp};

use crate::app::Clock;

/// The wall clock may differ this much from the monotonic one between two looks: clocks are slewed.
const JUMP_MILLIS: i64 = 5_000;

/// Longer than an access token or an assertion can live, skew included.
const SETTLES_AFTER: u64 = 15 * 60 * 1_000;

/// Watches the wall clock against the monotonic one.
pub struct Pace(Mutex<Seen>);

struct Seen {
    /// Wall clock minus monotonic clock, in milliseconds.
    offset: i64,
    /// The monotonic instant of the last jump.
    jumped_at: Option<u64>,
    /// How far the clock has jumped since that was last written down.
    unwritten: i64,
}

impl Pace {
    /// Starts watching.
    #[must_use]
    pub fn new(clock: &Clock) -> Self {
        Self(Mutex::new(Seen { offset: offset(clock), jumped_at: None, unwritten: 0 }))
    }

    /// The present, where it may decide what to forget: `None` for a while after a jump.
    #[must_use]
    pub fn settled(&self, clock: &Clock) -> Option<Timestamp> {
        match self.look(clock).jumped_at {
            Some(at) if clock.tick().saturating_sub(at) < SETTLES_AFTER => None,
            _ => Some(clock.now()),
        }
    }

    /// How far the clock has jumped and nobody has written down yet.
    #[must_use]
    pub fn jumped(&self, clock: &Clock) -> Option<Seconds> {
        let seconds = self.look(clock).unwritten / 1_000;
        (seconds != 0).then_some(Seconds(seconds))
    }

    /// This much was written down.
    pub fn written(&self, jump: Seconds) {
        let mut seen = self.lock();
        seen.unwritten = seen.unwritten.saturating_sub(jump.0.saturating_mul(1_000));
    }

    fn look(&self, clock: &Clock) -> MutexGuard<'_, Seen> {
        let now = offset(clock);
        let mut seen = self.lock();
        let moved = now.saturating_sub(seen.offset);
        seen.offset = now;
        if moved.abs() > JUMP_MILLIS {
            seen.jumped_at = Some(clock.tick());
            seen.unwritten = seen.unwritten.saturating_add(moved);
        }
        seen
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn offset(clock: &Clock) -> i64 {
    let signed = |millis: u64| i64::try_from(millis).unwrap_or(i64::MAX);
    signed(clock.millis()).saturating_sub(signed(clock.tick()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    const START: u64 = 1_800_000_000_000;

    /// A clock, and its wall and monotonic hands in milliseconds.
    fn clock() -> (Clock, Arc<AtomicU64>, Arc<AtomicU64>) {
        let (wall, tick) = (Arc::new(AtomicU64::new(START)), Arc::new(AtomicU64::new(50)));
        let (shown, counted) = (wall.clone(), tick.clone());
        let clock = Clock::new(
            move || shown.load(Ordering::Relaxed),
            move || counted.load(Ordering::Relaxed),
        );
        (clock, wall, tick)
    }

    #[test]
    fn a_steady_or_slewed_clock_is_believed() {
        let (clock, wall, tick) = clock();
        let pace = Pace::new(&clock);
        for _ in 0..10 {
            wall.fetch_add(64_000, Ordering::Relaxed);
            tick.fetch_add(60_000, Ordering::Relaxed);
            assert_eq!(pace.settled(&clock), Some(clock.now()));
        }
        assert_eq!(pace.jumped(&clock), None);
    }

    #[test]
    fn a_jump_either_way_is_not_believed_for_a_quarter_of_an_hour() {
        for jump in [3_600_000, -3_600_000] {
            let (clock, wall, tick) = clock();
            let pace = Pace::new(&clock);
            wall.store(START.saturating_add_signed(jump), Ordering::Relaxed);
            assert_eq!(pace.settled(&clock), None);
            for hand in [&wall, &tick] {
                hand.fetch_add(SETTLES_AFTER - 1, Ordering::Relaxed);
            }
            assert_eq!(pace.settled(&clock), None);
            for hand in [&wall, &tick] {
                hand.fetch_add(1, Ordering::Relaxed);
            }
            assert_eq!(pace.settled(&clock), Some(clock.now()));
        }
    }

    #[test]
    fn a_jump_is_told_until_it_was_written_down() {
        let (clock, wall, _) = clock();
        let pace = Pace::new(&clock);
        wall.fetch_add(7_000, Ordering::Relaxed);
        assert_eq!(pace.jumped(&clock), Some(Seconds(7)));
        assert_eq!(pace.jumped(&clock), Some(Seconds(7)));
        pace.written(Seconds(7));
        assert_eq!(pace.jumped(&clock), None);
    }
}
