//! The `Bearer` scheme of the Authorization header (RFC 6750 §2.1), read strictly: one space, one
//! token, nothing after it. A list of credentials or a second space is an attack, not a habit.

/// The longest header value looked at; the HTTP edge refuses longer headers altogether.
const MAX_HEADER: usize = 16 * 1024;

/// The token of `Authorization: Bearer …`, or the rule it broke.
pub fn parse_bearer(header_value: &str) -> Result<&str, &'static str> {
    if header_value.len() > MAX_HEADER {
        return Err("Authorization header too long");
    }
    let (scheme, token) = header_value.split_once(' ').ok_or("Authorization has no credentials")?;
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err("Authorization scheme is not Bearer");
    }
    if !is_b64token(token) {
        return Err("Bearer credentials are not one b64token");
    }
    Ok(token)
}

/// `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`
fn is_b64token(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    // A fold without an early exit, so that the compiler looks at many bytes at once.
    !body.is_empty() && body.bytes().fold(true, |all, byte| all & is_b64token_byte(byte))
}

const fn is_b64token_byte(byte: u8) -> bool {
    let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    let digit = byte.wrapping_sub(b'0') < 10;
    let sign = (byte == b'-') | (byte == b'.') | (byte == b'_');
    letter | digit | sign | (byte == b'~') | (byte == b'+') | (byte == b'/')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_token_after_one_space_is_read() {
        assert_eq!(parse_bearer("Bearer kh_access_0aZ"), Ok("kh_access_0aZ"));
        assert_eq!(parse_bearer("bEARER a-._~+/9=="), Ok("a-._~+/9=="));
    }

    #[test]
    fn anything_else_is_refused() {
        let cases = [
            ("", "Authorization has no credentials"),
            ("Bearer", "Authorization has no credentials"),
            ("Basic Og==", "Authorization scheme is not Bearer"),
            (" Bearer a", "Authorization scheme is not Bearer"),
            ("Bearer\ta", "Authorization has no credentials"),
            ("Bearer ", "Bearer credentials are not one b64token"),
            ("Bearer  a", "Bearer credentials are not one b64token"),
            ("Bearer a ", "Bearer credentials are not one b64token"),
            ("Bearer a b", "Bearer credentials are not one b64token"),
            ("Bearer a,b", "Bearer credentials are not one b64token"),
            ("Bearer a, Bearer b", "Bearer credentials are not one b64token"),
            ("Bearer ==", "Bearer credentials are not one b64token"),
            ("Bearer a=b", "Bearer credentials are not one b64token"),
            ("Bearer ä", "Bearer credentials are not one b64token"),
        ];
        for (header, reason) in cases {
            assert_eq!(parse_bearer(header), Err(reason), "{header:?}");
        }
        let long = format!("Bearer {}", "a".repeat(16 * 1024));
        assert_eq!(parse_bearer(&long), Err("Authorization header too long"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in ".*") {
            let _ = parse_bearer(&text);
        }
    }
}
