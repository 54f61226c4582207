//! What many rounds say together: the median, and the quartiles as its spread.

use serde::Serialize;

/// The middle of some rounds and how far they scatter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Spread {
    /// Median and quartiles; `None` when there was no round.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        Some(Self {
            median: at_share(&sorted, 0.5)?,
            low: at_share(&sorted, 0.25)?,
            high: at_share(&sorted, 0.75)?,
        })
    }
}

/// The median of `values`, zero when there are none.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    Spread::of(&values.into_iter().collect::<Vec<_>>()).map_or(0.0, |spread| spread.median)
}

fn at_share(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share * (sorted.len().checked_sub(1)? as f64);
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    Some(sorted[below] + (sorted[above] - sorted[below]) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_ignores_one_wild_round() {
        let spread = Spread::of(&[1.0, 1.1, 40.0, 0.9, 1.0]).unwrap();
        assert_eq!((spread.median, spread.low, spread.high), (1.0, 1.0, 1.1));
    }

    #[test]
    fn an_even_number_of_rounds_meets_in_the_middle() {
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn the_median_of_ratios_is_not_the_ratio_of_medians() {
        // Drift moves floor and candidate together; each round's own ratio stays 2.
        let rounds = [(10.0, 20.0), (30.0, 60.0), (20.0, 40.0)];
        let ratios: Vec<f64> = rounds.iter().map(|(floor, ours)| ours / floor).collect();
        assert_eq!(Spread::of(&ratios), Some(Spread { median: 2.0, low: 2.0, high: 2.0 }));
    }

    #[test]
    fn no_round_has_no_spread_and_a_round_without_floor_is_left_out() {
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of(&[f64::NAN, f64::INFINITY]), None);
    }
}
