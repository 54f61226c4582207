//! E-mail addresses in one canonical form (RFC 5321 §4.1.2, without quoted local parts), so that an
//! address written in two ways is one user. Says nothing of whether the mailbox exists.

/// The longest address (RFC 5321 §4.5.3.1.3 less its brackets).
pub const MAX_BYTES: usize = 254;

/// Reads an address and folds its case.
pub fn parse_email(text: &str) -> Result<String, &'static str> {
    if text.len() > MAX_BYTES {
        return Err("an e-mail address has at most 254 bytes");
    }
    let Some((local, domain)) = text.split_once('@') else {
        return Err("an e-mail address has an @");
    };
    if local.is_empty() || local.len() > 64 || !local.chars().all(is_local) {
        return Err("the part before the @ has 1 to 64 letters, digits or signs");
    }
    if local.starts_with('.') || local.ends_with('.') || local.contains("..") {
        return Err("the dots before the @ stand alone");
    }
    if !domain.split('.').all(is_label) {
        return Err("the part behind the @ is a domain name");
    }
    Ok(text.to_lowercase())
}

/// Reads the domain of addresses, as an organization claims it: at least two labels, so that nobody
/// claims all of a country.
pub fn parse_domain(text: &str) -> Result<String, &'static str> {
    let folded = text.to_lowercase();
    if text.len() > MAX_BYTES - 2 || !folded.contains('.') || !folded.split('.').all(is_label) {
        return Err("is a domain name such as example.com");
    }
    Ok(folded)
}

fn is_local(char: char) -> bool {
    char.is_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(char)
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= 63
        && label.chars().all(|char| char.is_alphanumeric() || char == '-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, reason: &str) {
        assert_eq!(parse_email(text), Err(reason), "{text}");
    }

    #[test]
    fn case_is_folded() {
        assert_eq!(parse_email("Ada@Example.TEST").as_deref(), Ok("ada@example.test"));
        assert_eq!(parse_email("a.b+c@localhost").as_deref(), Ok("a.b+c@localhost"));
    }

    #[test]
    fn a_domain_has_two_labels_and_folds_its_case() {
        assert_eq!(parse_domain("Example.COM").as_deref(), Ok("example.com"));
        for text in ["com", "", ".", "a..b", "-a.test", "a b.test", "a@b.test", "a.test."] {
            assert_eq!(parse_domain(text), Err("is a domain name such as example.com"), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        refused("ada", "an e-mail address has an @");
        refused("@a.test", "the part before the @ has 1 to 64 letters, digits or signs");
        refused("a b@a.test", "the part before the @ has 1 to 64 letters, digits or signs");
        refused("a\n@a.test", "the part before the @ has 1 to 64 letters, digits or signs");
        refused("a..b@a.test", "the dots before the @ stand alone");
        refused("a@b@c.test", "the part behind the @ is a domain name");
        refused("a@", "the part behind the @ is a domain name");
        refused("a@-b.test", "the part behind the @ is a domain name");
        refused(&format!("a@{}", "b.".repeat(130)), "an e-mail address has at most 254 bytes");
    }
}
