//! Texts with `{placeholders}`, JSON pointers, and the choice between the two.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, de};

use super::var::Var;

/// A text with placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Name(String),
}

/// A JSON pointer (RFC 6901).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer(String);

/// Where a value is: in a document, or made of variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Locator {
    /// In the reply at hand.
    At(Pointer),
    /// Made of variables.
    Made(Template),
}

/// What placeholders stand for.
pub(crate) struct Values<'a> {
    /// Declared variables and what they are.
    pub(crate) declared: &'a BTreeMap<String, Var>,
    /// Values of variables.
    pub(crate) vars: &'a BTreeMap<String, String>,
    /// Names this place knows beside them, such as `client_id`.
    pub(crate) known: &'a [(&'a str, &'a str)],
}

impl Values<'_> {
    /// What `name` stands for: what this place knows, the variable's value, its default.
    pub(crate) fn find(&self, name: &str) -> Option<Cow<'_, str>> {
        if let Some((_, value)) = self.known.iter().find(|(known, _)| *known == name) {
            return Some(Cow::Borrowed(value));
        }
        let var = self.declared.get(name)?;
        let value = self.vars.get(name).or(var.default.as_ref())?;
        Some(if var.replace.is_empty() {
            Cow::Borrowed(value)
        } else {
            Cow::Owned(var.used(value))
        })
    }

    /// Whether `name` is a variable whose value a pattern vouches for.
    fn is_declared(&self, name: &str) -> bool {
        self.declared.contains_key(name) && !self.known.iter().any(|(known, _)| *known == name)
    }
}

impl Template {
    /// Takes a text apart at its placeholders.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or("a placeholder is not closed")?;
            let is_name =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            if name.is_empty() || !name.bytes().all(is_name) {
                return Err("a placeholder's name is lower case letters, digits and _");
            }
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::Name(name.to_owned()));
            rest = after;
        }
        if rest.contains('}') {
            return Err("a placeholder is not opened");
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { text: text.to_owned(), parts })
    }

    /// The text as written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names it uses.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Name(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The text with every placeholder replaced; the name of the first that stands for nothing.
    pub(crate) fn fill(&self, values: &Values<'_>) -> Result<String, String> {
        self.fill_with(values, |_, value| Cow::Borrowed(value))
    }

    /// The same for a URL: what no pattern vouches for is percent-encoded, so that a token or an id
    /// cannot become a path, a query or a host.
    pub(crate) fn fill_url(&self, values: &Values<'_>) -> Result<String, String> {
        self.fill_with(values, |name, value| {
            if values.is_declared(name) {
                Cow::Borrowed(value)
            } else {
                Cow::Owned(percent_encoded(value))
            }
        })
    }

    fn fill_with<'a>(
        &self,
        values: &'a Values<'a>,
        spell: impl for<'v> Fn(&str, &'v str) -> Cow<'v, str>,
    ) -> Result<String, String> {
        let mut filled = String::with_capacity(self.text.len());
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Name(name) => {
                    let value = values.find(name).ok_or_else(|| name.clone())?;
                    filled.push_str(&spell(name, &value));
                }
            }
        }
        Ok(filled)
    }
}

/// Everything but RFC 3986's unreserved characters as `%XX`.
pub(crate) fn percent_encoded(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    out
}

impl Pointer {
    /// A pointer, which begins with a slash.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.starts_with('/') {
            Ok(Self(text.to_owned()))
        } else {
            Err("a JSON pointer begins with /")
        }
    }

    /// As RFC 6901 writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Locator {
    /// A pointer if it begins with a slash, else a template.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.starts_with('/') {
            Pointer::parse(text).map(Self::At)
        } else {
            Template::parse(text).map(Self::Made)
        }
    }

    /// The template, if it is one.
    pub(crate) const fn made(&self) -> Option<&Template> {
        match self {
            Self::Made(template) => Some(template),
            Self::At(_) => None,
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(reader)?).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Pointer {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(reader)?).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Locator {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(reader)?).map_err(de::Error::custom)
    }
}

/// Reads one value or a list of them.
pub(super) fn one_or_many<'de, D, T>(reader: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany<T> {
        One(T),
        Many(Vec<T>),
    }
    Ok(match OneOrMany::deserialize(reader)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(text: &str, known: &[(&str, &str)]) -> Result<String, String> {
        let none = BTreeMap::new();
        let values = Values { declared: &BTreeMap::new(), vars: &none, known };
        Template::parse(text).expect(text).fill_url(&values)
    }

    #[test]
    fn placeholders_are_replaced_and_encoded() {
        assert_eq!(
            fill("https://a/{token}/b", &[("token", "x/../y?z")]).as_deref(),
            Ok("https://a/x%2F..%2Fy%3Fz/b")
        );
        assert_eq!(fill("{a}{b}", &[("a", "1"), ("b", "2")]).as_deref(), Ok("12"));
    }

    #[test]
    fn a_placeholder_that_stands_for_nothing_is_named() {
        assert_eq!(fill("https://{host}/", &[]), Err("host".to_owned()));
    }

    #[test]
    fn broken_placeholders_are_refused() {
        for text in ["{", "}", "{}", "{A}", "a{b", "a}b", "{a b}", "{{a}}"] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }
}
