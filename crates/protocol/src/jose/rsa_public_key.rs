//! The DER form `RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }` (RFC 8017
//! §A.1.1), which the crypto library speaks, from and to the two numbers that JWK speaks.

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;

/// Writes the structure; `n` and `e` are big-endian without leading zeros.
pub(crate) fn encode(n: &[u8], e: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(n.len() + e.len() + 12);
    push_integer(&mut body, n);
    push_integer(&mut body, e);
    let mut out = Vec::with_capacity(body.len() + 6);
    push_header(&mut out, SEQUENCE, body.len());
    out.extend_from_slice(&body);
    out
}

/// Reads the structure; `None` when it is anything else.
pub(super) fn decode(der: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (body, rest) = element(SEQUENCE, der)?;
    let (n, body) = element(INTEGER, body)?;
    let (e, body) = element(INTEGER, body)?;
    (rest.is_empty() && body.is_empty()).then(|| (unsigned(n), unsigned(e)))
}

fn push_integer(out: &mut Vec<u8>, number: &[u8]) {
    // A set top bit would read as a minus sign.
    let sign = usize::from(number.first().is_some_and(|byte| byte & 0x80 != 0));
    push_header(out, INTEGER, number.len() + sign);
    out.extend_from_slice(&[0][..sign]);
    out.extend_from_slice(number);
}

fn push_header(out: &mut Vec<u8>, tag: u8, length: usize) {
    out.push(tag);
    let bytes = length.to_be_bytes();
    let used = &bytes[length.leading_zeros() as usize / 8..];
    if length >= 0x80 {
        out.push(0x80 | used.len() as u8);
    }
    out.extend_from_slice(used);
}

/// The content of the element with `tag` at the front, and what follows it.
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = der.strip_prefix(&[tag])?.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if bytes.len() > 4 {
            return None;
        }
        (bytes.iter().fold(0, |length, &byte| length << 8 | usize::from(byte)), rest)
    };
    rest.split_at_checked(length)
}

fn unsigned(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    number[zeros..].to_vec()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_set_top_bit_gets_a_sign_byte() {
        assert_eq!(encode(&[0x80], &[3]), [0x30, 7, 2, 2, 0, 0x80, 2, 1, 3]);
    }

    proptest! {
        #[test]
        fn numbers_of_every_length_read_back(mut n in prop::collection::vec(any::<u8>(), 1..1100), mut e in prop::collection::vec(any::<u8>(), 1..9)) {
            n[0] |= 1;
            e[0] |= 1;
            prop_assert_eq!(decode(&encode(&n, &e)), Some((n, e)));
        }

        #[test]
        fn any_bytes_are_read_without_panic(der: Vec<u8>) {
            let _ = decode(&der);
        }
    }
}
