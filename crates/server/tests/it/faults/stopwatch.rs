//! Time as tests may use it: to check promised bounds, to give up, and as the clock of a node in
//! this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use keyhaven::app::{Clock, Dice};

/// Counts from when it was started.
#[derive(Clone, Copy)]
pub(super) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "a promised bound is measured")]
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

#[expect(clippy::disallowed_methods, reason = "the clock of a node in this process")]
pub(super) fn millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(since.as_millis()).expect("fits")
}

/// The real clock, `ahead` milliseconds off.
pub(super) fn real_clock(ahead: i64) -> Clock {
    let start = Stopwatch::start();
    let tick = move || u64::try_from(start.elapsed().as_millis()).expect("fits");
    Clock::new(move || millis().saturating_add_signed(ahead), tick)
}

/// A wall clock that stands still until it is set, and a monotonic one that runs.
#[derive(Clone)]
pub(super) struct SetClock {
    wall: Arc<AtomicU64>,
    passed: Arc<AtomicU64>,
}

impl SetClock {
    pub(super) fn now() -> Self {
        Self { wall: Arc::new(AtomicU64::new(millis())), passed: Arc::default() }
    }

    /// Moves the wall clock, perhaps backwards.
    pub(super) fn jump(&self, seconds: i64) {
        let moved = self.wall.load(Ordering::SeqCst).saturating_add_signed(seconds * 1_000);
        self.wall.store(moved, Ordering::SeqCst);
    }

    /// Lets time go by: both clocks move on.
    pub(super) fn pass(&self, seconds: i64) {
        self.jump(seconds);
        self.passed.fetch_add(seconds.unsigned_abs() * 1_000, Ordering::SeqCst);
    }

    /// Both hands stand still until time is let go by: however slow the machine, that is no jump.
    pub(super) fn still(&self) -> Clock {
        let (set, passed) = (self.clone(), Arc::clone(&self.passed));
        let tick = move || passed.load(Ordering::SeqCst);
        Clock::new(move || set.wall.load(Ordering::SeqCst), tick)
    }

    pub(super) fn clock(&self) -> Clock {
        let (set, start) = (self.clone(), Stopwatch::start());
        let passed = Arc::clone(&self.passed);
        let tick = move || {
            let ran = u64::try_from(start.elapsed().as_millis()).expect("fits");
            ran + passed.load(Ordering::SeqCst)
        };
        Clock::new(move || set.wall.load(Ordering::SeqCst), tick)
    }
}

/// The system's randomness.
#[expect(clippy::disallowed_methods, reason = "a node in this process needs randomness")]
pub(super) fn dice() -> Dice {
    Dice::new(|out| aws_lc_rs::rand::fill(out).expect("the generator works"))
}
