//! Latencies in buckets that grow with the value: 64 steps per doubling, so a quantile is right
//! within 1.6 % from a nanosecond to centuries, and recording is two shifts.

use std::time::Duration;

const STEP_BITS: u32 = 6;
const STEPS: usize = 1 << STEP_BITS;
const BUCKETS: usize = (64 - STEP_BITS as usize + 1) * STEPS;

/// How often each latency was seen.
#[derive(Clone)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0 }
    }

    pub(crate) fn record(&mut self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket(nanos)] += 1;
        self.total += 1;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
    }

    pub(crate) const fn total(&self) -> u64 {
        self.total
    }

    /// The latency in microseconds that the share `q` of the recorded ones did not exceed; zero
    /// when nothing was recorded.
    pub(crate) fn quantile_us(&self, q: f64) -> f64 {
        let rank = ((q * self.total as f64).ceil() as u64).max(1);
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return middle(at) / 1_000.0;
            }
        }
        0.0
    }
}

/// Values below 64 have their own bucket; above, the leading bit chooses the row, the next six the
/// step in it.
const fn bucket(nanos: u64) -> usize {
    let exponent = 63 - (nanos | 1).leading_zeros();
    if exponent < STEP_BITS {
        return nanos as usize;
    }
    let shift = exponent - STEP_BITS;
    shift as usize * STEPS + (nanos >> shift) as usize
}

fn middle(bucket: usize) -> f64 {
    if bucket < STEPS {
        return bucket as f64;
    }
    let shift = (bucket / STEPS - 1) as i32;
    let low = (bucket % STEPS + STEPS) as f64;
    (low + 0.5) * f64::from(2.0_f32).powi(shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, wanted: f64) -> bool {
        (found - wanted).abs() <= wanted * 0.016
    }

    #[test]
    fn quantiles_of_a_ramp_are_within_a_step() {
        let mut histogram = Histogram::new();
        for micros in 1..=10_000 {
            histogram.record(Duration::from_micros(micros));
        }
        for (q, wanted) in [(0.5, 5_000.0), (0.99, 9_900.0), (0.999, 9_990.0), (1.0, 10_000.0)] {
            assert!(near(histogram.quantile_us(q), wanted), "{q}: {}", histogram.quantile_us(q));
        }
    }

    #[test]
    fn buckets_grow_without_gap_or_overlap() {
        let mut last = bucket(0);
        for nanos in 1..100_000_u64 {
            let at = bucket(nanos);
            assert!(at == last || at == last + 1, "{nanos} fell in {at} after {last}");
            last = at;
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn one_slow_answer_in_a_hundred_is_above_p98_and_at_p100() {
        let mut histogram = Histogram::new();
        (0..99).for_each(|_| histogram.record(Duration::from_micros(100)));
        histogram.record(Duration::from_millis(50));
        assert!(near(histogram.quantile_us(0.99), 100.0));
        assert!(near(histogram.quantile_us(1.0), 50_000.0));
    }

    #[test]
    fn merging_adds_what_both_saw() {
        let (mut a, mut b) = (Histogram::new(), Histogram::new());
        a.record(Duration::from_micros(10));
        b.record(Duration::from_micros(1_000));
        a.merge(&b);
        assert_eq!(a.total(), 2);
        assert!(near(a.quantile_us(1.0), 1_000.0));
    }

    #[test]
    fn an_empty_histogram_has_no_latency() {
        assert_eq!(Histogram::new().quantile_us(0.99), 0.0);
    }
}
