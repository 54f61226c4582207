//! Seeded chance, so that a failed run can be repeated: the seed is printed, and
//! `KEYHAVEN_FAULT_SEED` sets it.

use std::time::{SystemTime, UNIX_EPOCH};

/// A small generator (splitmix64); nothing secret comes from it.
#[derive(Clone)]
pub(super) struct Chance(u64);

impl Chance {
    /// From the environment or the time, and says which.
    #[expect(
        clippy::disallowed_methods,
        clippy::print_stderr,
        reason = "a test may choose and tell its seed"
    )]
    pub(super) fn seeded(test: &str) -> Self {
        let chosen = std::env::var("KEYHAVEN_FAULT_SEED").ok().and_then(|seed| seed.parse().ok());
        let drawn = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |d| d.as_secs());
        let seed = chosen.unwrap_or_else(drawn);
        eprintln!("{test}: KEYHAVEN_FAULT_SEED={seed}");
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// A generator of its own for another task.
    pub(super) fn fork(&mut self) -> Self {
        Self(self.next())
    }
}
