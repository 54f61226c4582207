//! Instants and spans in whole UTC seconds, with arithmetic that saturates instead of wrapping.
//! There is no clock here: the present is always an argument called `now`.

use serde::{Deserialize, Serialize};

/// An instant: seconds since the Unix epoch, UTC (the `NumericDate` of RFC 7519 §2).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// A span of time in whole seconds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Seconds(pub i64);

impl Timestamp {
    /// The instant `span` later; saturates at the end of representable time.
    #[must_use]
    pub const fn plus(self, span: Seconds) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// The instant `span` earlier; saturates at the beginning of representable time.
    #[must_use]
    pub const fn minus(self, span: Seconds) -> Self {
        Self(self.0.saturating_sub(span.0))
    }

    /// How long ago `earlier` was, negative when it lies in the future.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Seconds {
        Seconds(self.0.saturating_sub(earlier.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_at_the_end_of_time_saturates() {
        assert_eq!(Timestamp(i64::MAX).plus(Seconds(1)), Timestamp(i64::MAX));
        assert_eq!(Timestamp(i64::MIN).minus(Seconds(1)), Timestamp(i64::MIN));
        assert_eq!(Timestamp(i64::MAX).since(Timestamp(-1)), Seconds(i64::MAX));
    }
}
