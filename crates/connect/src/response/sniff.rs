//! What a body is, by looking at it: JSON under any label, a form, JSONP, or none of them.

use serde_json::{Map, Value};

/// What a body turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// JSON, or something that says the same.
    Document(Value),
    /// HTML or XML: a gateway, a firewall, a page for people.
    Markup,
    /// Nothing at all.
    Empty,
    /// Anything else.
    Garbage,
}

/// The most pairs of a form that are looked at.
const MAX_PAIRS: usize = 100;

/// Looks at a body.
#[must_use]
pub fn sniff(body: &[u8]) -> Content {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii();
    match body.first() {
        None => Content::Empty,
        Some(b'<') => Content::Markup,
        Some(b'{' | b'[') => json(body),
        Some(_) => jsonp(body).or_else(|| form(body)).unwrap_or(Content::Garbage),
    }
}

fn json(body: &[u8]) -> Content {
    serde_json::from_slice(body).map_or(Content::Garbage, Content::Document)
}

/// `callback( {…} );`
fn jsonp(body: &[u8]) -> Option<Content> {
    let text = std::str::from_utf8(body).ok()?;
    let (name, rest) = text.split_once('(')?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '$');
    if name.trim().is_empty() || !name.trim().chars().all(is_name) {
        return None;
    }
    let inner = rest.trim_end_matches([';', ' ', '\r', '\n']).strip_suffix(')')?.trim();
    inner.starts_with('{').then(|| json(inner.as_bytes()))
}

/// `access_token=…&expires=…`
fn form(body: &[u8]) -> Option<Content> {
    let is_form = |byte: &u8| byte.is_ascii_graphic();
    let first = body.split(|byte| *byte == b'&').next()?;
    if !body.iter().all(is_form) || !first.contains(&b'=') {
        return None;
    }
    let pairs = form_urlencoded::parse(body).take(MAX_PAIRS);
    let object: Map<_, _> =
        pairs.map(|(name, value)| (name.into_owned(), value.into_owned().into())).collect();
    Some(Content::Document(Value::Object(object)))
}
