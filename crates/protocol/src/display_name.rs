//! Names that people give to things: shown on pages, in terminals and in logs, so they may hold
//! nothing that moves a cursor or turns a line around.

/// The longest name, in characters.
pub const MAX_CHARS: usize = 200;

/// Reads a name of 1 to 200 visible characters.
pub fn parse_display_name(text: &str) -> Result<String, &'static str> {
    if text.trim() != text {
        return Err("a name has no space at its ends");
    }
    if text.is_empty() || text.chars().count() > MAX_CHARS {
        return Err("a name has 1 to 200 characters");
    }
    parse_prose(text)
}

/// Reads a line of text of any length under the same rules; its bound is the body's.
pub fn parse_prose(text: &str) -> Result<String, &'static str> {
    if text.chars().any(|char| char.is_control() || steers(char)) {
        return Err("text has no control characters or direction marks");
    }
    Ok(text.to_owned())
}

/// Line and paragraph separators, zero-width marks and bidirectional controls (CVE-2021-42574).
const fn steers(char: char) -> bool {
    matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_script_is_a_name() {
        assert_eq!(parse_display_name("Żółw <img> 亀").as_deref(), Ok("Żółw <img> 亀"));
    }

    #[test]
    fn what_forges_a_log_line_is_refused() {
        let reason = Err("text has no control characters or direction marks");
        assert_eq!(parse_display_name("a\nb").as_deref().map_err(|e| *e), reason);
        assert_eq!(parse_display_name("a\u{1b}[31mb").as_deref().map_err(|e| *e), reason);
        assert_eq!(parse_display_name("a\u{202e}b").as_deref().map_err(|e| *e), reason);
    }

    #[test]
    fn empty_and_endless_names_are_refused() {
        assert_eq!(parse_display_name(""), Err("a name has 1 to 200 characters"));
        assert_eq!(parse_display_name(&"é".repeat(201)), Err("a name has 1 to 200 characters"));
        assert_eq!(parse_display_name(" a"), Err("a name has no space at its ends"));
    }
}
