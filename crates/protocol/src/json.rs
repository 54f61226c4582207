//! JSON from strangers (RFC 8259), read strictly: a duplicate key at any depth, deep nesting, a
//! number out of range, a lone surrogate, a NUL or anything after the value is a refusal, because
//! two parsers that disagree about a document are an attack. Also the string writer for the JSON
//! that is too hot to serialise generically.

mod object;

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

pub use object::Object;

/// The longest JSON request body.
pub const MAX_BODY: usize = 64 * 1024;
/// How deep arrays and objects may nest.
pub const MAX_DEPTH: u8 = 16;

/// Why a document was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonError {
    /// It breaks the named rule of this file.
    Rule(&'static str),
    /// It is sound JSON but not of the expected shape. The text never repeats a value.
    Shape(String),
}

impl JsonError {
    /// The broken rule, for logs and tests.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Rule(reason) => reason,
            Self::Shape(reason) => reason,
        }
    }
}

/// Reads a request body as any JSON value.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    parse_within(MAX_BODY, bytes).map_err(JsonError::Rule)
}

/// Reads a request body as a `T`, under the same rules.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    serde_json::from_value(parse(bytes)?).map_err(|error| JsonError::Shape(shape(&error)))
}

/// Reads a document of at most `limit` bytes.
pub(crate) fn parse_within(limit: usize, bytes: &[u8]) -> Result<Value, &'static str> {
    if bytes.len() > limit {
        return Err("JSON document too large");
    }
    let broken = Cell::new(None);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Strict { depth: 0, broken: &broken }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| broken.get().unwrap_or_else(|| rule_behind(&error)))
}

/// Appends `text` as a JSON string, spelled as serde_json spells it.
pub fn push_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    // A fold without an early exit, so that the compiler looks at many bytes at once.
    if text.bytes().fold(false, |found, byte| found | needs_escape(byte)) {
        for byte in text.bytes() {
            push_escaped(out, byte);
        }
    } else {
        out.extend_from_slice(text.as_bytes());
    }
    out.push(b'"');
}

const fn needs_escape(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

fn push_escaped(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        0x08 => out.extend_from_slice(b"\\b"),
        0x0c => out.extend_from_slice(b"\\f"),
        0..0x20 => {
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
        }
        _ => out.push(byte),
    }
}

/// Builds a value while watching the rules serde_json does not. A broken rule is left in `broken`,
/// since a serde error can carry only text.
#[derive(Clone, Copy)]
struct Strict<'rule> {
    depth: u8,
    broken: &'rule Cell<Option<&'static str>>,
}

impl Strict<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(self.refuse("JSON nested too deep"));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    fn text<E: serde::de::Error>(self, text: String) -> Result<String, E> {
        // No text of ours holds a NUL, and PostgreSQL would answer it with an error of its own.
        if text.contains('\0') { Err(self.refuse("NUL in a JSON string")) } else { Ok(text) }
    }

    fn refuse<E: serde::de::Error>(self, reason: &'static str) -> E {
        self.broken.set(Some(reason));
        E::custom(reason)
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        self.text(text.to_owned()).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            let key = self.text(key)?;
            if object.contains_key(&key) {
                return Err(self.refuse("duplicate key in JSON"));
            }
            let value = members.next_value_seed(inner)?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

/// Names the rule behind serde_json's own refusal. Only its text tells the causes apart; the tests
/// below notice when that text changes.
fn rule_behind(error: &serde_json::Error) -> &'static str {
    let text = error.to_string();
    let begins = |start| text.starts_with(start);
    if begins("number out of range") {
        "JSON number out of range"
    } else if begins("lone leading surrogate") || begins("unexpected end of hex escape") {
        "lone surrogate in JSON"
    } else if begins("trailing characters") {
        "trailing bytes after JSON"
    } else {
        "malformed JSON"
    }
}

/// serde's account of a wrong shape, without the value it quotes: that may be a secret.
fn shape(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(", expected ") {
        Some((_, expected)) => format!("JSON value of the wrong type, expected {expected}"),
        None if text.starts_with("missing field") => text,
        None => "JSON value of the wrong shape".into(),
    }
}

#[cfg(test)]
mod tests;
