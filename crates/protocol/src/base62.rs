//! Fixed-width base62 (`0-9A-Za-z`), the alphabet of everything we issue: unreserved in URLs
//! (RFC 3986 §2.3), selectable with a double click, and ordered like the bytes it encodes.

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const INVALID: u8 = 0xff;
const DIGITS_AT_ONCE: usize = 5;
const FIVE_DIGITS: u64 = 62_u64.pow(5);
const TEN: usize = 10;
/// What a number weighs before that many more digits.
const WEIGHTS: [u64; TEN + 1] = weights();
const VALUES: [u8; 256] = values();

/// Appends the big-endian number `bytes` to `out` as exactly `width` characters.
/// `width` must hold it: 22 for 16 bytes, 43 for 32 bytes, 6 for 4 bytes.
pub fn encode(bytes: &[u8], width: usize, out: &mut String) {
    let mut limbs = [0_u32; 8];
    let count = load(bytes, &mut limbs);
    let mut text = [b'0'; 64];
    // Five digits at a time: one pass of divisions over the number instead of five.
    for digits in text[..width].rchunks_mut(DIGITS_AT_ONCE) {
        let mut remainder = 0_u64;
        for limb in &mut limbs[..count] {
            let value = (remainder << 32) | u64::from(*limb);
            *limb = (value / FIVE_DIGITS) as u32;
            remainder = value % FIVE_DIGITS;
        }
        for digit in digits.iter_mut().rev() {
            *digit = ALPHABET[(remainder % 62) as usize];
            remainder /= 62;
        }
    }
    out.extend(text[..width].iter().map(|&b| char::from(b)));
}

/// Reads fixed-width base62 into exactly `N` bytes; `None` for a foreign character or a number
/// that does not fit, so every value has exactly one spelling. `N` is at most 32.
#[must_use]
pub fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut limbs = [0_u64; 4];
    let limbs = &mut limbs[..N.div_ceil(8)];
    // Ten digits at a time: one pass of multiplications over the number instead of ten.
    for digits in text.as_bytes().chunks(TEN) {
        let mut carry = number(digits)?;
        let weight = WEIGHTS[digits.len()];
        for limb in limbs.iter_mut().rev() {
            let value = u128::from(*limb) * u128::from(weight) + u128::from(carry);
            *limb = value as u64;
            carry = (value >> 64) as u64;
        }
        if carry != 0 {
            return None;
        }
    }
    let mut bytes = [0; 32];
    for (chunk, limb) in bytes.chunks_exact_mut(8).zip(&*limbs) {
        chunk.copy_from_slice(&limb.to_be_bytes());
    }
    // A number narrower than its limb leaves the front empty.
    let (front, rest) = bytes.split_at(limbs.len() * 8 - N);
    if front.iter().any(|byte| *byte != 0) {
        return None;
    }
    rest.first_chunk().copied()
}

/// At most ten digits, which fit 64 bits.
fn number(digits: &[u8]) -> Option<u64> {
    let (mut number, mut foreign) = (0_u64, 0);
    for byte in digits {
        let digit = VALUES[usize::from(*byte)];
        foreign |= digit;
        number = number.wrapping_mul(62).wrapping_add(u64::from(digit));
    }
    // 61 is the largest digit: only INVALID has the highest bit.
    (foreign & 0x80 == 0).then_some(number)
}

fn load(bytes: &[u8], limbs: &mut [u32; 8]) -> usize {
    let count = bytes.len() / 4;
    for (limb, chunk) in limbs.iter_mut().zip(bytes.chunks_exact(4)) {
        *limb = u32::from_be_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
    }
    count
}

const fn weights() -> [u64; TEN + 1] {
    let mut weights = [1; TEN + 1];
    let mut i = 1;
    while i <= TEN {
        weights[i] = weights[i - 1] * 62;
        i += 1;
    }
    weights
}

const fn values() -> [u8; 256] {
    let mut table = [INVALID; 256];
    let mut i = 0;
    while i < 62 {
        table[ALPHABET[i] as usize] = i as u8;
        i += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text<const N: usize>(bytes: [u8; N], width: usize) -> String {
        let mut out = String::new();
        encode(&bytes, width, &mut out);
        out
    }

    #[test]
    fn the_largest_values_fit_their_width() {
        assert_eq!(decode::<16>(&text([0xff; 16], 22)), Some([0xff; 16]));
        assert_eq!(decode::<32>(&text([0xff; 32], 43)), Some([0xff; 32]));
        assert_eq!(decode::<4>(&text([0xff; 4], 6)), Some([0xff; 4]));
    }

    #[test]
    fn a_number_that_does_not_fit_is_refused() {
        assert_eq!(decode::<4>("zzzzzz"), None);
        assert_eq!(decode::<4>("00000-"), None);
    }

    proptest! {
        #[test]
        fn every_id_survives_the_round_trip(bytes: [u8; 16]) {
            prop_assert_eq!(decode::<16>(&text(bytes, 22)), Some(bytes));
        }

        #[test]
        fn text_orders_like_the_bytes(a: [u8; 16], b: [u8; 16]) {
            prop_assert_eq!(text(a, 22).cmp(&text(b, 22)), a.cmp(&b));
        }
    }
}
