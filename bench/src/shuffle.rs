//! A fixed disorder: the same in every run, so that runs can be compared, and unlike the order in
//! which rows were stored, so that neighbours are not touched together.

/// `items` in an order that only their number decides.
pub(crate) fn shuffled<T>(mut items: Vec<T>) -> Vec<T> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for last in (1..items.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        items.swap(last, (state % (last as u64 + 1)) as usize);
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_stays_and_few_keep_their_place() {
        let mixed = shuffled((0..1_000).collect::<Vec<usize>>());
        let kept = mixed.iter().enumerate().filter(|(at, item)| at == *item).count();
        assert!(kept < 20, "{kept} of 1000 did not move");
        let mut sorted = mixed;
        sorted.sort_unstable();
        assert_eq!(sorted, (0..1_000).collect::<Vec<_>>());
    }
}
