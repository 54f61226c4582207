//! Decoding of one form-encoded name or value (RFC 6749 Appendix B), strictly: a `%` that is not
//! followed by two hexadecimal digits is refused, where browsers and most libraries keep it.

/// Appends the decoded bytes of `input`; `None` for malformed percent-encoding.
pub(crate) fn decode(input: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut rest = input;
    while let Some(at) = rest.iter().position(|&byte| matches!(byte, b'+' | b'%')) {
        out.extend_from_slice(&rest[..at]);
        if rest[at] == b'+' {
            out.push(b' ');
            rest = &rest[at + 1..];
        } else {
            let &[high, low] = rest.get(at + 1..at + 3)? else { return None };
            out.push(hex(high)? << 4 | hex(low)?);
            rest = &rest[at + 3..];
        }
    }
    out.extend_from_slice(rest);
    Some(())
}

const fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(text: &str) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        decode(text.as_bytes(), &mut out).map(|()| out)
    }

    #[test]
    fn plus_is_a_space_and_escapes_take_both_cases() {
        assert_eq!(decoded("a+b%2b%2B"), Some(b"a b++".to_vec()));
    }

    #[test]
    fn malformed_escapes_are_refused() {
        for text in ["%", "%2", "a%zz", "%2g", "%%20", "%+1"] {
            assert_eq!(decoded(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_encoded_byte_string_reads_back(bytes: Vec<u8>) {
            let text: String = form_urlencoded::byte_serialize(&bytes).collect();
            prop_assert_eq!(decoded(&text), Some(bytes));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes, &mut Vec::new());
        }
    }
}
