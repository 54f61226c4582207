//! How bodies are shown: in the order they came over the wire, indented, secrets masked.

use crate::cli::print::Ink;

/// What a secret begins with.
const SECRETS: [&str; 3] = ["kh_secret_", "kh_refresh_", "kh_access_"];

/// `text` with every secret in it cut short: what is left names it and opens nothing.
pub(super) fn mask(text: &str) -> String {
    let mut words = text.split(' ').map(|word| match kept(word) {
        Some(kept) if kept < word.len() => format!("{}…", &word[..kept]),
        _ => word.to_owned(),
    });
    let first = words.next().unwrap_or_default();
    words.fold(first, |line, word| line + " " + &word)
}

/// How much of a secret may be shown: its kind and four characters of its id.
fn kept(word: &str) -> Option<usize> {
    let prefix = SECRETS.iter().find(|prefix| word.starts_with(**prefix));
    let kept = match prefix {
        Some(prefix) => prefix.len() + 4,
        None if word.starts_with("eyJ") => "eyJhbGciOiJF".len(),
        None => return None,
    };
    word.is_char_boundary(kept).then_some(kept)
}

/// The lines of a JSON document, as sent, on terminals in colour. Other text is one line.
pub(super) fn pretty(text: &str, paint: impl Fn(Ink, &str) -> String) -> Vec<String> {
    let mut lines = Vec::new();
    if serde_json::from_str::<serde_json::Value>(text).is_err() {
        lines.extend((!text.is_empty()).then(|| mask(text)));
        return lines;
    }
    let (mut line, mut depth, mut rest) = (String::new(), 0_usize, text.trim());
    while let Some(first) = rest.chars().next() {
        let token = token(rest);
        rest = rest[token.len()..].trim_start();
        match first {
            '{' | '[' if rest.starts_with(['}', ']']) => {
                line.push_str(token);
                line.push_str(&rest[..1]);
                rest = rest[1..].trim_start();
            }
            '{' | '[' => {
                depth += 1;
                line.push_str(token);
                next_line(&mut lines, &mut line, depth);
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                next_line(&mut lines, &mut line, depth);
                line.push_str(token);
            }
            ',' => {
                line.push(',');
                next_line(&mut lines, &mut line, depth);
            }
            ':' => line.push_str(": "),
            '"' if rest.starts_with(':') => line.push_str(&paint(Ink::Name, token)),
            '"' => {
                let inner = mask(&token[1..token.len() - 1]);
                line.push_str(&paint(Ink::Text, &format!("\"{inner}\"")));
            }
            _ => line.push_str(&paint(Ink::Number, token)),
        }
    }
    lines.push(line);
    lines
}

/// The first token of well-formed JSON.
fn token(text: &str) -> &str {
    let mut escaped = false;
    let end = match text.as_bytes().first() {
        Some(b'"') => {
            let inner = text.bytes().enumerate().skip(1);
            let closing = |(_, byte): &(usize, u8)| {
                let closes = *byte == b'"' && !escaped;
                escaped = *byte == b'\\' && !escaped;
                closes
            };
            { inner }.find(closing).map_or(text.len(), |(at, _)| at + 1)
        }
        Some(b'{' | b'}' | b'[' | b']' | b',' | b':') => 1,
        _ => text.find(|c: char| ",]}".contains(c) || c.is_whitespace()).unwrap_or(text.len()),
    };
    &text[..end]
}

fn next_line(lines: &mut Vec<String>, line: &mut String, depth: usize) {
    lines.push(std::mem::take(line));
    *line = "  ".repeat(depth);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        pretty(text, |_, word| word.to_owned()).join("\n")
    }

    #[test]
    fn members_keep_their_order_and_are_indented() {
        let shown = plain(r#"{"b":1,"a":["x\"]",{}],"c":{"d":true}}"#);
        let wanted = "{\n  \"b\": 1,\n  \"a\": [\n    \"x\\\"]\",\n    {}\n  ],\n  \"c\": {\n    \
                      \"d\": true\n  }\n}";
        assert_eq!(shown, wanted);
    }

    #[test]
    fn secrets_are_cut_short_wherever_they_stand() {
        let shown = plain(
            r#"{"client_secret":"kh_secret_0123456789","access_token":"eyJhbGciOiJFUzI1NiJ9.e.s"}"#,
        );
        assert!(shown.contains("\"kh_secret_0123…\""), "{shown}");
        assert!(shown.contains("\"eyJhbGciOiJF…\""), "{shown}");
        assert_eq!(mask("Bearer kh_access_abcdefgh"), "Bearer kh_access_abcd…");
        assert_eq!(mask("kh_client_abcdefgh"), "kh_client_abcdefgh");
    }

    #[test]
    fn what_is_not_json_is_shown_as_it_is() {
        assert_eq!(plain("grant_type=client_credentials"), "grant_type=client_credentials");
        assert_eq!(plain(""), "");
    }
}
