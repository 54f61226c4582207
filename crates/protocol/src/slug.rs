//! Slugs: the short names of tenants and projects in URLs and on the command line.

use crate::id::Id;

/// The longest slug: it must fit a DNS label.
pub const MAX_CHARS: usize = 63;

/// Reads a slug: lower-case letters and digits, words joined by single hyphens. What could be read
/// as an id is refused, because URLs take either.
pub fn parse_slug(text: &str) -> Result<String, &'static str> {
    if text.is_empty() || text.len() > MAX_CHARS {
        return Err("a slug has 1 to 63 characters");
    }
    if !text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')) {
        return Err("a slug has lower-case letters, digits and hyphens only");
    }
    if text.starts_with('-') || text.ends_with('-') || text.contains("--") {
        return Err("a slug's hyphens stand alone between letters or digits");
    }
    if Id::parse(text).is_some() {
        return Err("a slug must not look like an id");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, reason: &str) {
        assert_eq!(parse_slug(text), Err(reason));
    }

    #[test]
    fn plain_slugs_are_read() {
        assert_eq!(parse_slug("north-clinic-2").as_deref(), Ok("north-clinic-2"));
    }

    #[test]
    fn what_would_be_ambiguous_in_a_url_is_refused() {
        refused("", "a slug has 1 to 63 characters");
        refused(&"a".repeat(64), "a slug has 1 to 63 characters");
        refused("North", "a slug has lower-case letters, digits and hyphens only");
        refused("a/b", "a slug has lower-case letters, digits and hyphens only");
        refused("a--b", "a slug's hyphens stand alone between letters or digits");
        refused("-a", "a slug's hyphens stand alone between letters or digits");
        refused("01920000000170008000000000000000", "a slug must not look like an id");
    }
}
