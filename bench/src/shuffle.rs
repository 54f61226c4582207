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

/// `items` nearly in their order: each is moved among its `near` neighbours only.
pub(crate) fn jostled<T>(items: Vec<T>, near: usize) -> Vec<T> {
    let mut out = Vec::with_capacity(items.len());
    let mut items = items.into_iter();
    loop {
        let few: Vec<T> = items.by_ref().take(near).collect();
        if few.is_empty() {
            return out;
        }
        out.extend(shuffled(few));
    }
}

/// 32 bytes without pattern, cheaper than hashing.
pub(crate) fn scattered(at: u64) -> [u8; 32] {
    let mut state = at.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut bytes = [0; 32];
    for eight in bytes.chunks_exact_mut(8) {
        state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        eight.copy_from_slice(&state.to_be_bytes());
    }
    bytes
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

    #[test]
    fn a_jostled_item_stays_near_its_place() {
        let mixed = jostled((0..1_000).collect::<Vec<usize>>(), 64);
        assert!(mixed.iter().enumerate().all(|(at, item)| at / 64 == item / 64));
        assert!(mixed.windows(2).any(|pair| pair[0] > pair[1]));
        assert_eq!(mixed.len(), 1_000);
    }
}
