//! How bodies are shown: in the order they came over the wire, indented, secrets masked.

use crate::cli::print::Ink;

/// What a secret begins with.
const SECRETS: [&str; 10] = [
    "kh_secret_",
    "kh_refresh_",
    "kh_access_",
    "kh_key_",
    "kh_code_",
    "kh_session_",
    "kh_once_",
    "tour_access_",
    "tour_refresh_",
    "tour_code_",
];

/// `text` with every secret in it cut short: what is left names it and opens nothing.
pub(super) fn mask(text: &str) -> String {
    text.split(' ').map(mask_word).collect::<Vec<_>>().join(" ")
}

/// A word, or the values of a form or of a URL's query.
fn mask_word(word: &str) -> String {
    let (before, pairs) = match word.split_once('?') {
        Some((before, query)) => (format!("{before}?"), query),
        None => (String::new(), word),
    };
    let pairs = pairs.split('&').map(|pair| match pair.split_once('=') {
        Some((name, value)) => format!("{}={}", cut(name), cut(value)),
        None => cut(pair),
    });
    before + &pairs.collect::<Vec<_>>().join("&")
}

fn cut(word: &str) -> String {
    match kept(word) {
        Some(kept) if kept < word.len() => format!("{}…", &word[..kept]),
        _ => word.to_owned(),
    }
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

/// Objects and lists up to this wide stay on one line.
const INLINE: usize = 64;

/// The lines of a JSON document, as sent, on terminals in colour. Other text is one line.
pub(super) fn pretty(text: &str, paint: impl Fn(Ink, &str) -> String) -> Vec<String> {
    if serde_json::from_str::<serde_json::Value>(text).is_err() {
        return if text.is_empty() { Vec::new() } else { vec![mask(text)] };
    }
    let tokens = tokens(text);
    let mut page = Page { lines: Vec::new(), line: String::new(), depth: 0 };
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let is_name = tokens.get(at + 1).is_some_and(|next| next == ":");
        match token.as_str() {
            "{" | "[" => match inline(&tokens[at..], &paint) {
                Some((text, length)) => {
                    page.line.push_str(&text);
                    at += length;
                    continue;
                }
                None => page.open(token),
            },
            "}" | "]" => page.close(token),
            "," => page.next(","),
            ":" => page.line.push_str(": "),
            _ => page.line.push_str(&paint(ink(token, is_name), token)),
        }
        at += 1;
    }
    page.lines.push(page.line);
    page.lines
}

/// What has been laid out so far.
struct Page {
    lines: Vec<String>,
    line: String,
    depth: usize,
}

impl Page {
    fn open(&mut self, token: &str) {
        self.depth += 1;
        self.next(token);
    }

    fn close(&mut self, token: &str) {
        self.depth = self.depth.saturating_sub(1);
        self.next("");
        self.line.push_str(token);
    }

    fn next(&mut self, last: &str) {
        self.line.push_str(last);
        self.lines.push(std::mem::take(&mut self.line));
        self.line = "  ".repeat(self.depth);
    }
}

/// A short object or list without others inside, and how many tokens it has.
fn inline(tokens: &[String], paint: &impl Fn(Ink, &str) -> String) -> Option<(String, usize)> {
    let nested = |token: &String| matches!(token.as_str(), "{" | "[" | "}" | "]");
    let end = tokens.iter().skip(1).position(nested)? + 1;
    let fits = tokens[..end].iter().map(|token| token.chars().count()).sum::<usize>() <= INLINE;
    if !fits || matches!(tokens[end].as_str(), "{" | "[") {
        return None;
    }
    let space = if end > 1 && tokens[0] == "{" { " " } else { "" };
    let mut text = format!("{}{space}", tokens[0]);
    for at in 1..end {
        let is_name = tokens[at + 1] == ":";
        match tokens[at].as_str() {
            "," => text.push_str(", "),
            ":" => text.push_str(": "),
            token => text.push_str(&paint(ink(token, is_name), token)),
        }
    }
    Some((format!("{text}{space}{}", tokens[end]), end + 1))
}

fn ink(token: &str, is_name: bool) -> Ink {
    match (token.starts_with('"'), is_name) {
        (true, true) => Ink::Name,
        (true, false) => Ink::Text,
        (false, _) => Ink::Number,
    }
}

/// The tokens of well-formed JSON, secrets masked.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let token = token(rest);
        rest = rest[token.len()..].trim_start();
        tokens.push(match token.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')) {
            Some(inner) => format!("\"{}\"", mask(inner)),
            None => token.to_owned(),
        });
    }
    tokens
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

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        pretty(text, |_, word| word.to_owned()).join("\n")
    }

    #[test]
    fn members_keep_their_order_and_are_indented() {
        let shown = plain(r#"{"b":1,"a":["x\"]",{}],"c":{"d":true,"e":[1,2]}}"#);
        let wanted = "{\n  \"b\": 1,\n  \"a\": [\n    \"x\\\"]\",\n    {}\n  ],\n  \"c\": {\n    \
                      \"d\": true,\n    \"e\": [1, 2]\n  }\n}";
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
        let url = "https://a.test/cb?code=tour_code_abcdefgh&b=c&state=eyJhbGciOiJFUzI1NiJ9";
        let form = "grant_type=client_credentials&client_secret=kh_secret_0123456789";
        let shown = "grant_type=client_credentials&client_secret=kh_secret_0123…";
        assert_eq!(mask(form), shown);
        assert_eq!(mask("eyJhbGciOiJFUzI1NiJ9.e.s=="), "eyJhbGciOiJF…==");
        assert_eq!(mask(url), "https://a.test/cb?code=tour_code_abcd…&b=c&state=eyJhbGciOiJF…");
    }

    #[test]
    fn what_is_not_json_is_shown_as_it_is() {
        assert_eq!(plain("grant_type=client_credentials"), "grant_type=client_credentials");
        assert_eq!(plain(""), "");
    }
}
